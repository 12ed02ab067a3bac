"""One OpenTelemetry set-up for hub, agent and CLI: Prometheus for metrics, OTLP for both where it is configured.

A publish is one trace: the CLI starts it, the hub hands its ``traceparent`` (W3C Trace Context) down with the release,
and it ends in a span ``accepted`` at each agent. A traceparent is a hint for people, never believed by anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIServer

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import start_http_server

from edict.codes import Code
from edict.errors import UsageError

TRACEPARENT = "traceparent"


@dataclass
class Telemetry:
    """The running set-up of one process."""

    tracing: TracerProvider
    metering: MeterProvider
    server: WSGIServer | None = field(default=None)

    @property
    def metrics_port(self) -> int | None:
        """The port that serves Prometheus text, or None."""
        return None if self.server is None else int(self.server.server_port)

    def shutdown(self) -> None:
        """Send what is buffered and close."""
        self.tracing.shutdown()
        self.metering.shutdown()
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()


def setup(
    service: str, *, instance: str, metrics_port: int | None = None, metrics_host: str = "127.0.0.1", otlp: str = ""
) -> Telemetry:
    """Set the process's providers up; call once, at start.

    Args:
        service: ``edict-hub``, ``edict-agent`` or ``edict``.
        instance: the replica's or the cluster's name.
        metrics_port: serves Prometheus text at ``/metrics``; 0 takes a free port, None serves nothing.
        metrics_host: the address to listen on.
        otlp: ``http://host:port`` or ``https://host:port`` of an OTLP gRPC collector; empty sends nothing.

    Raises:
        UsageError: EDICT0690 when the metrics port cannot be opened.
    """
    resource = Resource.create({SERVICE_NAME: service, SERVICE_INSTANCE_ID: instance})
    tracing = TracerProvider(resource=resource)
    readers: list[MetricReader] = []
    if metrics_port is not None:
        readers.append(PrometheusMetricReader())
    if otlp:
        _add_otlp(tracing, readers, otlp)
    metering = MeterProvider(metric_readers=readers, resource=resource)
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)
    server = None if metrics_port is None else _serve(metrics_host, metrics_port)
    return Telemetry(tracing, metering, server)


def current_traceparent() -> str:
    """Return the traceparent of the current span, or the empty string outside of any."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get(TRACEPARENT, "")


def context_from(traceparent: str) -> Context:
    """Return the context that a traceparent names; a malformed one gives an empty context."""
    return propagate.extract({TRACEPARENT: traceparent}, context=Context())


def _add_otlp(tracing: TracerProvider, readers: list[MetricReader], endpoint: str) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - 8 MB
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - 8 MB

    insecure = endpoint.startswith("http://")
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=insecure)))
    readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint, insecure=insecure)))


def _serve(host: str, port: int) -> WSGIServer:
    try:
        server, _thread = start_http_server(port, addr=host)
    except OSError as error:
        raise UsageError(
            Code.METRICS_PORT,
            f"the metrics port cannot be opened: {error.strerror or error}",
            where=f"{host}:{port}",
            remedy="choose another port; 0 takes a free one",
        ) from None
    return server
