from __future__ import annotations

from pathlib import Path

import pytest

from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import MemoryHub, founded


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return founded(tmp_path / "edict")


@pytest.fixture
def hub(workspace: Workspace) -> MemoryHub:
    return MemoryHub(workspace)
