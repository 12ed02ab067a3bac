"""Ask the table of cases, then a short random run, and stop at the first fault.

``python -m tests.engines.mutants.hunt OVERLAY [DIALECT...]`` exits with 3 and prints the fault, or with 0 where there
is none. It refuses to judge any code but that of the overlay.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import edict.policy.semantics
import edict_agent.translate
from tests.engines.cases.judge import faults, faults_of_reference
from tests.engines.cases.table import cases
from tests.engines.engine import Engine
from tests.engines.mutants.overlay import FOUND, NOTHING
from tests.engines.rows import ROWS
from tests.env._build import ensure_parts

VERDICTS = 4000


def main(overlay: Path, dialects: list[str]) -> int:
    """Return the exit code."""
    for module in (edict.policy.semantics, edict_agent.translate):
        assert Path(str(module.__file__)).is_relative_to(overlay), f"{module.__file__} is not of the overlay"
    fault = next(_faults(dialects), None)
    if fault is None:
        return NOTHING
    print(fault)
    return FOUND


def _faults(dialects: list[str]) -> Iterator[str]:
    for case in cases():
        yield from faults_of_reference(case)
    for row in ROWS:
        if row.dialect not in dialects:
            continue
        with Engine(ensure_parts((row.part,))[row.part]) as engine:
            for case in cases():
                yield from faults(case, row, engine)
            from tests.engines.fuzz.run import run  # noqa: PLC0415 - seldom needed, and slow to import

            try:
                run(row, engine, VERDICTS, 0)
            except AssertionError as error:
                yield str(error)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:] or [row.dialect for row in ROWS]))
