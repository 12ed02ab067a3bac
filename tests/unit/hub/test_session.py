"""One stream's state: one slot, one update in flight, a judgement only of what was written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from edict.clock import SystemClock
from edict.errors import HubError
from edict.ids import ClusterName
from edict_hub.have import Having, Update
from edict_hub.session import ANSWER_SECONDS, MAX_ACKS, WRITE_SECONDS, Session

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOTHING = Having(1, 0, {}, frozenset())


def session() -> Session:
    return Session(ClusterName("c1"), NOW + timedelta(hours=1), NOW + timedelta(minutes=20), have=NOTHING)


def update(number: int) -> Update:
    return Update(b"%d" % number, number, number, f"f{number}", Having(1, number, {}, frozenset()))


async def written(target: Session, count: int) -> list[bytes]:
    sent: list[bytes] = []
    enough = asyncio.Event()

    async def send(message: bytes) -> None:
        sent.append(message)
        if len(sent) == count:
            enough.set()

    task = asyncio.create_task(target.write(send, SystemClock()))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    return sent


async def test_a_newer_update_takes_the_place_of_one_that_nobody_read() -> None:
    target = session()
    target.offer(update(1), 0)
    target.offer(update(2), 0)
    assert target.queued == 1
    assert await written(target, 1) == [b"2"]
    assert target.queued == 0


async def test_verified_moves_what_the_agent_has_and_rejected_is_remembered() -> None:
    target = session()
    target.offer(update(1), 0)
    assert not target.answered(1, verified=True)
    await written(target, 1)
    assert not target.answered(7, verified=True)
    assert target.answered(1, verified=True)
    assert target.have == update(1).after
    target.offer(update(2), 0)
    await written(target, 1)
    assert target.answered(2, verified=False)
    assert target.have == update(1).after
    assert target.rejected == (2, "f2")


async def test_acknowledgements_go_before_updates_and_are_bounded() -> None:
    target = session()
    target.offer(update(1), 0)
    target.acknowledge(b"ack")
    assert await written(target, 2) == [b"ack", b"1"]
    for _ in range(MAX_ACKS + 1):
        target.acknowledge(b"ack")
    reason = await target.ended()
    assert reason is not None
    assert reason.code == "EDICT0433"


async def test_a_stream_ends_with_its_certificate_or_its_age() -> None:
    target = session()
    target.sweep(NOW, 0)
    assert not target.closed
    target.sweep(NOW + timedelta(minutes=20), 0)
    assert target.closed
    assert await target.ended() is None
    expired = session()
    expired.sweep(NOW + timedelta(hours=1), 0)
    reason = await expired.ended()
    assert reason is not None
    assert reason.code == "EDICT0345"


async def test_an_agent_that_does_not_read_or_answer_is_cut() -> None:
    unread, unanswered = session(), session()
    never = asyncio.Event()
    unread.offer(update(1), SystemClock().monotonic())
    writing = asyncio.create_task(unread.write(lambda _message: never.wait(), SystemClock()))  # type: ignore[arg-type, return-value]
    await asyncio.sleep(0)
    unread.sweep(NOW, SystemClock().monotonic() + WRITE_SECONDS - 1)
    assert not unread.closed
    unread.sweep(NOW, SystemClock().monotonic() + WRITE_SECONDS + 1)
    assert unread.closed
    writing.cancel()
    unanswered.offer(update(1), 0)
    await written(unanswered, 1)
    unanswered.sweep(NOW, ANSWER_SECONDS + 1)
    assert unanswered.closed


async def test_the_first_reason_stands() -> None:
    target = session()
    target.close(HubError(434, "first"))
    target.close()
    reason = await target.ended()
    assert reason is not None
    assert reason.what == "first"
