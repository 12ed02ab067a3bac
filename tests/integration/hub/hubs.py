"""A hub's folder, replicas of it in this process, and clients of every kind, for the tests of the hub."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import yaml
from securesystemslib.signer import CryptoSigner

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of
from edict.pki.ca import OPERATOR_LIFETIME, CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import Role, cluster_id, hub_id, operator_id
from edict.trust import authoring
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT
from edict_hub import config as settings
from edict_hub.server import Addresses, Replica
from edict_hub.store import EtcdStore
from tests.unit.trust.federation import Federation, cluster, policy

DOMAIN = "test.example"
Options: TypeAlias = Sequence[tuple[str, int]]
SMALL_BUFFER: Options = [("grpc.http2.bdp_probe", 0)]
"""Of a reader that stops: grpc would else buffer many megabytes for it on a machine that is busy."""


@dataclass(frozen=True)
class Credentials:
    """A client certificate with its key."""

    cert: bytes
    key: bytes


@dataclass
class Hub:
    """The folder that `edict init` would make, and the authors' side."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.authors = Federation(now=self.now)
        self.ca = CertificateAuthority.create(DOMAIN, self.now)
        self.folder.mkdir(parents=True, exist_ok=True)
        key = new_private_key()
        server = self.ca.issue_hub(make_csr(key, hub_id(DOMAIN)), ["localhost", "127.0.0.1"], self.now)
        self.write("ca.crt", self.ca.certificate_pem)
        self.write("ca.key", self.ca.key_pem)
        self.write("server.crt", server)
        self.write("server.key", key)
        self.pinned = self.authors.metadata[ROOT]
        self.write("root.json", self.pinned)
        timestamp = self.authors.keys.timestamp
        assert isinstance(timestamp, CryptoSigner)
        self.write("timestamp.pem", timestamp.private_bytes)

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(data)

    def configure(self, endpoint: str | None, **fields: Any) -> Path:
        """Write hub.yaml and return its path."""
        plain = {
            "trustDomain": DOMAIN,
            "mtlsListen": "127.0.0.1:0",
            "enrolListen": "127.0.0.1:0",
            **({"etcd": {"endpoints": [endpoint]}} if endpoint else {"embedded": {"dataDir": "etcd"}}),
            **fields,
        }
        path = self.folder / "hub.yaml"
        path.write_text(yaml.safe_dump(plain))
        return path

    def operator(self, role: Role = Role.OPERATOR, lifetime: timedelta = OPERATOR_LIFETIME) -> Credentials:
        key = new_private_key()
        csr = make_csr(key, operator_id(DOMAIN, role, "olga"))
        return Credentials(self.ca.issue_operator(csr, role, "olga", self.now, lifetime), key)

    def agent(
        self, name: str, lifetime: timedelta = timedelta(hours=24), ended: timedelta | None = None
    ) -> Credentials:
        """Return an agent's certificate: one that begins now, or one that ended so long ago."""
        key = new_private_key()
        csr = make_csr(key, cluster_id(DOMAIN, name))
        begin = datetime.now(UTC) - (timedelta() if ended is None else ended + lifetime)
        return Credentials(self.ca.issue_cluster(csr, ClusterName(name), begin, lifetime), key)

    def request(self, *documents: bytes) -> pb.PublishRequest:
        """Sign documents and return the request that publishes them as the next release."""
        before = self._published()
        self.authors.put(*documents)
        blobs = [pb.Blob(digest=digest_of(content), content=content) for content in documents]
        return pb.PublishRequest(metadata=self._changed(before), blobs=blobs)

    def request_without(self, path: str) -> pb.PublishRequest:
        """Return the request that publishes the next release without a cluster's document."""
        before, authors = self._published(), self.authors
        gone = authoring.Change(path, None, None)
        authors.metadata.update(
            authoring.change(authors.targets, INVENTORY, [gone], authors.keys.inventory, authors.now)
        )
        return pb.PublishRequest(metadata=self._changed(before))

    def _published(self) -> dict[str, bytes]:
        return {} if self.authors.release == 1 else dict(self.authors.metadata)

    def _changed(self, before: dict[str, bytes]) -> list[pb.Metadata]:
        """Sign the next snapshot and return what differs."""
        self.authors.publish()
        return [
            pb.Metadata(role=role, version=version(content), content=content)
            for role, content in self.authors.metadata.items()
            if before.get(role) != content
        ]

    def channel(
        self, address: str, credentials: Credentials | None, ca: bytes | None = None, options: Options = ()
    ) -> Any:
        key, cert = (credentials.key, credentials.cert) if credentials else (None, None)
        tls = grpc.ssl_channel_credentials(ca or self.ca.certificate_pem, key, cert)
        limit = ("grpc.max_receive_message_length", 64 * 1024 * 1024)
        return grpc.aio.secure_channel(address, tls, options=[limit, *options])


def version(content: bytes) -> int:
    from edict_hub import raw  # noqa: PLC0415 - the helper alone needs it

    return raw.version_of(content, "")


@dataclass
class Running:
    """A replica that serves in this process."""

    hub: Hub
    replica: Replica
    store: EtcdStore
    addresses: Addresses
    stop: asyncio.Event
    serving: asyncio.Task[None]

    def admin(self, role: Role = Role.OPERATOR) -> Any:
        return rpc.AdminStub(self.hub.channel(self.addresses.mtls, self.hub.operator(role)))

    def federation(self, name: str, options: Options = ()) -> Any:
        return rpc.FederationStub(self.hub.channel(self.addresses.mtls, self.hub.agent(name), options=options))

    def enrolment(self) -> Any:
        return rpc.EnrolmentStub(self.hub.channel(self.addresses.enrol, None))


@contextlib.asynccontextmanager
async def replica(hub: Hub, endpoint: str, **fields: Any) -> AsyncIterator[Running]:
    """Run a replica until the end of the block."""
    config = settings.load(hub.configure(endpoint, **fields), {})
    store = EtcdStore([endpoint], clock=SystemClock())
    made = Replica(config, store, SystemClock(), random.Random(1))
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(made.serve(ready.set_result, stop))
    waited: set[asyncio.Future[Any]] = {ready, serving}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    try:
        yield Running(hub, made, store, ready.result(), stop, serving)
    finally:
        stop.set()
        await serving
        await store.close()


class Agent:
    """The agent's side of one stream; it acknowledges only what a test tells it to."""

    def __init__(self, stub: Any) -> None:
        self.call = stub.Sync()

    async def have(self, **fields: Any) -> None:
        await self.call.write(pb.AgentMessage(have=pb.Have(root_version=1, **fields)))

    async def ack(self, release: pb.Release, stage: pb.AckStage.ValueType, **fields: Any) -> None:
        ack = pb.Ack(release=release.release, timestamp_version=release.timestamp_version, stage=stage, **fields)
        await self.call.write(pb.AgentMessage(ack=ack))

    async def next(self, seconds: float = 10) -> pb.HubMessage:
        async with asyncio.timeout(seconds):
            message = await self.call.read()
        assert isinstance(message, pb.HubMessage)
        return message

    async def release(self, seconds: float = 10) -> pb.Release:
        message = await self.next(seconds)
        assert message.WhichOneof("kind") == "release"
        return message.release

    async def ended(self, seconds: float = 10) -> tuple[grpc.StatusCode, str]:
        """Wait for the end of the stream, and return how it ended."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(grpc.aio.AioRpcError):
                assert await self.call.read() is grpc.aio.EOF
            return await self.call.code(), await self.call.details()

    async def hears_nothing(self, seconds: float = 0.5) -> bool:
        reading = asyncio.ensure_future(self.call.read())
        done, _ = await asyncio.wait({reading}, timeout=seconds)
        self._reading = reading
        return not done


def token() -> tuple[bytes, bytes]:
    """Return a secret and its hash."""
    secret = secrets.token_bytes(32)
    return secret, hashlib.sha256(secret).digest()


__all__ = [
    "DOMAIN",
    "SMALL_BUFFER",
    "SNAPSHOT",
    "Agent",
    "Credentials",
    "Hub",
    "Running",
    "cluster",
    "policy",
    "replica",
    "token",
]
