"""Random policies beside random NetworkPolicies: each dialect's engine and the reference agree on every verdict.

``make fuzz`` asks more of them: ``N`` verdicts of each dialect, from the seed ``SEED`` on, of one ``DIALECT`` alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec
import pytest
from msgspec import UNSET

from edict.policy.model import Action, EgressPeer, EgressRule, IngressPeer, Operator, Protocol, Tier
from edict.policy.rules import Direction, rules_of
from edict_agent.translate import Dialect
from tests.engines.conftest import EngineOf
from tests.engines.fuzz.run import run
from tests.engines.fuzz.translated import drawn_batch, exactness_of
from tests.engines.rows import ROWS, Row

VERDICTS = int(os.environ.get("EDICT_FUZZ", "20000"))
SEED = int(os.environ.get("EDICT_FUZZ_SEED", "0"))
_ENOUGH = 20000
"""A shorter run says too little of shares."""
_BATCHES = 10
"""Of common policies, which are only translated: a share of few would say little."""
_FLOORS = {"deciding": 0.8, "allow": 0.2, "deny": 0.2}


def test_every_dialect_is_held_against_the_reference() -> None:
    assert [row.dialect for row in ROWS] == list(Dialect)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_engine_and_reference_agree(row: Row, engine_of: EngineOf, capsys: pytest.CaptureFixture[str]) -> None:
    tally = run(row, engine_of(row.part), VERDICTS, SEED)
    shares = tally.shares()
    with capsys.disabled():
        print(f"\n{row.dialect}: {tally.verdicts:,} verdicts in {tally.worlds:,} clusters, 0 mismatches; ", end="")
        print(", ".join(f"{name} {share:.1%}" for name, share in shares.items()), f"\n  {tally.outcomes()}")
    if tally.verdicts >= _ENOUGH:
        for name, floor in _FLOORS.items():
            assert shares[name] >= floor, name
        assert bool(tally.stricter) is row.stricter


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_most_of_what_is_common_is_exact(row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    tally = exactness_of(row, _BATCHES)
    with capsys.disabled():
        print(f"\n{row.dialect}: {tally.admin_exact} of {tally.admin} common Admin policies are exact")
    assert tally.admin >= 800
    assert tally.shares()["exact"] >= row.exact


def test_every_construct_is_drawn() -> None:
    specs = [policy.document.spec.policy for batch in range(2) for one in drawn_batch(batch) for policy in one.policies]
    rules = [rule for spec in specs for rule in rules_of(spec)]
    peers = [peer for rule in rules for peer in rule.peers]
    protocols = [protocol for rule in rules for protocol in rule.protocols]
    written = msgspec.json.encode(specs).decode()
    for name in (*IngressPeer.__struct_fields__, *EgressPeer.__struct_fields__):
        assert any(getattr(peer, name, UNSET) is not UNSET for peer in peers), name
    for name in Protocol.__struct_fields__:
        assert any(getattr(protocol, name) is not UNSET for protocol in protocols), name
    for word in (*Operator, *Tier, *Action, "matchLabels", "except", "range", "number", "code", "http", "log"):
        assert f'"{word}"' in written, word
    assert {rule.direction for rule in rules} == set(Direction)
    assert any(_stand_in_order(spec.egress, Action.PASS, Action.DENY, Action.ACCEPT) for spec in specs)


def _stand_in_order(rules: Sequence[EgressRule], *actions: Action) -> bool:
    left = iter(rule.action for rule in rules)
    return all(action in left for action in actions)
