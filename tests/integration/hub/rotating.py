"""An agent's way to the hub, whole and real, without a cluster: it verifies and keeps what it is sent.

Its own store is in memory, so that a test of the way to the hub needs no API server. A restart takes up that store.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence

from cryptography import x509
from tuf.api.metadata import Metadata, Root

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import hub_id
from edict.pki.token import Token
from edict.trust import authorities, verify
from edict.trust.roles import ROOT
from edict_agent.conformance.chain import Chain
from edict_agent.credentials import Credentials
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.identity import Identity, IdentityStore
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.client import HubClient
from edict_agent.sync.intake import Intake
from edict_agent.sync.link import Link, dial
from edict_agent.sync.session import Session
from tests.integration.hub.hubs import DOMAIN, Hub, Running, token
from tests.unit.agent.fakes import MemoryKube


class LightAgent:
    """The agent's credentials, its client, and what it has verified: release and monotonic time of each."""

    def __init__(self, name: str, given: Token, kube: MemoryKube | None = None) -> None:
        self.name = name
        self.token = given
        self.kube = kube or MemoryKube()
        self.verified: list[tuple[int, float]] = []
        self.dials = 0
        self.credentials: Credentials
        self.memory: Memory
        self._clock = SystemClock()

    def is_of(self, authority: CertificateAuthority) -> bool:
        """Tell whether an authority issued its certificate."""
        return self.is_of_certificate(authority.certificate)

    def is_of_certificate(self, authority: x509.Certificate) -> bool:
        """Tell the same of an authority's certificate."""
        return chains.issued(chains.split(self.credentials.identity.certificate)[0], authority)

    def _dial(self, address: str, identity: Identity) -> Link:
        self.dials += 1
        return dial(address, identity)

    async def run(self) -> None:
        clock, rng = self._clock, random.Random()
        store, metrics, acks = StateStore(self.kube, "ns", clock=clock), Metrics(clock), Acks()
        self.credentials = credentials = await Credentials.load(
            IdentityStore(self.kube, "ns"), self.token, self.name, clock=clock, rng=rng
        )
        enrol = Addresses(self.token.enrol, rng)
        await credentials.enrol_first(enrol)
        identity = credentials.identity
        stored = await store.load()
        pinned = verify.pin(identity.root, identity.pins.root_sha256)
        self.memory = memory = Memory(store, ClusterName(self.name), pinned, metrics=metrics)
        if stored is not None:
            assert memory.restore(stored)
        chain = Chain(store, identity.signer, memory.cluster, clock=clock, version="0", on_receipt=acks.wake.set)
        intake = Intake(memory, acks, clock=clock, metrics=metrics)
        client = HubClient(
            credentials,
            Session(memory, acks, chain, intake, clock=clock),
            chain,
            lambda: pb.HelloRequest(root_version=memory.state.root_version, release=memory.state.release),
            hub=Addresses(self.token.hub, rng),
            enrol=enrol,
            clock=clock,
            rng=rng,
            metrics=metrics,
            dial=self._dial,
        )
        credentials.root = lambda: memory.state.root
        memory.on_root = client.root_changed
        memory.on_change = lambda: self.verified.append((memory.state.release, time.monotonic()))
        async with asyncio.TaskGroup() as group:
            group.create_task(intake.run())
            group.create_task(client.run())


@contextlib.asynccontextmanager
async def agent_of(
    running: Running, name: str, *, kube: MemoryKube | None = None, pinned: Sequence[CertificateAuthority] = ()
) -> AsyncIterator[LightAgent]:
    """Run an agent that begins with a token of this hub, until the end of the block."""
    async with going(LightAgent(name, await token_of(running, name, *pinned), kube)) as agent:
        yield agent


async def token_of(running: Running, name: str, *pinned: CertificateAuthority) -> Token:
    """Make a token as the command does: it pins the newest root, and the hub's CA or others."""
    secret, digest = token()
    request = pb.CreateTokenRequest(cluster=name, secret_sha256=digest, expires_unix=int(time.time()) + 600)
    await running.admin().CreateToken(request)
    root = running.hub.authors.metadata[ROOT]
    return Token(
        cluster=ClusterName(name),
        hub=running.addresses.mtls,
        enrol=running.addresses.enrol,
        trust_domain=DOMAIN,
        secret=secret,
        ca_pem=pem(*(pinned or [running.hub.ca])),
        root_sha256=digest_of(root),
        root_version=Metadata[Root].from_bytes(root).signed.version,
    )


@contextlib.asynccontextmanager
async def going(agent: LightAgent) -> AsyncIterator[LightAgent]:
    """Run an agent until the end of the block."""
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is spread over a hub and an agent
            await asyncio.sleep(0.01)


def pem(*listed: CertificateAuthority) -> str:
    return b"".join(each.certificate_pem for each in listed).decode()


def listing(hub: Hub, *listed: CertificateAuthority, documents: Sequence[bytes] = ()) -> pb.PublishRequest:
    """Sign the next root, which lists authorities, and return the request that publishes it with documents."""
    before = hub._published()
    metadata = Metadata[Root].from_bytes(hub.authors.metadata[ROOT])
    metadata.signed.version += 1
    authorities.write(metadata.signed, [pem(each) for each in listed])
    metadata.sign(hub.authors.keys.root)
    hub.authors.metadata[ROOT] = metadata.to_bytes()
    hub.authors.put(*documents)
    blobs = [pb.Blob(digest=digest_of(content), content=content) for content in documents]
    return pb.PublishRequest(metadata=hub._changed(before), blobs=blobs)


def serve_under(hub: Hub, issuing: CertificateAuthority, *others: CertificateAuthority) -> None:
    """Give the hub's folder another CA and a server certificate of it, and others that are believed beside it."""
    key = new_private_key()
    leaf = issuing.issue_hub(make_csr(key, hub_id(DOMAIN)), ["localhost", "127.0.0.1"], hub.now)
    hub.write("ca.crt", pem(issuing, *others).encode())
    hub.write("ca.key", issuing.key_pem)
    hub.write("server.crt", leaf + issuing.chain_pem)
    hub.write("server.key", key)
    hub.ca = issuing
