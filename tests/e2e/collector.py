"""An OTLP collector for tests: the real protocol, the spans kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Condition
from typing import Self

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class Seen:
    """One finished span."""

    service: str
    instance: str
    name: str
    trace: str
    span: str
    parent: str


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(  # noqa: N802 - the protocol's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for group in request.resource_spans:
            about = {item.key: item.value.string_value for item in group.resource.attributes}
            for scope in group.scope_spans:
                self._collector.add(
                    Seen(
                        about.get("service.name", ""),
                        about.get("service.instance.id", ""),
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                    )
                    for span in scope.spans
                )
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def Export(  # noqa: N802 - the protocol's name
        self, _request: metrics_service_pb2.ExportMetricsServiceRequest, _context: grpc.ServicerContext
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        return metrics_service_pb2.ExportMetricsServiceResponse()


class Collector:
    """Listens on a free port of 127.0.0.1 until it is closed."""

    def __init__(self) -> None:
        self._spans: list[Seen] = []
        self._changed = Condition()
        self._server = grpc.server(ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
            _Traces(self), self._server
        )
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call]
            _Metrics(), self._server
        )
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        """Serve."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop(None)

    def add(self, spans: Iterable[Seen]) -> None:
        """Keep spans."""
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def wait_for(self, enough: Callable[[list[Seen]], bool], timeout: float) -> list[Seen]:
        """Wait until a predicate of all spans holds; returns them, whether it held or not."""
        with self._changed:
            self._changed.wait_for(lambda: enough(self._spans), timeout)
            return list(self._spans)
