"""Channels to etcd's endpoints, one each, with TLS and keepalive; the one that fails hands over to the next.

One channel each and not one channel for all: etcd's certificates name their own host, and grpcio resolves only one
name per channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc
import msgspec

from edict.errors import HubError
from edict_hub.codes import Code

_OPTIONS = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", 256 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
]


class EtcdTls(msgspec.Struct, frozen=True):
    """The CA that etcd's certificates are checked with, and our client certificate where etcd asks for one."""

    ca: bytes
    cert: bytes | None = None
    key: bytes | None = None


class Connection:
    """The endpoints, and which of them is used now."""

    def __init__(self, endpoints: Sequence[str], tls: EtcdTls | None) -> None:
        self.endpoints = tuple(endpoints)
        self._channels = [_open(endpoint, tls) for endpoint in endpoints]
        self._now = 0

    @property
    def channel(self) -> Any:
        """The channel of the endpoint in use."""
        return self._channels[self._now]

    def failed(self, channel: Any) -> None:
        """Go on to the next endpoint, unless somebody else has already left this one."""
        if channel is self.channel:
            self._now = (self._now + 1) % len(self._channels)

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels:
            await channel.close()


def _open(endpoint: str, tls: EtcdTls | None) -> Any:
    parts = urlsplit(endpoint)
    if parts.scheme == "unix":
        return grpc.aio.insecure_channel(f"unix:{parts.path}", options=_OPTIONS)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise HubError(
            Code.CONFIG,
            f"{endpoint!r} is no etcd endpoint",
            where="etcd.endpoints",
            remedy="write http://host:2379, or https://host:2379 with a caFile",
        )
    if parts.scheme == "http":
        return grpc.aio.insecure_channel(parts.netloc, options=_OPTIONS)
    if tls is None:
        raise HubError(
            Code.CONFIG, f"{endpoint} needs a CA to check it with", where="etcd.caFile", remedy="set etcd.caFile"
        )
    return grpc.aio.secure_channel(
        parts.netloc, grpc.ssl_channel_credentials(tls.ca, tls.key, tls.cert), options=_OPTIONS
    )
