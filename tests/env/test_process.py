"""What `Process` promises: whatever was started ends with its starter, however the starter ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.env._process import Process

ROOT = Path(__file__).parents[2]
FAMILY = ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"]
"""A command that starts a child of its own and ignores SIGTERM."""
STARTER = """
import sys
from pathlib import Path
from tests.env._process import Process
process = Process.start(sys.argv[2:], log=Path(sys.argv[1]))
print(process.pid, process._popen.pid, flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="awaits the end of a process by its pidfd")


def ended(pid: int, within: float = 10) -> bool:
    """Await the end of any process, also one that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within)[0])
    finally:
        os.close(descriptor)


def grandchild(log: Path) -> int:
    """Return the process id that FAMILY wrote, once it has."""
    while not log.read_text().endswith("\n"):
        os.sched_yield()
    return int(log.read_text())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_starter_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(log), *FAMILY],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout is not None
    pids = [int(pid) for pid in starter.stdout.readline().split()]
    pids.append(grandchild(log))
    assert not any(ended(pid, within=0) for pid in pids)
    starter.send_signal(number)
    starter.communicate()
    assert all(ended(pid) for pid in pids)


def test_the_command_dies_with_its_supervisor(tmp_path: Path) -> None:
    process = Process.start(["sleep", "600"], log=tmp_path / "log")
    os.kill(process._popen.pid, signal.SIGKILL)
    assert ended(process.pid)
    process.kill()


def test_kill_ends_the_whole_group_and_may_be_repeated(tmp_path: Path) -> None:
    process = Process.start(FAMILY, log=tmp_path / "log")
    child = grandchild(process.log)
    process.kill()
    process.kill()
    assert ended(process.pid, within=0)
    assert ended(child)
    assert process.exit_code() == 128 + signal.SIGKILL


def test_stop_kills_what_ignores_the_polite_signal(tmp_path: Path) -> None:
    process = Process.start(FAMILY, log=tmp_path / "log")
    grandchild(process.log)
    process.stop(grace=0.1)
    assert process.exit_code() == 128 + signal.SIGKILL


def test_the_exit_code_and_the_output_are_the_commands_own(tmp_path: Path) -> None:
    process = Process.start(["sh", "-c", "echo out; echo err >&2; exit 7"], log=tmp_path / "log")
    assert process.wait(10) == 7
    process.stop()
    assert process.log.read_text() == "out\nerr\n"


def test_a_command_that_does_not_exist_is_told_in_the_log(tmp_path: Path) -> None:
    process = Process.start(["/nowhere/nothing"], log=tmp_path / "log")
    assert process.wait(10) == 127
    process.stop()
    assert "cannot run /nowhere/nothing" in process.log.read_text()
