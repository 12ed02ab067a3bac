"""Does a live object say what the plan says: pure, by value and by who owns each field.

Three questions, because one alone is not enough:

- is every value that we render there (what the server defaults beside it does not count, except inside lists: a list
  that somebody lengthened is not ours);
- does ``metadata.managedFields`` still give us every field that we render, and none that we no longer do (a field of
  an earlier version goes away by applying again);
- has anybody else a field of ``spec`` that we do not render (server-side apply leaves it, so it is removed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from edict_agent.kube import Live
from edict_agent.kube.client import FIELD_MANAGER
from edict_agent.translate.objects import MANAGED_BY, MANAGER, POLICY_LABEL

Path: TypeAlias = tuple[str, ...]
SELECTOR = f"{MANAGED_BY}={MANAGER},{POLICY_LABEL}"
SAID = ("spec", "specs")
"""Where an object says what it is for: in one of these, of which the other is not there."""
_FIELDS = frozenset(f"f:{part}" for part in SAID)
_JUDGED = ("labels", "annotations")


def conforms(rendered: Mapping[str, Any], live: Live) -> bool:
    """Tell whether applying the rendered object again would change nothing, and nothing foreign stands beside it."""
    return (
        all(_contains(rendered.get(part), live.get(part)) for part in SAID)
        and all(_contains(_meta(rendered, part), _meta(live, part)) for part in _JUDGED)
        and _owned_exactly(rendered, live)
        and not foreign_fields(rendered, live)
    )


def is_ours(live: Live) -> bool:
    """Tell whether the object is one that this agent, or one before it, made."""
    return is_labelled(live) or _applied_fields(live) is not None


def is_labelled(live: Live) -> bool:
    """Tell whether the object carries both of our labels: only such an object is ever removed."""
    labels = _meta(live, "labels")
    return labels.get(MANAGED_BY) == MANAGER and POLICY_LABEL in labels


def foreign_fields(rendered: Mapping[str, Any], live: Live) -> list[Path]:
    """Return the fields of ``spec`` or ``specs`` that somebody else set and we do not render, outermost first."""
    found: list[Path] = []
    for entry in _managed(live):
        if not _is_our_apply(entry) and not entry.get("subresource"):
            fields = {name: sub for name, sub in (entry.get("fieldsV1") or {}).items() if name in _FIELDS}
            found += [path for path in _beside(fields, rendered, live, ()) if path not in found]
    return found


def _contains(rendered: Any, live: Any) -> bool:
    """Tell whether live has every value of rendered; empty values may be left out, as servers do."""
    match rendered:
        case Mapping():
            fields = live if isinstance(live, Mapping) else {}
            return all(_contains(value, fields.get(key)) for key, value in rendered.items())
        case list() | tuple():
            items = live if isinstance(live, list) else []
            return len(rendered) == len(items) and all(
                _contains_item(ours, theirs) for ours, theirs in zip(rendered, items, strict=True)
            )
        case None:
            return live is None
        case _:
            return bool(rendered == live)


def _contains_item(rendered: Any, live: Any) -> bool:
    """Compare an item of a list: what stands beside our fields must be empty (Calico writes ``source: {}``)."""
    if not isinstance(rendered, Mapping) or not isinstance(live, Mapping):
        return _contains(rendered, live)
    beside = (value for key, value in live.items() if key not in rendered)
    return _contains(rendered, live) and not any(_says_something(value) for value in beside)


def _says_something(value: Any) -> bool:
    match value:
        case Mapping():
            return any(_says_something(part) for part in value.values())
        case list():
            return bool(value)
        case _:
            return value is not None


def _owned_exactly(rendered: Mapping[str, Any], live: Live) -> bool:
    owned = _applied_fields(live)
    if owned is None:
        return False
    metadata = owned.get("f:metadata") or {}
    if any((part in rendered) != (f"f:{part}" in owned) for part in SAID):
        return False
    return _same_fields(rendered.get("spec") or {}, owned.get("f:spec") or {}) and all(
        _same_fields(_meta(rendered, part), metadata.get(f"f:{part}") or {}) for part in _JUDGED
    )


def _same_fields(rendered: Any, owned: Mapping[str, Any]) -> bool:
    """Tell whether a managed field set has the rendered fields and no others; a leaf or a list is owned whole."""
    if not isinstance(rendered, Mapping):
        return True
    ours = {key.removeprefix("f:"): sub for key, sub in owned.items() if key.startswith("f:")}
    if not ours:
        return True
    return rendered.keys() == ours.keys() and all(_same_fields(rendered[key], ours[key]) for key in ours)


def _beside(fields: Mapping[str, Any], rendered: Any, live: Any, path: Path) -> Iterator[Path]:
    """Yield the paths of a managed field set that live has and rendered has not."""
    if not isinstance(rendered, Mapping) or not isinstance(live, Mapping):
        return
    for key, sub in fields.items():
        name = key.removeprefix("f:")
        if not key.startswith("f:") or name not in live:
            continue
        if name not in rendered:
            yield (*path, name)
        else:
            yield from _beside(sub, rendered[name], live[name], (*path, name))


def _managed(live: Live) -> list[Mapping[str, Any]]:
    return list((live.get("metadata") or {}).get("managedFields") or [])


def _is_our_apply(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"


def _applied_fields(live: Live) -> Mapping[str, Any] | None:
    for entry in _managed(live):
        if _is_our_apply(entry) and not entry.get("subresource"):
            return entry.get("fieldsV1") or {}
    return None


def _meta(body: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    return (body.get("metadata") or {}).get(part) or {}
