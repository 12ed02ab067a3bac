"""Runs one command and makes sure that it does not outlive whoever started it.

Started as a script of its own (standard library only, no site-packages) with the command as its arguments, a pipe
from the starter as standard input and a pipe to the starter as standard output; standard error is the command's log.

The starter writes one byte per request: ``T`` sends SIGTERM, ``K`` sends SIGKILL to the command's process group.
End of file means that the starter is gone, however it went (Ctrl-C, SIGKILL, a crash): the group is killed. The
kernel closes a dead process's pipes, which is why this holds where an exit handler would not. The command in turn
dies with this supervisor (PR_SET_PDEATHSIG, which is reliable here because this process has a single thread).

Written to standard output: the command's process id as one line, and nothing else. Exit code: the command's, or
128 + the signal that ended it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; a no-op where that does not exist."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - 10 ms that only Linux has to pay

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request was made
        os._exit(1)


def _spawn(argv: list[str]) -> int:
    """Fork and execute `argv` in a process group of its own; return its process id."""
    parent = os.getpid()
    null = os.open(os.devnull, os.O_RDONLY)
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)
        _die_with_parent(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(null, 0)
        os.dup2(2, 1)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error}\n".encode())
    os._exit(127)


def _kill_group(pid: int, number: int) -> None:
    """Signal the whole group, or the one process while it has not yet made its group."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
        except ProcessLookupError:
            continue
        return


def _ended(pid: int) -> int | None:
    """Return the exit code of `pid`, or None while it runs."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(argv: list[str]) -> int:
    """Supervise `argv` until it ends; return its exit code."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    pid = _spawn(argv)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        _kill_group(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(1, f"{pid}\n".encode())
    watched = [0, wake_read]
    while True:
        code = _ended(pid)
        if code is not None:
            _kill_group(pid, signal.SIGKILL)  # whatever the command itself left behind
            return code
        ready, _, _ = select.select(watched, [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if 0 not in ready:
            continue
        request = os.read(0, 1)
        if request == b"T":
            _kill_group(pid, signal.SIGTERM)
        else:
            _kill_group(pid, signal.SIGKILL)
            if not request:
                watched.remove(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
