"""Lists without items that upstream refuses: seen in the plain objects, because a struct cannot tell them from none."""

from __future__ import annotations

from collections.abc import Iterator

from edict.errors import DocumentError
from edict.policy._yaml import Plain
from edict.policy.codes import Code
from edict.policy.origin import Origin, child, item

_NOT_EMPTY = ("protocols", "http")


def refuse_empty(value: dict[str, Plain], subject: str, origin: Origin) -> None:
    """Refuse a list without items where upstream does, and where its absence means everything."""
    for path, name in _empty_lists(value, "", ("spec", "policy")):
        raise DocumentError(
            Code.ITEMS,
            f"the list {name} has no items, which would match nothing, and its absence matches everything",
            where=origin.where(subject, path),
            remedy=f"add an item, or remove {name} to match everything",
        )


def _empty_lists(value: Plain, path: str, steps: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the empty ``protocols`` and ``http`` of the rules below a path, by place and name."""
    if steps:
        below = value.get(steps[0]) if isinstance(value, dict) else None
        yield from _empty_lists(below, child(path, steps[0]), steps[1:])
        return
    for direction in ("ingress", "egress"):
        rules = value.get(direction) if isinstance(value, dict) else None
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            for name in _NOT_EMPTY:
                if isinstance(rule, dict) and rule.get(name) == []:
                    yield child(item(child(path, direction), index), name), name
