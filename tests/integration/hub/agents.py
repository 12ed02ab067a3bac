"""The agent's own code on a real hub: its session, its judge, its memory and its receipts, over a cluster in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Release
from edict.trust import verify
from edict_agent.conformance.chain import Chain
from edict_agent.conformance.statement import Statement
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from edict_agent.sync.link import GrpcLink
from edict_agent.sync.session import Session
from tests.integration.hub.hubs import Hub, Running, cluster
from tests.unit.agent.fakes import MemoryKube


class RealAgent:
    """One cluster's agent, as far as it speaks to a hub. ``address`` may change: it is dialled again and again."""

    def __init__(self, hub: Hub, name: str, address: Callable[[], str]) -> None:
        self.name = ClusterName(name)
        self.key = Ed25519PrivateKey.generate()
        self._hub, self._address = hub, address
        clock = SystemClock()
        metrics = Metrics(clock)
        self.store = StateStore(MemoryKube(), "edict-system", clock=clock)
        self.memory = Memory(self.store, self.name, verify.pin(hub.pinned), metrics=metrics)
        self.acks = Acks()
        self.chain = Chain(self.store, self.key, self.name, clock=clock, version="1", on_receipt=self.acks.wake.set)
        self.rejections: list[pb.Ack] = []
        self.said = 0
        self._say = asyncio.Event()
        self.chain.on_room = self._say.set
        self.memory.on_change = self._say.set
        self._intake = Intake(self.memory, self.acks, clock=clock, metrics=metrics)
        self._session = Session(self.memory, self.acks, self.chain, self._intake, clock=clock)
        rejected = self.acks.rejected

        def note(release: int, timestamp_version: int, error: object) -> None:
            rejected(release, timestamp_version, error)  # type: ignore[arg-type]
            self.rejections.append(self.acks._acks[pb.ACK_STAGE_REJECTED])

        self.acks.rejected = note  # type: ignore[method-assign]

    @property
    def release(self) -> int:
        return self.memory.state.release

    @property
    def document(self) -> bytes:
        """Its ManagedCluster, with the receipt key."""
        public = self.key.public_key().public_bytes_raw().hex()
        return cluster(self.name).replace(
            b"plugin: cilium", f"plugin: cilium, receiptKey: {{public: {public}}}".encode()
        )

    async def reaches(self, release: int) -> None:
        await until(lambda: self.release == release)

    async def refuses(self, code: str) -> pb.Ack:
        """Wait for a refusal that was not there before."""
        before = len(self.rejections)
        await until(lambda: any(ack.error_code == code for ack in self.rejections[before:]))
        return self.rejections[-1]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._intake.run())
            group.create_task(self._report())
            group.create_task(self._connect())

    async def _report(self) -> None:
        while True:
            await self._say.wait()
            self._say.clear()
            state = self.memory.state
            said = await self.chain.say(
                Statement(
                    Release(state.release),
                    "cilium",
                    "1",
                    {},
                    root_version=state.root_version,
                    timestamp_version=state.timestamp_version,
                    snapshot_expires=state.expires,
                )
            )
            self.said = state.release if said else self.said

    async def _connect(self) -> None:
        while True:
            channel = self._hub.channel(self._address(), self._hub.agent(self.name))
            link = GrpcLink(channel)
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                hello = pb.HelloRequest(root_version=self.memory.state.root_version, release=self.release)
                answer = await link.hello(hello)
                self.chain.follow(answer.receipt_sequence)
                await self._session.run(link, opened)
            await link.close()
            await asyncio.sleep(0.05)


async def opened() -> None:
    """There is no stream before it to end."""


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is spread over a hub and an agent
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def agents(hub: Hub, address: Callable[[], str], *names: str) -> AsyncIterator[list[RealAgent]]:
    """Run agents until the end of the block; their clusters must be published for a hub to let them in."""
    made = [RealAgent(hub, name, address) for name in names]
    running = [asyncio.create_task(agent.run()) for agent in made]
    try:
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


__all__ = ["RealAgent", "Running", "agents", "until"]
