"""A run without its verdicts, what is translated alone: the same seeds draw the same policies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from hypothesis import given

from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict_agent.translate import Plan, translate
from tests.engines.fuzz.drawing import Drawn, drawn
from tests.engines.fuzz.parts import Kind
from tests.engines.fuzz.run import BATCH, repeatable
from tests.engines.fuzz.tally import Tally
from tests.engines.fuzz.worlds import cluster
from tests.engines.rows import Row


def objects_of(row: Row, batches: int, plans: Iterable[Plan]) -> list[dict[str, Any]]:
    """Return the distinct objects of so many batches of a run, from seed 0 on, and of some plans."""
    found: dict[bytes, dict[str, Any]] = {}
    for plan in (*plans, *(_plan(row, one) for batch in range(batches) for one in drawn_batch(batch))):
        for rendered in plan.objects:
            found.setdefault(msgspec.json.encode(rendered.body, order="sorted"), rendered.body)
    return list(found.values())


def exactness_of(row: Row, batches: int) -> Tally:
    """Return how many common policies are exact, of so many batches that have no others."""
    tally = Tally()
    for batch in range(batches):
        for one in drawn_batch(batch, Kind.COMMON):
            tally.count_fidelity(one, _plan(row, one))
    return tally


def _plan(row: Row, one: Drawn) -> Plan:
    facts = row.facts(cluster(one.cluster).world, one.pod_cidrs, one.node_cidrs)
    return translate(row.dialect, one.policies, facts, DEFAULT_AGENT_NAMESPACE)


@lru_cache
def drawn_batch(batch: int, kind: Kind | None = None) -> tuple[Drawn, ...]:
    """Return what a batch draws, of one kind alone if it is given."""
    found: list[Drawn] = []

    @repeatable(batch)
    @given(drawn(kind))
    def take(one: Drawn) -> None:
        found.append(one)

    take()
    assert len(found) == BATCH
    return tuple(found)
