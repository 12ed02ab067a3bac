"""What somebody on the network has: a place between agent and hub, other authorities' certificates, no key of ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict_agent.store.identity import Identity, Pins
from edict_agent.sync.link import Link
from tests.integration.hub.hubs import DOMAIN, Credentials, Hub

C1 = ClusterName("c1")


def identity(hub: Hub, certificate: Credentials, *, ca: bytes = b"") -> Identity:
    """Return an agent's identity that pins the hub's CA."""
    pins = Pins(
        cluster=C1,
        hub="",
        enrol="",
        trust_domain=DOMAIN,
        ca_pem=(ca or hub.ca.certificate_pem).decode(),
        root_sha256="0" * 64,
    )
    return Identity(pins=pins, key_pem=certificate.key, receipt_key=b"\1" * 32, certificate=certificate.cert)


async def greets(link: Link) -> bool:
    """Tell whether an agent's first call on a link is answered."""
    try:
        return (await link.hello(pb.HelloRequest())).admitted
    except grpc.aio.AioRpcError:
        return False
    finally:
        await link.close()


def csr(key: bytes, name: ClusterName = C1) -> bytes:
    """Return a certificate request for a cluster."""
    return make_csr(key, cluster_id(DOMAIN, name))


def fresh_key() -> bytes:
    """Return a private key of the thief's own."""
    return new_private_key()


@dataclass
class Impostor:
    """A server that takes an agent's calls as a hub would, and keeps what it hears."""

    address: str = ""
    heard: list[Any] = field(default_factory=list)

    async def Hello(self, request: pb.HelloRequest, _context: Any) -> pb.HelloResponse:  # noqa: N802 - gRPC's name
        self.heard.append(request)
        return pb.HelloResponse(admitted=True)

    async def Enrol(self, request: pb.EnrolRequest, _context: Any) -> pb.EnrolResponse:  # noqa: N802 - gRPC's name
        self.heard.append(request)
        return pb.EnrolResponse()

    Reenrol = Renew = Sync = None


@contextlib.asynccontextmanager
async def impostor(shown: Credentials | None) -> AsyncIterator[Impostor]:
    """Run a server that shows a certificate of the thief's choice; None speaks without TLS."""
    made = Impostor()
    server = grpc.aio.server()
    rpc.add_FederationServicer_to_server(made, server)  # type: ignore[arg-type]
    rpc.add_EnrolmentServicer_to_server(made, server)  # type: ignore[arg-type]
    if shown is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(shown.key, shown.cert)]))
    made.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield made
    finally:
        await server.stop(None)


Tamper = Callable[[bytes], bytes]


@dataclass
class Wire:
    """A cable with somebody on it: passes bytes on, changed, or swallows them."""

    address: str = ""
    passed: int = 0
    cut: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def wire(to: str, tamper: Tamper) -> AsyncIterator[Wire]:
    """Lay a cable to an address; ``tamper`` sees every piece that goes towards it."""
    made, tasks = Wire(), set[asyncio.Task[None]]()
    host, _, port = to.rpartition(":")

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, change: Tamper) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if made.cut.is_set():
                    continue
                made.passed += len(data)
                target.write(change(data))
                await target.drain()
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_in, there_out = await asyncio.open_connection(host, int(port))
        for way in (pump(reader, there_out, tamper), pump(there_in, writer, lambda data: data)):
            task = asyncio.create_task(way)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)
