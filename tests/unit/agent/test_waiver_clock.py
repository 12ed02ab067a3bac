"""A waiver ends by the agent's clock, without a hub and without a release, and whatever is done to the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edict.ids import ClusterName
from edict.trust import verify
from edict_agent import waiver_clock
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from edict_agent.sync.judge import Judged
from edict_agent.waiver_clock import LONGEST_WAIT, WaiverClock
from tests.integration.agent.federation import Authors, managed_cluster, policy
from tests.unit.agent.fakes import MemoryKube, TurnedClock

HOUR = timedelta(hours=1)


class SetClock(TurnedClock):
    """A wall clock that a test sets, beside seconds that go on."""

    def __init__(self) -> None:
        super().__init__()
        self.start = datetime.now(UTC)

    def set(self, moment: datetime) -> None:
        self.start = moment - timedelta(seconds=self.passed)


class Site:
    """One agent's memory over a cluster in memory; `restarted` takes up what is stored."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.begun = self.clock.now()
        self.kube = MemoryKube()
        self.authors = Authors()
        self.authors.may_waive()
        self.authors.publish(managed_cluster("one", "cilium"), policy("a"))

    async def memory(self) -> Memory:
        store = StateStore(self.kube, "edict-system", clock=self.clock)
        stored = await store.load()
        metrics = Metrics(self.clock)
        memory = Memory(store, ClusterName("one"), verify.pin(self.authors.root), metrics=metrics)
        if stored is not None:
            assert memory.restore(stored)
        return memory

    async def take(self, memory: Memory) -> None:
        await Intake(memory, Acks(), clock=self.clock, metrics=Metrics(self.clock))._take(self.authors.message())


def judged(memory: Memory) -> Judged:
    assert memory.judged is not None
    return memory.judged


async def is_waived(waivers: WaiverClock, memory: Memory) -> bool:
    waived = await waivers.judge(judged(memory))
    return "payments/a" in waived.whole


@pytest.fixture
def site() -> Site:
    return Site()


async def test_it_ends_by_itself_and_the_agent_knows_when(site: Site) -> None:
    site.authors.waive("a", site.begun + HOUR)
    memory = await site.memory()
    await site.take(memory)
    waivers = WaiverClock(memory, site.clock)
    assert await is_waived(waivers, memory)
    before = await waivers.judge(judged(memory))
    assert await waivers.judge(judged(memory)) is before, "until something changes nothing is judged anew"
    assert waivers.wait() == LONGEST_WAIT
    await site.clock.sleep(3590)
    assert 0 < (waivers.wait() or 0) <= 10
    assert await is_waived(waivers, memory)
    await site.clock.sleep(10)
    assert not await is_waived(waivers, memory)
    assert waivers.wait() is None


async def test_after_a_restart_without_a_hub_it_is_still_waived_and_still_ends(site: Site) -> None:
    site.authors.waive("a", site.begun + HOUR)
    await site.take(await site.memory())
    memory = await site.memory()
    waivers = WaiverClock(memory, site.clock)
    assert await is_waived(waivers, memory)
    await site.clock.sleep(3600)
    assert not await is_waived(waivers, memory)
    again = await site.memory()
    assert not await is_waived(WaiverClock(again, site.clock), again)


async def test_setting_the_clock_back_lengthens_no_waiver_and_revives_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.authors.waive("a", site.begun + HOUR)
    memory = await site.memory()
    await site.take(memory)
    waivers = WaiverClock(memory, site.clock)
    await site.clock.sleep(1800)
    assert await is_waived(waivers, memory)
    site.clock.set(site.begun - 24 * HOUR)
    await site.clock.sleep(1801)
    assert not await is_waived(waivers, memory), "an hour is an hour, whatever the clock says"

    restarted = await site.memory()
    assert site.clock.now() < site.begun
    assert not await is_waived(WaiverClock(restarted, site.clock), restarted), "what has ended is stored"
    monkeypatch.setattr(Memory, "ended", frozenset())
    assert await is_waived(WaiverClock(restarted, site.clock), restarted), "where it is not, the clock revives it"


async def test_the_time_at_which_a_release_was_verified_has_been(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.authors.waive("a", site.begun - HOUR)
    memory = await site.memory()
    await site.take(memory)
    site.clock.set(site.begun - 2 * HOUR)
    assert not await is_waived(WaiverClock(memory, site.clock), memory)
    monkeypatch.setattr(WaiverClock, "_now", lambda self, _least: self._clock.now())
    fresh = await site.memory()
    monkeypatch.setattr(Memory, "ended", frozenset())
    assert await is_waived(WaiverClock(fresh, site.clock), fresh), "by the wall clock alone it would count"


async def test_a_waiver_that_is_signed_anew_counts_though_the_one_before_has_ended(site: Site) -> None:
    site.authors.waive("a", site.begun + HOUR)
    memory = await site.memory()
    await site.take(memory)
    waivers = WaiverClock(memory, site.clock)
    await site.clock.sleep(3600)
    assert not await is_waived(waivers, memory)
    assert len(memory.ended) == 1
    site.authors.waive("a", site.begun + 5 * HOUR)
    await site.take(memory)
    assert await is_waived(waivers, memory)
    assert not memory.ended, "what is in no release need not be remembered"


async def test_a_waiver_that_is_taken_away_ends_with_the_release(site: Site) -> None:
    site.authors.waive("a", site.begun + HOUR)
    memory = await site.memory()
    await site.take(memory)
    waivers = WaiverClock(memory, site.clock)
    assert await is_waived(waivers, memory)
    site.authors.waive("a", site.begun + HOUR, clusters={"matchLabels": {"env": "none"}})
    await site.take(memory)
    assert not await is_waived(waivers, memory), "narrowed, it is none of this cluster"


async def test_what_has_ended_is_stored_once(site: Site) -> None:
    site.authors.waive("a", site.begun + HOUR)
    memory = await site.memory()
    await site.take(memory)
    waivers = WaiverClock(memory, site.clock)
    await site.clock.sleep(3600)
    await is_waived(waivers, memory)
    writes = site.kube.writes
    for _ in range(3):
        await is_waived(waivers, memory)
        await site.clock.sleep(60)
    assert site.kube.writes == writes


async def test_many_ended_waivers_do_not_fill_what_is_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiver_clock, "MOST_ENDED", 2)
    for count in range(4):
        site.authors.waive("a", site.begun + count * HOUR, f"w{count}")
    memory = await site.memory()
    await site.take(memory)
    await site.clock.sleep(4 * 3600)
    await is_waived(WaiverClock(memory, site.clock), memory)
    last = {waiver.digest for waiver in judged(memory).waivers if waiver.name in {"w2", "w3"}}
    assert memory.ended == last, "those that ended last are the ones that a clock would revive first"
