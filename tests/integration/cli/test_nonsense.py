"""Whatever a command is given, it ends within five seconds with exit code 2 and one coded message."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edict_cli.main import run
from tests.integration.cli.conftest import RunningHub
from tests.integration.cli.desk import PASSPHRASE, Desk, Ended
from tests.integration.cli.nonsense import ALL, LIVE, Case
from tests.unit.cli.authors import cluster, policy

EDICT = Path(sys.executable).with_name("edict")
MESSAGE = re.compile(r"Error \[(EDICT\d{4})\]( \([^\n]+\))? [^\n]+\.( Try: [^\n]+)?")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose hub does not run, with a policy and a cluster that are pending."""
    folder = tmp_path_factory.mktemp("made") / "edict"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
        addresses = ("--hub", "127.0.0.1:1", "--enrol", "127.0.0.1:2")
        assert run(["init", str(folder), "--trust-domain", "bank.example", "--team", "net", *addresses]) == 0
        (folder.parent / "documents.yaml").write_bytes(policy("one") + b"---\n" + cluster("fra1"))
        assert run(["-C", str(folder), "sign", "-f", str(folder.parent / "documents.yaml")]) == 0
    return folder


def filled(text: str, workspace: Path) -> str:
    return text.replace("{ws}", str(workspace))


def assert_coded(ended: Ended, code: str) -> None:
    errors = [line for line in ended.err.splitlines() if line.startswith("Error [")]
    assert len(errors) == 1, ended
    found = MESSAGE.fullmatch(errors[0])
    assert found is not None, errors
    assert found[1] == code, errors
    assert ended.code == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert ended.seconds < 5, ended


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_nonsense(
    case: Case, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "edict"
    shutil.copytree(made, workspace)
    case.breaking(workspace)
    for name, value in case.env.items():
        monkeypatch.setenv(name, value)
    arguments = [filled(argument, workspace) for argument in case.argv]
    assert_coded(Desk(workspace, capsys)(*arguments, expect=None), case.code)


def test_the_workspace_that_the_cases_break_is_good(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "edict"
    shutil.copytree(made, workspace)
    (workspace / "new.yaml").write_bytes(policy("new"))
    assert "added" in Desk(workspace, capsys)("sign", "-f", str(workspace / "new.yaml")).out


@pytest.mark.parts
def test_nonsense_to_a_running_hub(desk: Desk, hub: RunningHub, tmp_path: Path) -> None:
    desk("cluster", "add", "fra1", "--plugin", "cilium", "--publish")
    for number, case in enumerate(LIVE):
        workspace = tmp_path / f"case-{number}"
        shutil.copytree(hub.workspace, workspace)
        case.breaking(workspace)
        ended = Desk(workspace, desk.capture)(*(filled(argument, workspace) for argument in case.argv), expect=None)
        assert_coded(ended, case.code)
    other = tmp_path / "other"
    settings = (hub.workspace / "workspace.yaml").read_text()
    desk("init", str(other), "--trust-domain", "other.example", "--hub", "h:1", "--enrol", "h:2", "--team", "net")
    (other / "workspace.yaml").write_text(settings)
    assert_coded(Desk(other, desk.capture)("status", expect=None), "EDICT0450")
    lines = dict(line.split(": ", 1) for line in settings.splitlines())
    (hub.workspace / "workspace.yaml").write_text(settings.replace(lines["hub"], lines["enrol"]))
    assert_coded(desk("status", expect=None), "EDICT0452")


def installed(*arguments: str, **env: str) -> Ended:
    begun = time.monotonic()
    done = subprocess.run(
        [EDICT, *arguments], env={**os.environ, **env}, capture_output=True, text=True, timeout=20, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


def test_the_installed_command_says_the_same(made: Path) -> None:
    assert_coded(installed("-C", str(made), "status"), "EDICT0450")
    assert_coded(installed("-C", "/nonexistent", "status"), "EDICT0604")
    assert_coded(installed("status", EDICT_WORKSPACE="/nonexistent"), "EDICT0604")
    assert_coded(installed("nonsense"), "EDICT0601")


def test_a_traceback_only_when_asked_for(made: Path) -> None:
    ended = installed("--verbose", "-C", str(made), "status")
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("Error [EDICT0450]")


def test_an_unknown_failure_is_coded_too(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("edict_cli.verbs.sign.Workspace", failing)
    assert_coded(Desk(made, capsys)("sign", expect=None), "EDICT0600")


def test_ctrl_c_is_coded(made: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "never.yaml"
    os.mkfifo(fifo)
    command = subprocess.Popen(
        [EDICT, "-C", made, "sign", "-f", fifo], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    writer = fifo.open("wb")  # returns when the command has opened it to read
    try:
        time.sleep(0.1)
        begun = time.monotonic()
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=5)
    finally:
        writer.close()
        command.kill()
    assert_coded(Ended(command.returncode, out, err, time.monotonic() - begun), "EDICT0602")


def test_no_colour_where_nobody_wants_it(made: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "edict"
    shutil.copytree(made, workspace)
    listing = ("-C", str(workspace), "sign", "-f", str(made.parent / "documents.yaml"))
    colour = "\x1b[2m"
    assert colour in installed(*listing, FORCE_COLOR="1").out
    plain = installed(*listing)
    assert "\x1b" not in plain.out + plain.err
    changed = ("-C", str(workspace), "sign", "--remove", "net/one")
    assert "\x1b[3" not in installed(*changed, FORCE_COLOR="1", NO_COLOR="1").out
