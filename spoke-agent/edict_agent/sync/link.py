"""What the agent asks of a hub, as a protocol, and its gRPC form over TLS.

A channel is rebuilt for each address and for each certificate, because grpcio keeps the credentials it began with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import grpc
import grpc.aio

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict_agent.store.identity import Identity

MAX_MESSAGE = 64 * 1024 * 1024
"""What a hub sends at most: a stolen one could fill the agent's memory with more."""
CALL_SECONDS = 20.0
_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # of a ping that is not keepalive's: else one in flight hides a dead link
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


class Stream(Protocol):
    """One open Sync."""

    async def send(self, message: pb.AgentMessage) -> None:
        """Send one message; waits while the hub reads slowly."""

    async def receive(self) -> pb.HubMessage | None:
        """Return the next message, or None when the hub ended the stream."""


class Link(Protocol):
    """One hub replica, with the identity of this agent."""

    async def hello(self, request: pb.HelloRequest) -> pb.HelloResponse:
        """Ask whether Sync may be opened."""

    def sync(self) -> AbstractAsyncContextManager[Stream]:
        """Open the stream."""

    async def renew(self, request: pb.RenewRequest) -> pb.RenewResponse:
        """Trade a certificate request for a new certificate."""

    async def close(self) -> None:
        """Close the channel."""


class Dial(Protocol):
    """Makes links."""

    def __call__(self, address: str, identity: Identity) -> Link:
        """Return a link to one address; nothing is connected yet."""


class _GrpcStream:
    def __init__(self, call: grpc.aio.StreamStreamCall[pb.AgentMessage, pb.HubMessage]) -> None:
        self._call = call

    async def send(self, message: pb.AgentMessage) -> None:
        await self._call.write(message)

    async def receive(self) -> pb.HubMessage | None:
        message = await self._call.read()
        return message if isinstance(message, pb.HubMessage) else None


class GrpcLink:
    """A link over mutual TLS."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub = rpc.FederationStub(channel)

    async def hello(self, request: pb.HelloRequest) -> pb.HelloResponse:
        """Ask whether Sync may be opened."""
        answer: pb.HelloResponse = await self._stub.Hello(request, timeout=CALL_SECONDS)
        return answer

    @asynccontextmanager
    async def sync(self) -> AsyncIterator[Stream]:
        """Open the stream; it is cancelled at the end of the block."""
        call = self._stub.Sync()
        try:
            yield _GrpcStream(call)
        finally:
            call.cancel()

    async def renew(self, request: pb.RenewRequest) -> pb.RenewResponse:
        """Trade a certificate request for a new certificate."""
        answer: pb.RenewResponse = await self._stub.Renew(request, timeout=CALL_SECONDS)
        return answer

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def dial(address: str, identity: Identity) -> Link:
    """Return a link over mutual TLS with the identity's certificate; only the authorities in its pins are believed."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=identity.pins.ca_pem.encode(),
        private_key=identity.key_pem,
        certificate_chain=identity.certificate,
    )
    return GrpcLink(grpc.aio.secure_channel(address, credentials, options=_OPTIONS))
