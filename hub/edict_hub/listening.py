"""Opening the hub's ports: limits, keepalive, age of connections, TLS that follows its certificates."""

from __future__ import annotations

from typing import Any

import grpc

from edict.errors import HubError
from edict_hub.codes import Code
from edict_hub.tls import ServerTls

AGENT_BYTES = 64 * 1024 * 1024
"""The largest message on the mutual TLS port: a publish, or a release for an agent that has nothing."""
ENROLMENT_BYTES = 256 * 1024
SHORT_AGE_MS = 30_000
"""Of a connection without a client certificate, and once more for its calls: an agent's call ends in 20 seconds.

A call counts from its headers on: who never sends the rest would keep everybody else out for as long as this.
"""
SHORT_STREAMS = 4
"""Calls at once on such a connection: agents make one."""
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 128),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # of a ping that is not keepalive's: else one in flight hides a dead link
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_connection_age_ms", 30 * 60 * 1000),  # grpc adds a jitter of a tenth
    ("grpc.max_connection_age_grace_ms", 25 * 60 * 1000),  # longer than a stream lives
]


def server(max_bytes: int, *, at_once: int | None = None) -> Any:
    """Return a server without services and addresses, for messages of at most so many bytes and so many calls.

    Where the calls are counted, anybody may call: connections are short, and have few calls each.
    """
    limits = {"grpc.max_receive_message_length": max_bytes, "grpc.max_send_message_length": max_bytes}
    if at_once is not None:
        limits |= {
            "grpc.max_concurrent_streams": SHORT_STREAMS,
            "grpc.max_connection_age_ms": SHORT_AGE_MS,
            "grpc.max_connection_age_grace_ms": SHORT_AGE_MS,
        }
    return grpc.aio.server(options=list((dict(_OPTIONS) | limits).items()), maximum_concurrent_rpcs=at_once)


def listen(target: Any, address: str, tls: ServerTls) -> str:
    """Open an address with TLS; return it with the port that it got.

    Raises:
        HubError: EDICT0408.
    """
    host = address.rpartition(":")[0]
    try:
        port = target.add_secure_port(address, tls.credentials())
    except RuntimeError as error:
        raise HubError(
            Code.CANNOT_LISTEN,
            f"this address cannot be opened: {error}",
            where=address,
            remedy="choose another port; 0 takes a free one",
        ) from None
    return f"{host}:{port}"
