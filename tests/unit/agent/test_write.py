from __future__ import annotations

from typing import Any

import pytest

from edict_agent.kube.resources import CILIUM_POLICY
from edict_agent.metrics import Metrics
from edict_agent.reconcile.wanted import MAX_REVERTS, WINDOW, Progress, Wanted
from edict_agent.reconcile.write import Writer
from tests.unit.agent.fakes import MemoryKube, TurnedClock, refused

LABELS = {"app.kubernetes.io/managed-by": "edict", "federation.edict.dev/policy": "payments.a"}
BODY: dict[str, Any] = {"metadata": {"name": "x", "labels": LABELS}, "spec": {"order": 1}}
WANTED = Wanted(CILIUM_POLICY, BODY, "payments/a")


class World:
    def __init__(self) -> None:
        self.kube = MemoryKube()
        self.clock = TurnedClock()
        self.writer = Writer(self.kube, clock=self.clock, metrics=Metrics(self.clock))
        self.progress = Progress()

    async def keep(self) -> None:
        await self.writer.keep(WANTED, self.progress, self.kube.objects.get(WANTED.key))

    def delete(self) -> None:
        del self.kube.objects[WANTED.key]


@pytest.fixture
def world() -> World:
    return World()


async def test_an_object_that_stands_is_not_written_again(world: World) -> None:
    await world.keep()
    await world.keep()
    assert world.kube.writes == 1
    assert world.progress.reverted == 0
    assert world.progress.settled == BODY


async def test_a_revert_is_counted_when_it_succeeded(world: World) -> None:
    await world.keep()
    world.delete()
    world.kube.faults = [refused(503)]
    await world.keep()
    assert world.progress.reverted == 0
    assert world.progress.error is not None
    assert world.progress.error.code == "EDICT0554"
    await world.keep()
    assert world.progress.reverted == 1
    assert world.progress.error is None


async def test_after_ten_reverts_within_an_hour_it_waits_until_the_first_is_an_hour_old(world: World) -> None:
    await world.keep()
    for _ in range(MAX_REVERTS):
        world.delete()
        await world.keep()
        world.clock.passed += 60
    world.delete()
    await world.keep()
    assert WANTED.key not in world.kube.objects
    assert world.progress.error is not None
    assert world.progress.error.code == "EDICT0556"
    assert world.progress.due == pytest.approx(1000 + WINDOW)
    world.clock.passed = WINDOW
    await world.keep()
    assert WANTED.key in world.kube.objects
    assert world.progress.error is None


@pytest.mark.parametrize(
    ("status", "code"), [(403, "EDICT0551"), (404, "EDICT0562"), (422, "EDICT0552"), (500, "EDICT0554")]
)
async def test_a_failed_write_is_coded_and_tried_again_later(world: World, status: int, code: str) -> None:
    world.kube.faults = [refused(status)]
    if status == 404:
        world.kube.put(CILIUM_POLICY, **{**BODY, "spec": {"order": 2}})
    await world.keep()
    assert world.progress.error is not None
    assert world.progress.error.code == code
    assert world.progress.due > world.clock.monotonic()


async def test_a_foreign_object_is_not_taken_over(world: World) -> None:
    world.kube.put(CILIUM_POLICY, metadata={"name": "x"}, spec={"order": 2})
    await world.writer.keep(WANTED, world.progress, None)
    assert world.progress.error is not None
    assert world.progress.error.code == "EDICT0553"
    assert world.kube.objects[WANTED.key]["spec"] == {"order": 2}


async def test_a_removal_that_fails_says_so(world: World) -> None:
    await world.keep()
    seen = world.kube.objects[WANTED.key]
    world.kube.faults = [refused(500)]
    assert not await world.writer.remove(CILIUM_POLICY, seen)
    assert await world.writer.remove(CILIUM_POLICY, seen)
    assert not world.kube.objects


async def test_an_object_that_was_changed_since_it_was_seen_is_not_removed(world: World) -> None:
    await world.keep()
    seen = world.kube.objects[WANTED.key]
    world.kube.put(CILIUM_POLICY, metadata={"name": "x"}, spec={"order": 2})
    assert not await world.writer.remove(CILIUM_POLICY, seen)
    assert world.kube.objects[WANTED.key]["spec"] == {"order": 2}
