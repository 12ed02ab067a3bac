"""Bans as events tell of them, also when events were lost: nothing is missed, nothing stays that has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.bans import Ban
from edict_hub.status import StatusTable
from edict_hub.store import Changed, KeyValue, Page, Relisted, keys

ONE, TWO = ClusterName("one"), ClusterName("two")
BAN = Ban("olga", 1_790_000_000, "stolen")


def ban(cluster: ClusterName, revision: int = 1, value: bytes = msgspec.json.encode(BAN)) -> KeyValue:
    return KeyValue(keys.ban(cluster), value, revision)


class Told:
    """A store whose watch says what a test tells it to."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[Relisted | Changed] = asyncio.Queue()
        self.present: tuple[KeyValue, ...] = ()

    async def range(self, _prefix: str, **_: object) -> Page:
        return Page(self.present, 1)

    async def watch(self, _prefix: str, **_: object) -> AsyncIterator[Relisted | Changed]:
        while True:
            yield await self.says.get()
            self.says.task_done()


class World:
    def __init__(self) -> None:
        self.store = Told()
        self.status = StatusTable(self.store, SystemClock())  # type: ignore[arg-type]
        self.cut: list[ClusterName] = []
        self.status.bans.on_ban = self.cut.append

    async def hear(self, *said: Relisted | Changed) -> None:
        running = asyncio.create_task(self.status.run())
        for each in said:
            self.store.says.put_nowait(each)
        async with asyncio.timeout(5):
            await self.store.says.join()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_ban_cuts_off_once_and_shows_why_by_whom_and_when(world: World) -> None:
    again = ban(ONE, 2, msgspec.json.encode(Ban("ada", 1_790_000_060, "sold")))
    await world.hear(Relisted((), 1), Changed(((keys.ban(ONE), ban(ONE)),), 1), Changed(((keys.ban(ONE), again),), 2))
    assert world.cut == [ONE]
    view = world.status.view(ONE)
    assert (view.banned, view.ban_reason) == (True, "sold (ada, 2026-09-21 14:14 UTC)")
    assert world.status.names() == [ONE]


async def test_a_ban_whose_event_was_lost_is_found_in_the_list(world: World) -> None:
    await world.hear(Relisted((), 1), Relisted((ban(ONE),), 5))
    assert world.cut == [ONE]
    assert ONE in world.status.bans


async def test_the_end_of_a_ban_whose_event_was_lost_is_found_in_the_list(world: World) -> None:
    await world.hear(Relisted((ban(ONE), ban(TWO)), 1), Relisted((ban(TWO),), 5))
    assert world.status.bans.names() == {TWO}
    assert world.cut == [ONE, TWO], "a list that repeats a ban cuts nobody off twice"


async def test_a_ban_of_before_the_start_counts_from_the_start(world: World) -> None:
    world.store.present = (ban(ONE),)
    await world.status.load()
    assert ONE in world.status.bans


async def test_who_watches_is_told_of_a_ban_and_of_its_end(world: World) -> None:
    subscription = world.status.subscribe()
    for event in (ban(ONE), None):
        await world.hear(Changed(((keys.ban(ONE), event),), 1))
        assert await subscription.take() == [ONE]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"stolen",
        b'{"by":"olga"}',
        b'{"by":"o","at":1e30,"reason":""}',
        b'{"by":"o","at":99999999999999,"reason":"r"}',
    ],
)
async def test_a_ban_that_cannot_be_read_bans_all_the_same(world: World, value: bytes) -> None:
    await world.hear(Relisted((ban(ONE, value=value),), 1))
    assert (world.status.view(ONE).banned, world.status.view(ONE).ban_reason) == (True, "")


async def test_what_stands_in_a_stored_status_neither_bans_nor_hides_a_ban(world: World) -> None:
    lies = pb.ClusterStatus(name=ONE, banned=True, ban_reason="made up").SerializeToString()
    await world.hear(Relisted((KeyValue(keys.status(ONE), lies, 1),), 1))
    assert not world.status.view(ONE).banned
    assert not world.status.view(ONE).ban_reason
