"""What the demo prints: headings with the elapsed time, commands, and a spinner or dots while something takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console

QUIET_SECONDS = 5.0


class Screen:
    """Writes to stdout; on a terminal what runs is shown with a spinner, elsewhere with a line every five seconds."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._started = time.monotonic()

    def heading(self, text: str) -> None:
        """Begin a part of the demo."""
        elapsed = time.monotonic() - self._started
        self.console.print(f"\n[bold]── {text}[/bold]  [dim]{elapsed:.0f} s[/dim]", soft_wrap=True)

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(f"   {text}", markup=False, soft_wrap=True)

    def command(self, text: str) -> None:
        """Print a command that is being run for the reader."""
        self.console.print(f"   [cyan]$ {text}[/cyan]", soft_wrap=True)

    def output(self, text: str) -> None:
        """Print what a command printed."""
        for line in text.rstrip().splitlines():
            self.console.print(f"     {line.rstrip()}", markup=False, soft_wrap=True)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something is under way until the block ends."""
        if sys.stdout.isatty():
            with self.console.status(f"   {text}"):
                yield
            return
        done = Event()
        Thread(target=self._lines, args=(text, done), daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _lines(self, text: str, done: Event) -> None:
        started = time.monotonic()
        while not done.wait(QUIET_SECONDS):
            self.say(f"… {text} ({time.monotonic() - started:.0f} s)")
