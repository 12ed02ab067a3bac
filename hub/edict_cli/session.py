"""What every verb is given: the folder, the clock, the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from edict.clock import Clock, SystemClock


@dataclass
class Session:
    """One run of the command."""

    folder: Path
    verbose: bool = False
    clock: Clock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        """Return the wall time, UTC."""
        return self.clock.now()

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()


pass_session = click.make_pass_decorator(Session)
