from __future__ import annotations

from pathlib import Path

import pytest

from edict_cli import main
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import FixedClock, MemoryHub, founded
from tests.unit.cli.town import ADA, BOB, Desk, Town


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return founded(tmp_path / "edict")


@pytest.fixture
def hub(workspace: Workspace) -> MemoryHub:
    return MemoryHub(workspace)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    clock = FixedClock()
    monkeypatch.setattr(main, "Session", lambda folder, verbose: Session(folder, verbose=verbose, clock=clock))
    monkeypatch.delenv("EDICT_PASSPHRASE", raising=False)
    return clock


@pytest.fixture
def town(tmp_path: Path, clock: FixedClock, capsys: pytest.CaptureFixture[str]) -> Town:
    papers = tmp_path / "papers"
    papers.mkdir()
    ada, bob = (Desk(tmp_path / name, clock, capsys) for name in (ADA, BOB))
    return Town(ada, bob, papers / "release.edict", papers)
