"""The trace of a publish: it starts here and ends at each agent. OTEL_EXPORTER_OTLP_ENDPOINT says where it is sent."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from edict import telemetry

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def traced(name: str) -> Iterator[str]:
    """Run a block in a new trace; yields its W3C traceparent."""
    running = telemetry.setup("edict", instance=socket.gethostname(), otlp=os.environ.get(ENDPOINT, ""))
    try:
        with running.tracing.get_tracer("edict_cli").start_as_current_span(name):
            yield telemetry.current_traceparent()
    finally:
        running.shutdown()
