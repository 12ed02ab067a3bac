"""One supervised operating-system process with a log file; it ends when its starter does (see `_supervisor`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_SUPERVISOR = Path(__file__).with_name("_supervisor.py")


class Process:
    """A running command. Made by `Process.start`; safe to `stop` or `kill` more than once."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        """Wrap a started supervisor; use `start`."""
        self._popen = popen
        self.log = log
        assert popen.stdout is not None
        self.pid = int(popen.stdout.readline() or b"0")

    @classmethod
    def start(
        cls,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start `argv`, its output appended to `log`, in a session and process group of its own."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            popen = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), *map(str, argv)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        return cls(popen, log)

    def exit_code(self) -> int | None:
        """Return the exit code (128 + n for signal n), or None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait up to `timeout` seconds for the end and return the exit code; `subprocess.TimeoutExpired` if late."""
        return self._popen.wait(timeout)

    def kill(self) -> None:
        """SIGKILL the process group and wait for it to be gone."""
        self._request(b"K")
        self._reap(timeout=30)

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; returns when it is gone."""
        self._request(b"T")
        try:
            self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            self._request(b"K")
        self._reap(timeout=30)

    def _request(self, byte: bytes) -> None:
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError, ValueError):  # it has ended already
            self._popen.stdin.write(byte)
            self._popen.stdin.flush()

    def _reap(self, timeout: float) -> None:
        self._popen.wait(timeout)
        for stream in (self._popen.stdin, self._popen.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
