"""A stolen hub sends too much, too deep, or numbers that nobody counts to. What it costs is counted, never timed."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata

from edict.federation.v1 import federation_pb2 as pb
from edict.trust import _check
from edict.trust.roles import ROOT
from edict_agent import memory
from edict_agent.conformance import chain as chain_module
from edict_agent.conformance.chain import Chain
from edict_agent.store.secrets import StateStore
from edict_agent.sync import client, intake
from edict_agent.sync import judge as judging
from edict_agent.sync.intake import Intake
from tests.attacks import weak
from tests.attacks.harness import Off, attack
from tests.attacks.thief import stamped
from tests.attacks.victims import Victim, message
from tests.unit.agent.fakes import MemoryKube, TurnedClock
from tests.unit.agent.test_chain import KEY, ONE, report, statement
from tests.unit.agent.test_client import World
from tests.unit.trust.federation import Federation

MANY = 40
HOUR = 3600.0
NO_TIME = timedelta(0)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of everything that is parsed as metadata from here on, bytes."""
    sizes: list[int] = []
    read = Metadata.from_bytes

    def counted(data: bytes, *more: Any) -> Any:
        sizes.append(len(data))
        return read(data, *more)

    monkeypatch.setattr(Metadata, "from_bytes", counted)
    return sizes


@attack("vouches for a snapshot of 9 MiB with its own timestamp", without=[Off(_check, "MAX_OTHER_BYTES", 2**40)])
async def test_a_snapshot_that_is_too_large(fed: Federation, victim: Victim, parsed: list[int]) -> bool:
    bundle = fed.publish()
    snapshot = bundle.snapshot or b""
    large = snapshot + b" " * (9 * 1024 * 1024)
    await victim.hears(message(stamped(fed, replace(bundle, snapshot=large)), fed.blobs))
    return max(parsed) > 8 * 1024 * 1024


@attack("sends a timestamp of 1 MB that nothing vouches for", without=[Off(_check, "MAX_METADATA_BYTES", {})])
async def test_a_timestamp_that_is_too_large(fed: Federation, victim: Victim, parsed: list[int]) -> bool:
    bundle = fed.publish()
    await victim.hears(message(replace(bundle, timestamp=(bundle.timestamp or b"") + b" " * 1_000_000), fed.blobs))
    return max(parsed) > 1_000_000


@attack("sends the root that is trusted again and again", without=[Off(judging, "MAX_ROOTS", 2**30)])
async def test_roots_without_end(fed: Federation, victim: Victim, parsed: list[int]) -> bool:
    """Each is read before it is passed over. Those that are new are followed further by the next message."""
    await victim.hears(message(fed.publish(), fed.blobs, roots=[fed.metadata[ROOT] + b" "] * 2000))
    assert victim.release == 2
    return len(parsed) > 2000


def _deep(levels: int) -> bytes:
    nested = b"[" * levels + b"]" * levels
    return (
        b'{"signatures": [{"keyid": "00", "sig": "00"}], "signed": {"_type": "timestamp", "spec_version": "1.0.31", '
        b'"version": 1, "expires": "2099-01-01T00:00:00Z", "meta": {"snapshot.json": {"version": 1}}, "x": %s}}'
        % nested
    )


@attack(
    "nests a timestamp so deep that it has no canonical form", without=[Off(_check, "UNREADABLE", (ZeroDivisionError,))]
)
async def test_a_timestamp_that_is_too_deep(fed: Federation, victim: Victim) -> bool:
    """The agent must name the hub's fault, and not take it for one of its own."""
    bundle = fed.publish()
    blamed = [
        ack.error_code
        for levels in (900, 7_000)
        for ack in await victim.hears(message(replace(bundle, timestamp=_deep(levels)), fed.blobs))
        if ack.stage == pb.ACK_STAGE_REJECTED
    ]
    assert len(blamed) == 2
    return "EDICT0599" in blamed


@attack("signs a version that fits no store", without=[Off(_check, "MAX_VERSION", 10**40)])
async def test_a_version_that_fits_no_store(fed: Federation, victim: Victim) -> bool:
    """Here, too, the agent must name the hub's fault, and not take it for one of its own."""
    acks = [
        ack
        for version in (2**64, 10**30)
        for ack in await victim.hears(message(stamped(fed, fed.publish(), version=version), fed.blobs))
    ]
    assert victim.release == 0
    return "EDICT0599" in {ack.error_code for ack in acks}


@attack("stuffs documents that the cluster does not need into its memory", without=[weak.EVERY_DOCUMENT])
async def test_documents_that_nobody_needs(fed: Federation, victim: Victim) -> bool:
    ballast = {hashlib.sha256(bytes([each])).hexdigest(): bytes([each]) * 1000 for each in range(MANY)}
    await victim.hears(message(fed.publish(), {**fed.blobs, **ballast}))
    assert victim.release == 2
    return len(victim.memory.blobs) > MANY


def _each_in_its_turn(self: Intake, release: pb.Release) -> None:
    asyncio.get_running_loop().create_task(self._take(release))


@attack("sends releases without end, faster than they are judged", without=[Off(Intake, "offer", _each_in_its_turn)])
async def test_releases_without_end(fed: Federation, victim: Victim, monkeypatch: pytest.MonkeyPatch) -> bool:
    judged, judge, done = 0, judging.judge, asyncio.Event()

    def counted(release: pb.Release, **more: Any) -> Any:
        nonlocal judged
        judged += 1
        if release.traceparent == "last":
            loop.call_soon_threadsafe(done.set)
        return judge(release, **more)

    monkeypatch.setattr(intake, "judge", counted)
    loop, running = asyncio.get_running_loop(), asyncio.create_task(victim.intake.run())
    bundle = fed.publish()
    for count in range(MANY):
        sent = message(bundle, fed.blobs)
        sent.traceparent = "last" if count == MANY - 1 else ""
        victim.intake.offer(sent)
    async with asyncio.timeout(60):
        await done.wait()
    running.cancel()
    return judged > 2


@attack(
    "signs timestamps without end, to fill the cluster's own API server",
    without=[Off(memory, "STAMPED_EVERY", NO_TIME)],
)
async def test_timestamps_without_end(fed: Federation, victim: Victim) -> bool:
    """What a restart then finds is the same release, with an earlier timestamp of it."""
    bundle = fed.publish()
    await victim.hears(message(bundle, fed.blobs))
    before = victim.kube.writes
    for _ in range(MANY):
        await victim.hears(message(stamped(fed, bundle), {}))
        victim.clock.turn(timedelta(seconds=1))
    assert victim.memory.state.timestamp_version == MANY + 1
    assert (await victim.restarted()).release == victim.release == 2
    return victim.kube.writes - before > MANY


@attack(
    "sends the agent away for longer than any hub is busy", without=[Off(client, "bounded", lambda seconds: seconds)]
)
async def test_a_time_to_stay_away_without_end() -> bool:
    world = World()
    world.hub.answer = pb.HelloResponse(admitted=False, retry_after_seconds=5 * HOUR)
    first, second = await world.hears(world.hub.hellos, 2)
    return second - first >= 5 * HOUR


@attack(
    "tells a new agent that its chain of receipts is nearly full", without=[Off(chain_module, "MAX_BELIEVED", 2**64)]
)
async def test_a_number_at_which_the_chain_ends() -> bool:
    """No reader takes a number above 2**53: a chain that began there could never be told to anybody."""
    clock = TurnedClock()
    store = StateStore(MemoryKube(), "edict-system", clock=clock)
    await store.load()
    chain = Chain(store, KEY, ONE, clock=clock, version="0", on_receipt=lambda: None)
    chain.follow(2**63 - 2)
    await chain.say(statement(report("a")))
    receipt = chain.next_unsent()
    assert receipt is not None
    return receipt.sequence > 2**53
