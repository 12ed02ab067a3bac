"""What only a terminal sees: questions, passphrases, progress. A real pseudo-terminal, and the installed command."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from pathlib import Path

EDICT = str(Path(sys.executable).with_name("edict"))
PASSPHRASE = "correct horse"  # noqa: S105 - of throw-away keys


def on_terminal(arguments: list[str], answers: dict[str, str]) -> tuple[int, str]:
    """Run the command on a pseudo-terminal, answer each question once; returns exit code and all that was shown."""
    environment = {name: value for name, value in os.environ.items() if name != "EDICT_PASSPHRASE"} | {"TERM": "xterm"}
    child, terminal = pty.fork()
    if child == 0:
        os.execve(EDICT, [EDICT, *arguments], environment)  # noqa: S606 - our own command
    shown, waiting, end = "", dict(answers), time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:
            break
        for question in [question for question in waiting if question in shown]:
            os.write(terminal, f"{waiting.pop(question)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def init(folder: Path) -> list[str]:
    return ["init", str(folder), "--trust-domain", "a.example", "--hub", "h:1", "--enrol", "h:2", "--team", "net"]


def test_keys_get_the_passphrase_that_is_typed_twice(tmp_path: Path) -> None:
    folder = tmp_path / "edict"
    questions = {"Passphrase for the new keys": PASSPHRASE, "The same again": PASSPHRASE}
    code, shown = on_terminal(init(folder), questions)
    assert code == 0, shown
    assert PASSPHRASE not in shown
    add = ["-C", str(folder), "cluster", "add", "fra1", "--plugin", "cilium"]
    code, shown = on_terminal(add, {"Passphrase of the keys": "wrong"})
    assert code == 2
    assert "EDICT0230" in shown
    code, shown = on_terminal(add, {"Passphrase of the keys": PASSPHRASE})
    assert code == 0, shown
    assert "inventory/fra1" in shown


def test_passphrases_that_differ_make_nothing(tmp_path: Path) -> None:
    questions = {"Passphrase for the new keys": PASSPHRASE, "The same again": "another"}
    code, shown = on_terminal(init(tmp_path / "edict"), questions)
    assert code == 2
    assert "EDICT0607" in shown
    assert not (tmp_path / "edict").exists()
