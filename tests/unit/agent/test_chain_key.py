"""A chain changes its key where the hub has all that the old one signed, with a base; what nobody takes goes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.errors import TrustError
from edict.ids import Release
from edict.trust.receipts import envelope_digest, fold, verify_receipt
from edict_agent.conformance.chain import Chain
from edict_agent.conformance.statement import Statement
from edict_agent.store.secrets import StateStore
from tests.unit.agent.fakes import MemoryKube, TurnedClock
from tests.unit.agent.test_chain import KEY, ONE

NEW = Ed25519PrivateKey.generate()


def statement(release: int) -> Statement:
    return Statement(Release(release), "cilium", "1.20", {})


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


class World:
    def __init__(self) -> None:
        self.store = StateStore(MemoryKube(), "ns", clock=TurnedClock())
        self.chain = self.started(KEY)

    def started(self, key: Ed25519PrivateKey) -> Chain:
        return Chain(self.store, key, ONE, clock=TurnedClock(), version="0", on_receipt=lambda: None)

    def sent(self) -> tuple[int, bytes]:
        receipt = self.chain.next_unsent()
        assert receipt is not None
        return receipt.sequence, receipt.envelope


@pytest.fixture
def world() -> World:
    return World()


async def test_the_new_key_begins_with_a_base_after_the_hub_has_everything_of_the_old(world: World) -> None:
    room: list[int] = []
    world.chain.on_room = lambda: room.append(1)
    await world.chain.say(statement(1))
    world.chain.sign_with(NEW)
    await world.chain.say(statement(2))
    first, last = world.sent(), None
    assert verify_receipt(first[1], public(KEY), ONE)
    room.clear()
    world.chain.acknowledged(1)
    last = world.sent()
    assert verify_receipt(last[1], public(KEY), ONE).release == 2, "until then the old key signs"
    world.chain.acknowledged(2)
    assert len(room) == 2, "the reporter is woken, to say it with the new key"
    assert await world.chain.say(statement(2))
    sequence, envelope = world.sent()
    body = verify_receipt(envelope, public(NEW), ONE)
    assert (sequence, body.base, body.previous) == (3, True, envelope_digest(last[1]))
    assert fold([(envelope, body)]).head == body
    with pytest.raises(TrustError, match="EDICT0242"):
        verify_receipt(envelope, public(KEY), ONE)


async def test_what_a_lost_key_signed_and_no_hub_has_is_dropped_and_the_numbers_go_on(world: World) -> None:
    await world.chain.say(statement(1))
    lost = world.sent()
    assert world.started(KEY).next_unsent() is not None, "the same key goes on where it was"
    world.chain = world.started(NEW)
    assert world.chain.next_unsent() is None
    await world.chain.say(statement(1))
    sequence, envelope = world.sent()
    body = verify_receipt(envelope, public(NEW), ONE)
    assert (sequence, body.base, body.previous) == (2, True, envelope_digest(lost[1]))
