"""What a pending release changes about who signs what, for whoever publishes it."""

from __future__ import annotations

from collections.abc import Iterator

from edict.trust import authorities
from edict.trust.drafting import Base
from edict_cli.showing import holding_lines
from edict_cli.signing import Difference
from edict_cli.store.pending import Wanted


def changed_roles(base: Base, wanted: Wanted) -> Iterator[tuple[str, Difference]]:
    """Yield each role whose keys, threshold or limits change, and how; and whom clusters take for the hub."""
    before = base.holdings()
    for role, holding in sorted(wanted.holdings.items()):
        if holding is None:
            yield f"role {role}", Difference.REMOVED
        else:
            yield f"role {role}", Difference.CHANGED if role in before else Difference.ADDED
    if authorities.FIELD in wanted.root_fields:
        yield "the hub's certificate authorities", Difference.CHANGED


def lines(base: Base, wanted: Wanted) -> Iterator[str]:
    """Yield the same with keys, thresholds and limits."""
    before = base.holdings()
    for role, holding in sorted(wanted.holdings.items()):
        yield from holding_lines(role, before.get(role), holding)
    if authorities.FIELD in wanted.root_fields:
        yield "changed  the hub's certificate authorities"
