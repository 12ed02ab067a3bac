"""What is shown in the cluster goes on while the hub is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from edict.errors import AgentError
from edict.trust import verify
from edict.trust.receipts import envelope_digest
from edict_agent.codes import Code
from edict_agent.conformance.chain import MAX_UNACKED, Chain
from edict_agent.kube import Live, Resource
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.reporter import STATUS, Reporter
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from tests.integration.agent.federation import Authors, managed_cluster, policy
from tests.unit.agent.fakes import MemoryKube
from tests.unit.agent.test_chain import KEY, ONE
from tests.unit.agent.test_intake import RealTime


class HeardKube(MemoryKube):
    """Says that something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    async def apply(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        live = await super().apply(resource, body)
        self.written.set()
        return live


class Told:
    """A reporter over a cluster in memory."""

    def __init__(self) -> None:
        self.kube = HeardKube()
        self.signed = asyncio.Event()
        self.clock = RealTime()
        self.store = StateStore(self.kube, "ns", clock=self.clock)
        self.chain = Chain(self.store, KEY, ONE, clock=self.clock, version="0", on_receipt=self.signed.set)

    async def reporter(self) -> Reporter:
        authors = Authors()
        authors.publish(managed_cluster("one", "cilium"), policy("a"))
        metrics = Metrics(self.clock)
        memory = Memory(self.store, ONE, verify.pin(authors.root), metrics=metrics)
        await Intake(memory, Acks(), clock=self.clock, metrics=metrics)._take(authors.message())
        return Reporter(self.kube, "ns", memory, self.chain, clock=self.clock)

    async def shows(self, reporter: Reporter, problem: str) -> None:
        """Have a problem and wait until the ConfigMap says it."""
        reporter.problem = AgentError(Code.NO_API, problem)
        reporter.wake.set()
        async with asyncio.timeout(5):
            while problem not in self.shown:
                self.kube.written.clear()
                await self.kube.written.wait()

    @property
    def shown(self) -> str:
        live = self.kube.objects.get(("configmaps", "ns", STATUS))
        return str(live["data"]["problem"]) if live else ""


@pytest.fixture
def told() -> Told:
    return Told()


async def test_the_status_follows_though_there_is_no_room_for_receipts_and_then_the_rest_is_said(told: Told) -> None:
    reporter = await told.reporter()
    running = asyncio.create_task(reporter.run())
    for count in range(MAX_UNACKED + 3):
        await told.shows(reporter, f"problem {count}")
    receipt = told.chain.next_unsent()
    assert receipt is not None
    assert not await told.chain.say(reporter._statement() or pytest.fail("nothing to say")), "there is no room"
    told.signed.clear()
    told.chain.acknowledged(MAX_UNACKED)
    async with asyncio.timeout(5):
        await told.signed.wait()
    receipt = told.chain.next_unsent()
    assert receipt is not None
    assert receipt.sequence == MAX_UNACKED + 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_status_names_the_head_of_the_chain_for_who_compares_it_with_the_hub_s(told: Told) -> None:
    reporter = await told.reporter()
    running = asyncio.create_task(reporter.run())
    await told.shows(reporter, "a problem")
    receipt = told.chain.next_unsent()
    assert receipt is not None
    live = told.kube.objects[("configmaps", "ns", STATUS)]
    assert live["data"]["receipt-head"] == told.chain.head
    told.chain.acknowledged(receipt.sequence)
    sequence, digest = told.chain.head.split(":")
    assert int(sequence) >= receipt.sequence
    assert int(sequence) > receipt.sequence or digest == envelope_digest(receipt.envelope)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
