"""The owner of etcd writes nonsense: whether the hub lives, relays what verifies, and makes nobody pay for it."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import grpc
import msgspec
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict_hub import bans, raw, release, status
from edict_hub.receipts import Head
from edict_hub.store import KeyValue, keys
from tests.attacks.etcd.stolen import BIN, C1, Stolen
from tests.attacks.harness import Off, attack
from tests.attacks.victims import Victim
from tests.integration.hub.hubs import Agent

pytestmark = pytest.mark.parts


async def _ended(stolen: Stolen) -> bool:
    """Tell whether a hub over this etcd cannot start, or does not answer an agent."""
    with contextlib.suppress(Exception):
        async with stolen.serving() as running:
            answer = await running.federation("c2").Hello(pb.HelloRequest())
            return not answer.admitted or running.serving.done()
    return True


@attack("ends the hub with a status that is none", without=[Off(status, "DecodeError", ZeroDivisionError)])
async def test_a_status_that_is_none(stolen: Stolen) -> bool:
    await stolen.put(keys.status(C1), b"\xff\xff\xff")
    return await _ended(stolen)


@attack(
    "ends the hub with a ban that is none",
    without=[Off(bans, "_read", lambda value: msgspec.json.decode(value, type=bans.Ban))],
)
async def test_a_ban_that_is_none(stolen: Stolen) -> bool:
    await stolen.put(keys.ban(C1), b'{"x":' + b"[" * 100_000)
    return await _ended(stolen)


ANYTHING = re.compile(r".*")


@attack("names documents by more than etcd takes in one question", without=[Off(raw, "DIGEST", ANYTHING)])
async def test_digests_without_end(stolen: Stolen) -> bool:
    """The hub asks for many keys at once: it must not be made to ask for more than it can get."""
    for number, role in enumerate((BIN, "policies/net-5")):

        def name(signed: Any, number: int = number) -> None:
            for each in range(31):
                hashes = {"sha256": f"{number}-{each}-" + "x" * 44_000}
                signed["targets"][f"policies/net/{each}"] = {"length": 1, "hashes": hashes, "custom": {}}

        await stolen.edit(stolen.key(role), name)
    return await _ended(stolen)


def _strictly(stored: KeyValue | None) -> Head | None:
    return None if stored is None else msgspec.json.decode(stored.value, type=Head)


@attack("ends the hub with a receipt head that is none", without=[Off(status, "read_head", _strictly)])
async def test_a_receipt_head_that_is_none(stolen: Stolen) -> bool:
    await stolen.put(keys.receipt_head(C1), b'{"sequence":-1,"x":' + b"[" * 100_000)
    return await _ended(stolen)


async def test_a_hub_over_nonsense_relays_what_verifies(stolen: Stolen, victim: Victim) -> None:
    """Keys that nobody knows, names that are none, values that belong nowhere: all at once."""
    nonsense = b"\xff\x00[{" * 1000
    for key in (
        keys.FENCE,
        keys.trace(2),
        keys.blob("0" * 64),
        keys.blob("../../x"),
        keys.metadata("policies/nobody-7", 3),
        keys.metadata("root", 0),
        f"{keys.METADATA}root/x",
        f"{keys.METADATA}",
        f"{keys.CLUSTERS}c1",
        f"{keys.CLUSTERS}/status",
        f"{keys.CLUSTERS}\u202e\x1b[2J/status",
        f"{keys.CLUSTERS}c1/unheard-of",
        keys.receipt(C1, 1),
        keys.receipts(C1) + "x",
        keys.enrolment("0" * 64),
        f"{keys.ROOT}unheard-of",
    ):
        await stolen.put(key, nonsense)
    await stolen.tells(victim)
    assert (victim.release, victim.priority()) == (2, 10)
    async with stolen.serving() as running:
        answer = await running.admin().Status(pb.StatusRequest())
        assert {each.name for each in answer.clusters} >= {C1}
        with pytest.raises(grpc.aio.AioRpcError, match="EDICT0350"):
            await running.enrolment().Enrol(stolen.enrolment(C1, b"0" * 32))


@attack("plants a root of a number that no message can carry", without=[Off(raw, "MAX_DIGITS", 30)])
async def test_a_root_of_an_endless_number(stolen: Stolen, victim: Victim) -> bool:
    """No release could be put together for anybody; the stream of every agent would end."""
    await stolen.put(f"{keys.METADATA}root/{'9' * 25}", b"{}")
    async with stolen.serving() as running:
        agent = Agent(running.federation(C1))
        await agent.have()
        try:
            await victim.hears(await agent.release())
        except (AssertionError, grpc.aio.AioRpcError):
            return True
    return victim.release != 2


@attack("has every agent sent a megabyte with each release", without=[Off(release, "MAX_TRACEPARENT", 2**30)])
async def test_a_trace_without_end(stolen: Stolen) -> bool:
    await stolen.put(keys.trace(2), b"0" * 1_000_000)
    async with stolen.serving() as running:
        agent = Agent(running.federation(C1))
        await agent.have()
        return len((await agent.release()).traceparent) > 100_000
