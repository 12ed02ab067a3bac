"""The one error of the test environment: a code, what it is about, what happened, what to try.

Codes: 9001 a build failed; 9002 no usable Go; 9003 no such part; 9004 a process ended while starting;
9005 a process was not ready in time; 9006 the Kubernetes API refused an object of the set-up; 9007 a part of the
operating system that this machine cannot get.
"""

from __future__ import annotations

from pathlib import Path

NOT_FOR_THIS_MACHINE = "EDICT9007"
"""The code of what no run on this machine could have had."""


class EnvError(Exception):
    """A failure of the test environment, told in one line: ``Error [EDICT9001] (part etcd 3.7.3) ... Try: ...``."""

    def __init__(self, code: str, subject: str, what: str, *, remedy: str) -> None:
        """`code` is like ``EDICT9001``; `subject` names the part or process; `remedy` is an imperative."""
        self.code = code
        self.subject = subject
        self.what = what
        self.remedy = remedy
        super().__init__(f"Error [{code}] ({subject}) {what}. Try: {remedy}")


def last_lines(log: Path, count: int = 6) -> str:
    """Return the last `count` non-empty lines of a log file joined by `` | ``, or ``(no output)``."""
    try:
        text = log.read_bytes()[-16_384:].decode(errors="replace")
    except FileNotFoundError:
        return "(no output)"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-count:]) or "(no output)"
