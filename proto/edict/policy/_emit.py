"""Documents to YAML: one document has one spelling, whatever file it was read from."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from edict.policy._scalars import resolve_plain
from edict.policy.documents import AnyDocument

_MAPS = frozenset({"labels", "annotations", "matchLabels"})
"""Fields whose keys are the author's words; their order means nothing, so they are sorted."""


def to_yaml(document: AnyDocument) -> bytes:
    """Return the canonical YAML: fields in the model's order, defaults left out, ASCII, a final newline."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    ordered = {"apiVersion": plain.pop("apiVersion"), "kind": plain.pop("kind")} | plain
    return plain_yaml(_sorted(ordered))


def plain_yaml(value: Any) -> bytes:
    """Return plain objects as YAML that every reader reads alike: keys in their order, ASCII, a final newline."""
    dumped: bytes = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=1_000_000, encoding="utf-8"
    )
    return dumped


def _sorted(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        names = sorted(value) if key in _MAPS else list(value)
        return {name: _sorted(value[name], "" if key in _MAPS else name) for name in names}
    if isinstance(value, list | tuple):
        return [_sorted(entry) for entry in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Quotes every string that our reader would not read back as the same string; never writes an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value out each time it stands."""
        del data
        return True


def _string(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    try:
        plain = resolve_plain(value) == value
    except ValueError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _string)
