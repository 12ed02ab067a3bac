"""Whatever a hub answers, the agent keeps its identity, goes on, and comes back in time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import grpc
import pytest
from tuf.api.metadata import Metadata, Root

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.trust import authorities, verify
from edict_agent.backoff import RECONNECT
from edict_agent.conformance.chain import Chain
from edict_agent.credentials import Credentials
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.identity import Identity, IdentityStore, Pins
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.client import MAX_AWAY_SECONDS, HubClient, bounded
from edict_agent.sync.intake import Intake
from edict_agent.sync.link import Link, Stream
from edict_agent.sync.session import Session
from tests.integration.agent.federation import Authors
from tests.unit.agent.fakes import MemoryKube, TurnedClock
from tests.unit.agent.test_chain import KEY, ONE

DOMAIN = "bank.example"


class QuietStream:
    """Takes everything and says nothing."""

    async def send(self, message: pb.AgentMessage) -> None:
        """Take it."""

    async def receive(self) -> pb.HubMessage | None:
        await asyncio.Event().wait()
        return None


class FakeHub:
    """Admits, and answers `Renew` with what `renewal` returns; counts what it is asked."""

    def __init__(self, clock: TurnedClock) -> None:
        self.ca = CertificateAuthority.create(DOMAIN, clock.now() - timedelta(days=10))
        self.clock = clock
        self.answer = pb.HelloResponse(admitted=True)
        self.fault: Exception | None = None
        self.renewal: bytes | None = None
        self.hellos: asyncio.Queue[float] = asyncio.Queue()
        self.renewals: asyncio.Queue[float] = asyncio.Queue()
        self.streams: list[str] = []
        self.open = 0
        self.most_open = 0
        self.refusing = False
        self.asked = 0
        self.on_stream: Callable[[], None] = lambda: None

    def certificate(self, csr_pem: bytes) -> bytes:
        return self.ca.issue_cluster(csr_pem, ONE, self.clock.now(), timedelta(hours=24))

    def dial(self, address: str, identity: Identity) -> Link:
        del address, identity
        return self

    async def hello(self, _request: pb.HelloRequest) -> pb.HelloResponse:
        self.hellos.put_nowait(self.clock.passed)
        self.asked += 1
        if self.refusing and self.asked > 1:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="away"
            )
        if self.fault is not None:
            raise self.fault
        return self.answer

    @asynccontextmanager
    async def sync(self) -> AsyncIterator[Stream]:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.streams.append("opened")
        self.on_stream()
        try:
            yield QuietStream()
        finally:
            self.open -= 1
            self.streams.append("ended")

    async def renew(self, request: pb.RenewRequest) -> pb.RenewResponse:
        self.renewals.put_nowait(self.clock.passed)
        found = self.certificate(request.csr_pem) if self.renewal is None else self.renewal
        return pb.RenewResponse(certificate_pem=found)

    async def close(self) -> None:
        """Nothing is open."""


class World:
    """An enrolled agent's client."""

    def __init__(self) -> None:
        self.clock = clock = TurnedClock()
        self.hub = FakeHub(clock)
        metrics, rng, kube = Metrics(clock), random.Random(1), MemoryKube()
        key = new_private_key()
        certificate = self.hub.certificate(make_csr(key, cluster_id(DOMAIN, "one")))
        pins = Pins(ClusterName("one"), "h:1", "h:2", DOMAIN, self.hub.ca.certificate_pem.decode(), "0" * 64)
        root = Authors().root
        identity = Identity(pins, key, KEY.private_bytes_raw(), certificate, root)
        self.credentials = Credentials(identity, IdentityStore(kube, "ns"), None, clock=clock, rng=rng)
        store, acks = StateStore(kube, "ns", clock=clock), Acks()
        memory = Memory(store, ONE, verify.pin(root), metrics=metrics)
        chain = Chain(store, KEY, ONE, clock=clock, version="0", on_receipt=lambda: None)
        intake = Intake(memory, acks, clock=clock, metrics=metrics)
        self.client = HubClient(
            self.credentials,
            Session(memory, acks, chain, intake, clock=clock),
            chain,
            pb.HelloRequest,
            hub=Addresses("h:1", rng),
            enrol=Addresses("h:2", rng),
            clock=clock,
            rng=rng,
            metrics=metrics,
            dial=self.hub.dial,
        )

    async def hears(self, queue: asyncio.Queue[float], times: int) -> list[float]:
        """Run the client until the hub was asked so often; returns when that was."""
        running = asyncio.create_task(self.client.run())
        asked = asyncio.create_task(self._take(queue, times))
        async with asyncio.timeout(10):
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert asked.done(), "the client ended"
        return asked.result()

    @staticmethod
    async def _take(queue: asyncio.Queue[float], times: int) -> list[float]:
        return [await queue.get() for _ in range(times)]


@pytest.fixture
def world() -> World:
    return World()


async def test_a_good_renewal_is_kept(world: World) -> None:
    before = world.credentials.identity
    await world.hears(world.hub.hellos, 2)
    assert world.credentials.identity.certificate != before.certificate
    assert world.credentials.identity.key_pem != before.key_pem


async def test_a_bad_renewal_changes_nothing_leaves_the_stream_open_and_is_asked_again_later(world: World) -> None:
    before = world.credentials.identity
    world.hub.renewal = b"garbage"
    asked = await world.hears(world.hub.renewals, 3)
    assert world.credentials.identity == before
    assert world.hub.hellos.qsize() == 1
    assert all(later - sooner >= 60 for sooner, later in pairwise(asked))


async def test_the_next_stream_is_open_before_the_one_with_the_old_certificate_ends(world: World) -> None:
    await world.hears(world.hub.renewals, 4)
    assert world.hub.streams[:5] == ["opened", "opened", "ended", "opened", "ended"]
    assert world.hub.most_open == 2


async def test_while_no_next_stream_can_be_opened_the_old_one_goes_on(world: World) -> None:
    world.hub.refusing = True
    times = await world.hears(world.hub.hellos, 5)
    assert world.hub.streams[0] == "opened"
    assert "opened" not in world.hub.streams[1:]
    assert world.hub.renewals.qsize() == 1
    assert all(later - sooner >= 60 for sooner, later in pairwise(times[1:]))


async def test_a_stream_under_an_authority_that_is_not_listed_any_more_is_ended(world: World) -> None:
    world.hub.refusing = True
    metadata = Metadata[Root].from_bytes(world.credentials.identity.root)
    authorities.write(
        metadata.signed, [CertificateAuthority.create(DOMAIN, world.clock.now()).certificate_pem.decode()]
    )

    def another_root() -> None:
        world.credentials.root = metadata.to_bytes
        world.client.root_changed()

    world.hub.on_stream = another_root
    await world.hears(world.hub.hellos, 3)
    assert world.hub.streams == ["opened", "ended"]


async def test_a_fault_that_nobody_foresaw_does_not_end_the_client(world: World) -> None:
    world.hub.fault = ValueError("nobody thought of it")
    assert len(await world.hears(world.hub.hellos, 4)) == 4


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (20.0, 20.0),
        (0.0, 0.0),
        (-1e9, 0.0),
        (1e9, MAX_AWAY_SECONDS),
        (float("inf"), 0.0),
        (float("-inf"), 0.0),
        (float("nan"), 0.0),
    ],
)
def test_what_a_busy_hub_asks_for_is_bounded(asked: float, expected: float) -> None:
    assert bounded(asked) == expected


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e9, -1e9])
async def test_a_busy_hub_cannot_send_the_agent_away_for_ever(world: World, seconds: float) -> None:
    world.hub.answer = pb.HelloResponse(admitted=False, retry_after_seconds=seconds)
    first, second = await world.hears(world.hub.hellos, 2)
    assert 0 <= second - first <= 2 * MAX_AWAY_SECONDS + RECONNECT.max
