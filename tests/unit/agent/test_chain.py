from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.ids import ClusterName, Digest, Release
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.trust.receipts import (
    Evidence,
    PolicyReport,
    PolicyState,
    ReceiptBody,
    envelope_digest,
    fold,
    verify_receipt,
)
from edict_agent.conformance.chain import (
    BASE_EVERY,
    MAX_BELIEVED,
    MAX_SEQUENCE,
    MAX_UNACKED,
    REPEAT_SECONDS,
    Chain,
)
from edict_agent.conformance.statement import Statement
from edict_agent.store.model import ReceiptHead
from edict_agent.store.secrets import StateStore
from tests.unit.agent.fakes import MemoryKube, TurnedClock

ONE = ClusterName("one")
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def report(name: str, state: PolicyState = PolicyState.COMPLIANT, **more: Any) -> PolicyReport:
    return PolicyReport(f"payments/{name}", Digest("0" * 64), state, **more)


def statement(*reports: PolicyReport, release: int = 2) -> Statement:
    return Statement(Release(release), "cilium", "1.20.2", {each.policy: each for each in reports})


class Hub:
    """Takes receipts one at a time, as the hub does."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.taken: list[bytes] = []

    def drain(self) -> int:
        count = 0
        while (receipt := self.chain.next_unsent()) is not None:
            assert self.chain.next_unsent() is None, "one is on its way"
            self.taken.append(receipt.envelope)
            self.chain.acknowledged(receipt.sequence)
            count += 1
        return count

    @property
    def evidence(self) -> Evidence:
        public = KEY.public_key().public_bytes_raw().hex()
        return fold((raw, verify_receipt(raw, public, ONE)) for raw in self.taken)


class World:
    def __init__(self) -> None:
        self.kube = MemoryKube()
        self.clock = TurnedClock()

    async def chain(self) -> Chain:
        store = StateStore(self.kube, "ns", clock=self.clock)
        await store.load()
        return Chain(store, KEY, ONE, clock=self.clock, version="0", on_receipt=lambda: None)


@pytest.fixture
def world() -> World:
    return World()


async def test_receipts_carry_what_changed_and_fold_to_the_whole(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    assert await chain.say(statement(report("a"), report("b")))
    assert await chain.say(statement(report("a", PolicyState.DRIFTED)))
    assert hub.drain() == 2
    assert hub.evidence.policies == {"payments/a": report("a", PolicyState.DRIFTED)}


async def test_nothing_new_makes_no_receipt_until_silence_would_be_too_long(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    for expected in (1, 0):
        assert await chain.say(statement(report("a")))
        assert hub.drain() == expected
    assert await chain.say(statement(report("a"), release=3))
    assert hub.drain() == 1
    await world.clock.sleep(REPEAT_SECONDS)
    assert await chain.say(statement(report("a"), release=3))
    assert hub.drain() == 1
    assert hub.evidence.head.release == 3


async def test_a_large_state_is_split_and_folds_at_every_length(world: World) -> None:
    reasons = tuple(RuleFidelity(f"egress[{index}]", Fidelity.APPROXIMATE, reason="r" * 200) for index in range(20))
    reports = [report(f"p{index}", rules=reasons) for index in range(40)]
    chain = await world.chain()
    hub = Hub(chain)
    while not await chain.say(statement(*reports)):
        assert hub.drain() == MAX_UNACKED
        assert hub.evidence.policies
    hub.drain()
    assert len(hub.taken) > MAX_UNACKED
    assert max(len(raw) for raw in hub.taken) <= 64 * 1024
    assert hub.evidence.policies == {each.policy: each for each in reports}


async def test_a_report_too_large_for_any_receipt_loses_reasons_before_rules(world: World) -> None:
    rules = tuple(RuleFidelity(f"egress[{index}]", Fidelity.APPROXIMATE, reason="r" * 2000) for index in range(50))
    chain = await world.chain()
    hub = Hub(chain)
    assert await chain.say(statement(report("a", rules=rules)))
    hub.drain()
    said = hub.evidence.policies["payments/a"].rules
    assert len(said) == 50
    assert {rule.reason for rule in said} == {""}


async def test_while_the_hub_is_away_a_bounded_number_is_kept_and_the_rest_is_told_at_once(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    said = [await chain.say(statement(report("a", reverts=count))) for count in range(20)]
    assert said == [True] * MAX_UNACKED + [False] * (20 - MAX_UNACKED)
    room: list[bool] = []
    chain.on_room = lambda: room.append(True)
    assert hub.drain() == MAX_UNACKED
    assert room == [True], "told once, when the first place is free"
    assert await chain.say(statement(report("a", reverts=19)))
    assert hub.drain() == 1
    assert hub.evidence.policies["payments/a"].reverts == 19


async def test_after_a_restart_the_chain_goes_on_with_a_base_and_sends_what_was_not_confirmed(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    await chain.say(statement(report("a")))
    hub.drain()
    await chain.say(statement(report("a", reverts=1)))
    hub.chain = again = await world.chain()
    assert await again.say(statement(report("b")))
    hub.drain()
    sequences = [verify_receipt(raw, KEY.public_key().public_bytes_raw().hex(), ONE) for raw in hub.taken]
    assert sorted({body.sequence for body in sequences}) == [1, 2, 3]
    assert sequences[-1].base
    assert hub.evidence.policies == {"payments/b": report("b")}


async def test_a_new_stream_sends_again_what_was_on_its_way(world: World) -> None:
    chain = await world.chain()
    await chain.say(statement(report("a")))
    first = chain.next_unsent()
    assert first is not None
    assert chain.next_unsent() is None
    chain.rewind()
    assert chain.next_unsent() == first


async def test_a_lost_head_continues_above_the_hubs_newest(world: World) -> None:
    chain = await world.chain()
    chain.follow(41)
    await chain.say(statement(report("a")))
    receipt = chain.next_unsent()
    assert receipt is not None
    assert receipt.sequence == 42
    chain.follow(99)
    assert await chain.say(statement(report("b")))
    chain.acknowledged(42)
    following = chain.next_unsent()
    assert following is not None
    assert following.sequence == 43, "a head that is not lost does not believe the hub"


@pytest.mark.parametrize("newest", [MAX_BELIEVED + 1, 2**63, 2**64 - 2, 2**64 - 1])
async def test_a_newest_receipt_that_no_chain_comes_to_is_not_believed(world: World, newest: int) -> None:
    chain = await world.chain()
    chain.follow(newest)
    for count in range(3):
        assert await chain.say(statement(report("a", reverts=count)))
    hub = Hub(chain)
    hub.drain()
    assert hub.evidence.head.sequence == 3
    again = await world.chain()
    assert await again.say(statement(report("b")))


async def test_the_largest_believed_number_leaves_room_for_a_chain(world: World) -> None:
    chain = await world.chain()
    chain.follow(MAX_BELIEVED)
    assert await chain.say(statement(report("a")))
    receipt = chain.next_unsent()
    assert receipt is not None
    assert receipt.sequence == MAX_BELIEVED + 1


@pytest.mark.parametrize("sequence", [MAX_SEQUENCE, 2**64 - 1])
async def test_a_stored_head_beyond_the_last_number_does_not_silence_the_chain(world: World, sequence: int) -> None:
    store = StateStore(world.kube, "ns", clock=world.clock)
    await store.set_receipts(ReceiptHead(sequence=sequence))
    hub = Hub(await world.chain())
    assert await hub.chain.say(statement(report("a")))
    assert hub.drain() == 1
    assert (hub.evidence.head.sequence, hub.evidence.head.base) == (1, True)


async def test_a_base_comes_again_and_again_so_that_a_tail_suffices(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    for count in range(BASE_EVERY + 2):
        await chain.say(statement(report("a", reverts=count), report("b")))
        hub.drain()
    public = KEY.public_key().public_bytes_raw().hex()
    bases = [body.sequence for body in (verify_receipt(raw, public, ONE) for raw in hub.taken) if body.base]
    assert bases == [1, BASE_EVERY + 2]
    assert hub.evidence.policies["payments/b"] == report("b")


def bodies(taken: list[bytes]) -> list[ReceiptBody]:
    public = KEY.public_key().public_bytes_raw().hex()
    return [verify_receipt(raw, public, ONE) for raw in taken]


async def test_a_receipt_says_what_is_trusted_when_it_ends_and_what_was_lost(world: World) -> None:
    chain = await world.chain()
    hub = Hub(chain)
    until = world.clock.now() + timedelta(days=1)
    said = replace(statement(), root_version=2, timestamp_version=9, snapshot_expires=until)
    for each in (said, replace(said, stale=True), replace(said, stale=True, floor_lost="2026-01-01T00:00:00Z")):
        assert await chain.say(each)
    hub.drain()
    told = [(body.root_version, body.timestamp_version, body.snapshot_expires) for body in bodies(hub.taken)]
    assert told == [(2, 9, until)] * 3, "that a release ends is worth a receipt of its own"
    assert [body.floor_lost for body in bodies(hub.taken)] == ["", "", "2026-01-01T00:00:00Z"]


async def test_an_absurd_timestamp_version_does_not_make_a_receipt_that_nobody_can_read(world: World) -> None:
    hub = Hub(chain := await world.chain())
    await chain.say(replace(statement(), timestamp_version=2**64 - 1))
    hub.drain()
    assert bodies(hub.taken)[0].timestamp_version == MAX_SEQUENCE


async def test_a_hub_that_lost_receipts_gets_a_base_that_names_the_one_before(world: World) -> None:
    hub = Hub(chain := await world.chain())
    for count in range(3):
        await chain.say(statement(report("a", reverts=count)))
    hub.drain()
    lost = hub.taken.pop()
    hub.taken.pop()
    asked: list[bool] = []
    chain.on_room = lambda: asked.append(True)
    chain.follow(1)
    assert asked == [True], "the reporter is told to say something at once"
    assert await chain.say(statement(report("a", reverts=2)))
    hub.drain()
    _, base = bodies(hub.taken)
    assert (base.sequence, base.base, base.previous) == (4, True, envelope_digest(lost))
    assert await chain.say(statement(report("a", reverts=3)))
    hub.drain()
    assert not bodies(hub.taken)[-1].base, "one base suffices"


@pytest.mark.parametrize("kept", [0, 1])
async def test_what_a_hub_cannot_take_any_more_makes_room_for_a_base(world: World, kept: int) -> None:
    hub = Hub(chain := await world.chain())
    await chain.say(statement(report("a")))
    await chain.say(statement(report("a", reverts=1)))
    hub.drain()
    await chain.say(statement(report("a", reverts=2)))
    stuck = chain.next_unsent()
    assert stuck is not None
    chain.acknowledged(kept)
    assert chain.next_unsent() is None
    assert await chain.say(statement(report("a", reverts=2)))
    hub.drain()
    base = bodies(hub.taken)[-1]
    assert (base.sequence, base.base, base.previous) == (4, True, envelope_digest(stuck.envelope))


async def test_a_hub_that_has_what_it_confirmed_gets_no_base(world: World) -> None:
    hub = Hub(chain := await world.chain())
    await chain.say(statement(report("a")))
    hub.drain()
    chain.follow(1)
    chain.acknowledged(1)
    await chain.say(statement(report("b")))
    hub.drain()
    assert [body.base for body in bodies(hub.taken)] == [True, False]
