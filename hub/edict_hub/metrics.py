"""The hub's instruments, by OpenTelemetry. Names here are what dashboards and rules use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_meter = metrics.get_meter("edict_hub")

publishes = _meter.create_counter("edict_hub_publishes", description="Releases committed by this replica")
errors = _meter.create_counter("edict_hub_errors", description="Calls that failed, by code")
acks = _meter.create_counter("edict_hub_acks", description="Acknowledgements of agents, by stage")
sent = _meter.create_counter("edict_hub_updates_sent", description="Releases written to agents")
sent_bytes = _meter.create_counter("edict_hub_update_bytes_sent", unit="By", description="Bytes of these")
receipts = _meter.create_counter("edict_hub_receipts", description="Receipts of agents, by outcome")
archived = _meter.create_counter("edict_hub_receipts_archived", description="Receipts moved to the archive")
publish_seconds = _meter.create_histogram("edict_hub_publish_duration", unit="s", description="From call to commit")


@dataclass(frozen=True)
class Gauges:
    """Where the gauges read; each function returns the present value."""

    release: Callable[[], float]
    agents: Callable[[], float]
    queued: Callable[[], float]
    faults: Callable[[], float]
    timestamp_age: Callable[[], float]
    timestamp_left: Callable[[], float]
    snapshot_left: Callable[[], float]
    certificate_left: Callable[[], float]


def observe(gauges: Gauges) -> None:
    """Register the gauges; call once, after telemetry is set up."""
    for name, unit, description, read in (
        ("edict_hub_release", "", "Number of the release that is served", gauges.release),
        ("edict_hub_connected_agents", "", "Streams on this replica", gauges.agents),
        ("edict_hub_queue_depth", "", "Updates that wait for an agent to read", gauges.queued),
        ("edict_hub_faults", "", "Keys in etcd that are damaged, and alarms", gauges.faults),
        ("edict_hub_timestamp_age", "s", "Time since the served timestamp was signed", gauges.timestamp_age),
        ("edict_hub_timestamp_expiry", "s", "Time until the served timestamp expires", gauges.timestamp_left),
        ("edict_hub_snapshot_expiry", "s", "Time until the served release expires", gauges.snapshot_left),
        ("edict_hub_certificate_expiry", "s", "Time until the server's certificate expires", gauges.certificate_left),
    ):
        _meter.create_observable_gauge(name, [_reader(read)], unit=unit, description=description)


def _reader(read: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _options: [Observation(read())]
