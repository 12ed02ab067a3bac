"""What the agent counts: OpenTelemetry instruments by name, in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from edict.clock import Clock


@dataclass
class _Values:
    release: int = 0
    verified_at: datetime | None = None
    connected: bool = False
    objects: int = 0
    queue: int = 0
    floor_lost: bool = False
    expires: datetime | None = None


@dataclass
class Metrics:
    """The agent's numbers; gauges are read when somebody asks."""

    clock: Clock
    values: _Values = field(default_factory=_Values)

    def __post_init__(self) -> None:
        meter = metrics.get_meter("edict_agent")
        self._reverts = meter.create_counter("edict.agent.drift.reverts", description="Drift reverted, by kind.")
        self._errors = meter.create_counter("edict.agent.apply.errors", description="Writes that failed, by code.")
        self._rejected = meter.create_counter("edict.agent.releases.rejected", description="By code.")
        gauges: dict[str, tuple[str, Callable[[], float]]] = {
            "edict.agent.release": ("Last verified release.", lambda: self.values.release),
            "edict.agent.verified.age": ("Seconds since a release was last verified.", self.age),
            "edict.agent.connected": ("1 while a stream to the hub is open.", lambda: self.values.connected),
            "edict.agent.objects": ("Policy objects that stand.", lambda: self.values.objects),
            "edict.agent.queue": ("Objects to look at.", lambda: self.values.queue),
            "edict.agent.stale": ("1 while the release that is enforced has expired.", self.stale),
            "edict.agent.expires.left": ("Seconds until the release that is enforced expires.", self.left),
            "edict.agent.floor.lost": ("1 while a lost floor is not cleared.", lambda: self.values.floor_lost),
        }
        for name, (description, read) in gauges.items():
            meter.create_observable_gauge(name, callbacks=[_callback(read)], description=description)

    def age(self) -> float:
        """Return seconds since a release was last verified; NaN before the first."""
        at = self.values.verified_at
        return math.nan if at is None else (self.clock.now() - at).total_seconds()

    def left(self) -> float:
        """Return seconds until the release expires, below 0 when it has; NaN before the first."""
        expires = self.values.expires
        return math.nan if expires is None else (expires - self.clock.now()).total_seconds()

    def stale(self) -> bool:
        """Tell whether the release that is enforced has expired."""
        return self.left() <= 0

    def verified(self, release: int, at: datetime, expires: datetime | None) -> None:
        """Remember a verified release and when it expires."""
        self.values.release, self.values.verified_at, self.values.expires = release, at, expires

    def connected(self, *, state: bool) -> None:
        """Remember whether a stream is open."""
        self.values.connected = state

    def floor_lost(self, *, state: bool) -> None:
        """Remember whether a floor is lost."""
        self.values.floor_lost = state

    def objects(self, count: int) -> None:
        """Remember how many objects stand."""
        self.values.objects = count

    def queue(self, depth: int) -> None:
        """Remember how many objects wait to be looked at."""
        self.values.queue = depth

    def revert(self, kind: str) -> None:
        """Count a drift revert."""
        self._reverts.add(1, {"kind": kind})

    def apply_error(self, code: str) -> None:
        """Count a write that failed."""
        self._errors.add(1, {"code": code})

    def rejected(self, code: str) -> None:
        """Count a rejected release."""
        self._rejected.add(1, {"code": code})


def _callback(read: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """Observe a number as OTLP can carry it: no boolean, and nothing at all where there is no number yet."""

    def observe(_options: CallbackOptions) -> list[Observation]:
        value = float(read())
        return [] if math.isnan(value) else [Observation(value)]

    return observe
