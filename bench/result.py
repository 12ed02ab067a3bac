"""What a benchmark found: printed as one line, written to bench/out/<name>.json with the machine it ran on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

OUT = Path(__file__).parent / "out"


class Found(Protocol):
    """What a benchmark returns."""

    def line(self) -> str:
        """Return what is printed."""

    def write(self) -> Path:
        """Write it beside the machine it was measured on; returns the file."""


class Sample(msgspec.Struct, frozen=True):
    """Order statistics of one series of measurements."""

    median: float
    p99: float
    minimum: float
    maximum: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """Summarise at least two values; the 99th percentile interpolates (the inclusive method)."""
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        return cls(statistics.median(values), cuts[98], min(values), max(values), len(values))


class Result(msgspec.Struct, frozen=True):
    """One benchmark. `ratio` is Edict's median over the peer's: above 1 is slower than the peer."""

    name: str
    what: str
    unit: str
    edict: Sample
    peer_name: str
    peer: Sample
    target: str

    @property
    def ratio(self) -> float:
        """Edict's median divided by the peer's."""
        return self.edict.median / self.peer.median

    def line(self) -> str:
        """Return the printed line."""
        return (
            f"{self.name}: {self.what}: median {self.edict.median:.3g} {self.unit}, p99 {self.edict.p99:.3g}, "
            f"max {self.edict.maximum:.3g} (n={self.edict.count}; {self.target}); {self.peer_name}: "
            f"median {self.peer.median:.3g}, p99 {self.peer.p99:.3g}; ratio of medians {self.ratio:.2f}"
        )

    def write(self) -> Path:
        """Write the result; returns the file."""
        return write(self.name, {**msgspec.to_builtins(self), "ratio": self.ratio})


def write(name: str, found: dict[str, Any]) -> Path:
    """Write what was found beside the machine it was measured on; returns the file."""
    OUT.mkdir(exist_ok=True)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    path = OUT / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({**found, "machine": machine})) + b"\n")
    return path
