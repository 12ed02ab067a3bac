"""What a build shows on standard error: a live line on a terminal, else a plain line at least every five seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_EVERY = 5.0
"""Seconds between two plain lines."""


class Progress(Protocol):
    """Where a build tells what it is doing."""

    def phase(self, text: str) -> None:
        """Replace the current phase by `text`, e.g. ``compiling, 312 packages``."""


class Silent:
    """Shows nothing; for tests of the build itself."""

    def phase(self, text: str) -> None:
        """Ignore `text`."""


class _Plain:
    """Prints one line per change of the first word of the phase, and one every `_EVERY` seconds."""

    def __init__(self, label: str, started: float) -> None:
        self._label = label
        self._started = started
        self._text = "starting"
        self._kind = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def phase(self, text: str) -> None:
        """Remember `text`; print at once when it is another kind of work."""
        self._text = text
        kind = text.split(maxsplit=1)[0]
        if kind != self._kind:
            self._kind = kind
            self._print()

    def close(self) -> None:
        """Stop the clock."""
        self._done.set()
        self._thread.join()

    def _tick(self) -> None:
        while not self._done.wait(_EVERY):
            self._print()

    def _print(self) -> None:
        elapsed = time.monotonic() - self._started
        print(f"{self._label}: {self._text} ({elapsed:.0f} s)", file=sys.stderr, flush=True)


@contextmanager
def _rich(label: str) -> Iterator[Progress]:
    """A spinner with the phase and the elapsed time, by rich."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.progress import Progress as RichProgress  # noqa: PLC0415 - same
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - same

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as live:
        task = live.add_task(label)

        class _Live:
            def phase(self, text: str) -> None:
                live.update(task, description=f"{label}: {text}")

        yield _Live()


@contextmanager
def show(label: str) -> Iterator[Progress]:
    """Show the progress of one part named `label` until the block ends, then say how long that took."""
    started = time.monotonic()
    if sys.stderr.isatty():
        with _rich(label) as live:
            yield live
    else:
        plain = _Plain(label, started)
        try:
            yield plain
        finally:
            plain.close()
    print(f"{label}: ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
