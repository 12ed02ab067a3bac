"""Two operators at once, and etcd's word that comes before the answer: every replica ends with what etcd has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from edict.errors import HubError, IdentityError
from edict.ids import ClusterName
from edict_hub.bans import Bans
from edict_hub.store import KeyValue, Operation, Put, Unchanged, keys
from tests.unit.agent.fakes import TurnedClock

ONE = ClusterName("one")


class Shared:
    """An etcd of one key, whose answers a test can hold back."""

    def __init__(self) -> None:
        self.item: KeyValue | None = None
        self.revision = 1
        self.replicas: list[Bans] = []
        self.before: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[], Awaitable[None]] | None = None

    def replica(self) -> Bans:
        made = Bans(self, TurnedClock(), lambda _cluster: None)  # type: ignore[arg-type]
        self.replicas.append(made)
        return made

    async def get(self, _key: str) -> KeyValue | None:
        return self.item

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        before, self.before = self.before, None
        if before is not None:
            await before()
        present = self.item.revision if self.item else 0
        if any(condition.revision != present for condition in conditions):
            return None
        self.revision += 1
        done = self.revision
        for operation in operations:
            is_put = isinstance(operation, Put)
            self.item = KeyValue(keys.ban(ONE), operation.value, done) if is_put else None  # type: ignore[union-attr]
        for replica in self.replicas:
            replica.apply(ONE, self.item)
        after, self.after = self.after, None
        if after is not None:
            await after()
        return done


@pytest.fixture
def shared() -> Shared:
    return Shared()


async def test_a_ban_that_is_heard_of_before_the_end_of_the_last_is_answered_stays(shared: Shared) -> None:
    one, two = shared.replica(), shared.replica()
    await one.ban(ONE, "olga", "stolen")

    async def again() -> None:
        await two.ban(ONE, "ada", "sold")

    shared.after = again
    await one.unban(ONE)
    assert ONE in two
    assert ONE in one, "etcd has the ban"
    assert one.reason(ONE).startswith("sold")


async def test_the_end_of_a_ban_that_is_heard_of_before_the_ban_is_answered_stays(shared: Shared) -> None:
    one, two = shared.replica(), shared.replica()

    async def ended() -> None:
        await two.unban(ONE)

    shared.after = ended
    await one.ban(ONE, "olga", "by mistake")
    assert ONE not in two
    assert ONE not in one, "etcd has it ended"


async def test_who_ends_a_ban_does_not_end_the_one_that_came_meanwhile(shared: Shared) -> None:
    one, two = shared.replica(), shared.replica()
    await one.ban(ONE, "olga", "stolen")

    async def again() -> None:
        await two.ban(ONE, "ada", "and sold")

    shared.before = again
    with pytest.raises(HubError, match="EDICT0410"):
        await one.unban(ONE)
    assert ONE in one
    assert ONE in two
    await one.unban(ONE)
    assert ONE not in two


async def test_an_end_whose_answer_was_lost_is_an_end(shared: Shared) -> None:
    one = shared.replica()
    await one.ban(ONE, "olga", "stolen")
    commit = shared.commit

    async def lost(conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        await commit(conditions, operations)
        return await commit(conditions, operations)

    shared.commit = lost  # type: ignore[method-assign]
    await one.unban(ONE)
    assert ONE not in one
    await one.ban(ONE, "olga", "again")
    assert ONE in one
    await one.unban(ONE)
    shared.commit = commit  # type: ignore[method-assign]
    with pytest.raises(IdentityError, match="EDICT0346"):
        await one.unban(ONE)


async def test_a_list_from_an_older_backup_counts_whatever_was_seen_before(shared: Shared) -> None:
    one = shared.replica()
    for _ in range(3):
        await one.ban(ONE, "olga", "stolen")
        await one.unban(ONE)
    await one.ban(ONE, "olga", "old")
    assert shared.item is not None
    old = KeyValue(shared.item.key, shared.item.value, 2)
    await one.unban(ONE)
    one.listed([old])
    one.apply(ONE, old)
    assert ONE in one
    one.listed([])
    assert ONE not in one


async def test_an_unreadable_key_is_a_ban_that_can_be_ended(shared: Shared) -> None:
    one = shared.replica()
    shared.item = KeyValue(keys.ban(ONE), b"\xff", 1)
    one.apply(ONE, shared.item)
    assert ONE in one
    await one.unban(ONE)
    assert ONE not in one
    assert one.counts_from(ONE) > datetime(2000, 1, 1, tzinfo=UTC)
