"""Into how many bins a team's policies go: what one changed document costs on the wire.

A change sends the bin that names the document, and the snapshot, which names every bin of every team. Measured on real
metadata: 152 bytes of snapshot for a role, 243 of a bin for a document. 2ᵇ bins of n documents therefore cost
152·2ᵇ + 243·n/2ᵇ bytes: few bins are dear for a large team, many bins for everybody. All documents in one team:

========= ===== ================= =======================================
documents  bins documents in each bytes of one change, without the document
========= ===== ================= =======================================
100          16                 6    5,394 (measured)
1,000        32                31   13,699 (measured)
2,000        64                31   12,233 (measured)
10,000      128                78   39,225 (measured)
10,000       16               625  154,000 (what it would be)
10,000    1,024                10  158,000 (what it would be)
========= ===== ================= =======================================

(The snapshot also names, for ever, the 16 bins that a team had first: a role that was in a release is in all later
ones, or agents would take it for a release that drops something.)

Teams grow by doubling their bins; nothing shrinks. A team that grows is sent whole once, about 250 bytes a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIRST_BITS = 4
"""16 bins: what a new team has."""
MOST_BITS = 12
CROWDED = 48
"""Documents in each bin up to which nothing is done."""
ROLE_BYTES = 152
DOCUMENT_BYTES = 243


@dataclass(frozen=True)
class Load:
    """A team's documents and the bins that it has, as a power of two."""

    documents: int
    bits: int


def bits_for(team: str, loads: Mapping[str, Load]) -> int:
    """Return how many bins a team is to have, as a power of two: as many as it has, or more.

    The answer is the one that makes the dearest change of one document in the whole federation cheapest, where every
    team follows the same rule.

    Args:
        team: which one.
        loads: of every team.
    """
    load = loads[team]
    if load.documents <= CROWDED << load.bits:
        return load.bits
    plans = [{name: _bits(one, CROWDED << step) for name, one in loads.items()} for step in range(MOST_BITS)]
    best = min(reversed(plans), key=lambda plan: _cost(plan, loads))
    return best[team]


def _bits(load: Load, most: int) -> int:
    bits = load.bits
    while bits < MOST_BITS and load.documents > most << bits:
        bits += 1
    return bits


def _cost(plan: Mapping[str, int], loads: Mapping[str, Load]) -> float:
    snapshot = ROLE_BYTES * sum(1 << bits for bits in plan.values())
    return snapshot + max(DOCUMENT_BYTES * loads[name].documents / (1 << bits) for name, bits in plan.items())
