from __future__ import annotations

import asyncio

import pytest

from edict.errors import AgentError
from edict_agent.kube.resources import LEASE
from edict_agent.lease import DURATION, Lease
from tests.unit.agent.fakes import MemoryKube, TurnedClock, refused


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def kube() -> MemoryKube:
    return MemoryKube()


def spec(kube: MemoryKube) -> dict[str, object]:
    found: dict[str, object] = kube.objects["leases", "ns", "edict-agent"]["spec"]
    return found


async def test_a_free_lease_is_taken_at_once(kube: MemoryKube, clock: TurnedClock) -> None:
    await Lease(kube, "ns", "a", clock=clock).acquire()
    assert spec(kube)["holderIdentity"] == "a"
    assert clock.passed == 0


async def test_a_held_lease_is_waited_for_until_it_runs_out(kube: MemoryKube, clock: TurnedClock) -> None:
    await Lease(kube, "ns", "a", clock=clock).acquire()
    await Lease(kube, "ns", "b", clock=clock).acquire()
    assert DURATION <= clock.passed < DURATION + 2
    assert (spec(kube)["holderIdentity"], spec(kube)["leaseTransitions"]) == ("b", 2)


async def test_the_same_holder_goes_on_at_once_after_a_restart(kube: MemoryKube, clock: TurnedClock) -> None:
    await Lease(kube, "ns", "pod", clock=clock).acquire()
    await Lease(kube, "ns", "pod", clock=clock).acquire()
    assert clock.passed == 0


async def test_a_released_lease_is_free(kube: MemoryKube, clock: TurnedClock) -> None:
    lease = Lease(kube, "ns", "a", clock=clock)
    await lease.acquire()
    await lease.release()
    await Lease(kube, "ns", "b", clock=clock).acquire()
    assert clock.passed == 0


async def test_holding_ends_when_another_took_it(kube: MemoryKube, clock: TurnedClock) -> None:
    lease = Lease(kube, "ns", "a", clock=clock)
    await lease.acquire()
    live = kube.objects["leases", "ns", "edict-agent"]
    kube.put(LEASE, **{**live, "spec": {**live["spec"], "holderIdentity": "b", "renewTime": "2099-01-01T00:00:00Z"}})
    with pytest.raises(AgentError) as caught:
        await lease.hold()
    assert caught.value.code == "EDICT0560"


async def test_nothing_is_written_while_the_lease_could_be_anothers(kube: MemoryKube, clock: TurnedClock) -> None:
    lease = Lease(kube, "ns", "a", clock=clock)
    await lease.acquire()
    await lease.held()
    kube.faults = [refused(503)] * 4
    clock.passed += DURATION
    waiting = asyncio.create_task(lease.held())
    await asyncio.sleep(0)
    assert not waiting.done()
    holding = asyncio.create_task(lease.hold())
    await waiting
    assert not kube.faults, "it was renewed after the API server came back"
    holding.cancel()
