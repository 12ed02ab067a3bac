"""The cases and the random run can fail: each seeded fault is found, and where there is none nothing is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engines.mutants.overlay import FOUND, NOTHING, ROOT, Mutant, hunt, mutants
from tests.engines.rows import ROWS

WORKERS = 2


def test_there_are_enough_faults_and_each_has_its_place() -> None:
    assert len({mutant.name for mutant in mutants()}) >= 25
    assert {mutant.dialect for mutant in mutants()} == {row.dialect for row in ROWS}
    for mutant in mutants():
        assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, mutant.name


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_fault_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def found(mutant: Mutant) -> tuple[int, str]:
        return hunt(tmp_path / mutant.name, mutant)

    with ThreadPoolExecutor(WORKERS) as workers:
        results = dict(zip(mutants(), workers.map(found, mutants()), strict=True))
    with capsys.disabled():
        for mutant, (code, said) in results.items():
            print(f"\n{mutant.name}: {said.splitlines()[0][:120] if code == FOUND else f'exit {code}'}", end="")
    assert {mutant.name: said for mutant, (code, said) in results.items() if code != FOUND} == {}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_found_where_there_is_no_fault(tmp_path: Path) -> None:
    code, said = hunt(tmp_path, None)
    assert code == NOTHING, said
