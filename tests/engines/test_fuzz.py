"""Random policies beside random NetworkPolicies: each dialect's engine and the reference agree on every verdict.

``make fuzz`` asks more of them: ``N`` verdicts of each dialect, from the seed ``SEED`` on, of one ``DIALECT`` alone.
"""

from __future__ import annotations

import os

import pytest

from edict_agent.translate import Dialect
from tests.engines.conftest import EngineOf
from tests.engines.fuzz.run import run
from tests.engines.rows import ROWS, Row

VERDICTS = int(os.environ.get("EDICT_FUZZ", "20000"))
SEED = int(os.environ.get("EDICT_FUZZ_SEED", "0"))
_ENOUGH = 20000
"""A shorter run says too little of shares."""
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
        for name, floor in (*_FLOORS.items(), ("exact", row.exact)):
            assert shares[name] >= floor, name
