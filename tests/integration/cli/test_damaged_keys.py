"""An operator's or a CA's key that cannot be read is named by its file, with a remedy that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from edict_cli.main import run

FILES = [
    ("operator/operator.key", ["status"], "edict operator renew"),
    ("hub/ca.key", ["operator", "renew"], "edict hub authority"),
]


@pytest.mark.parametrize(("name", "asked", "remedy"), FILES)
def test_the_error_says_which_key_it_is_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, asked: list[str], remedy: str
) -> None:
    folder = tmp_path / "edict"
    init = ["init", str(folder), "--trust-domain", "bank.example", "--hub", "localhost:1", "--enrol", "localhost:2"]
    assert run([*init, "--no-passphrase"]) == 0
    (folder / name).write_bytes(b"x")
    capsys.readouterr()
    assert run(["-C", str(folder), *asked]) == 2
    said = capsys.readouterr().err
    assert "[EDICT0303]" in said
    assert f"({folder / name})" in said
    assert remedy in said
    assert "enrol again" not in said
