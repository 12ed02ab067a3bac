"""Where a new federation may be made, and for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from edict_cli.main import run
from edict_cli.store import settings

HERE = ["--trust-domain", "a.example", "--hub", "h:1", "--enrol", "h:2", "--no-passphrase"]


@pytest.mark.parametrize("folder", [".", "./", "../here", "new/", "new/.", "new/../new"])
def test_any_name_of_an_empty_folder_will_do(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert run(["init", folder, *HERE]) == 0
    made = here / "new" if folder.startswith("new") else here
    assert Path(folder, "workspace.yaml").resolve() == made / "workspace.yaml"
    assert made.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.rglob(".*.making"))
    assert run(["-C", folder, "cluster", "add", "fra1", "--plugin", "cilium"]) == 0


def test_without_a_team_there_is_one_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "edict"), *HERE]) == 0
    assert settings.load(tmp_path / "edict" / "workspace.yaml").team == "platform"
    assert "one team, platform" in capsys.readouterr().err
