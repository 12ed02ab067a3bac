"""The owner of etcd turns to the hub itself: what it signs, whom it lets in, what it counts from, whether it lives."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import grpc
import msgspec
import pytest
from aetcd import rpc

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.trust.roles import SNAPSHOT
from edict_hub import raw
from edict_hub.relay import Relay
from edict_hub.store import Changed, Put, _watch, keys
from edict_hub.tokens import Record
from tests.attacks import weak
from tests.attacks.etcd.stolen import C1, Stolen
from tests.attacks.harness import Off, attack
from tests.attacks.victims import Victim
from tests.integration.hub.hubs import policy, version

pytestmark = pytest.mark.parts


class Later(SystemClock):
    """The clock of a hub whose timestamp has less than half of its life left."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=20)


@attack(
    "has the hub sign its timestamp over a snapshot that no publisher signed",
    without=[weak.UNDESCRIBED, weak.UNSIGNED],
    alone=True,
)
async def test_a_timestamp_over_what_does_not_verify(stolen: Stolen) -> bool:
    key = stolen.key(SNAPSHOT)
    await stolen.edit(key, lambda signed: signed.update(expires="2099-01-01T00:00:00Z"))
    async with stolen.serving() as running:
        running.replica.publisher._clock = Later()
        await running.replica.publisher.refresh()
    return digest_of(await stolen.value(key)).encode() in await stolen.value(keys.TIMESTAMP)


@attack("has the hub go on from a number that burns the counter", without=[weak.UNSIGNED])
async def test_a_number_that_the_hub_never_signed(stolen: Stolen) -> bool:
    absurd = raw.MAX_VERSION // 4
    await stolen.edit(keys.TIMESTAMP, lambda signed: signed.update(version=absurd))
    await stolen.publish(policy("deny", priority=11))
    return version(await stolen.value(keys.TIMESTAMP)) > absurd


async def test_an_older_release_that_is_put_back_is_signed_for_until_its_snapshot_expires(
    stolen: Stolen, victim: Victim
) -> None:
    """Granted, as to a stolen hub: a hub that starts anew cannot know that there was a newer one."""
    before = await stolen.value(keys.TIMESTAMP)
    held = await Victim.of(stolen.hub.authors, C1)
    await stolen.publish(policy("deny", priority=11))
    await stolen.tells(held)
    await stolen.put(keys.TIMESTAMP, before)
    async with stolen.serving() as running:
        running.replica.publisher._clock = Later()
        assert await running.replica.publisher.refresh()
    assert (await stolen.tells(held))[-1].stage == pb.ACK_STAGE_REJECTED
    await stolen.tells(victim)
    assert (held.priority(), victim.priority()) == (11, 10)
    late = await Victim.of(stolen.hub.authors, C1)
    late.clock.turn(timedelta(days=8))
    await stolen.tells(late)
    assert late.release == 0


async def _answers(call: Any) -> bool:
    """Tell whether the hub does what it is asked, or has it that the cluster is not in the signed inventory."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return "EDICT0343" not in str(error.details())
    return True


async def _enrols(stolen: Stolen, cluster: ClusterName) -> bool:
    """Plant the hash of a token, and enrol with it; tell whether that buys a certificate."""
    secret = secrets.token_bytes(32)
    record = Record(cluster=cluster, expires=int(time.time()) + 600)
    await stolen.put(keys.enrolment(hashlib.sha256(secret).hexdigest()), msgspec.json.encode(record))
    async with stolen.serving() as running:
        return await _answers(running.enrolment().Enrol(stolen.enrolment(cluster, secret)))


@attack("plants a token for a cluster that no author listed", without=[Off(Relay, "inventories", lambda *_: True)])
async def test_a_planted_token_for_an_unlisted_cluster(stolen: Stolen) -> bool:
    return await _enrols(stolen, ClusterName("c9"))


async def test_a_planted_token_for_a_listed_cluster_buys_a_certificate_and_no_evidence(stolen: Stolen) -> None:
    """Granted: it can read what is placed on that cluster. Its receipt key waits for an author's approval."""
    assert await _enrols(stolen, C1)
    async with stolen.serving() as running:
        said = await running.admin().Status(pb.StatusRequest(clusters=[C1]))
        assert said.clusters[0].pending_receipt_key == b"t" * 32
        assert running.replica.relay.receipt_key(C1) == ""


@attack("lets a cluster back in that authors took out", without=[Off(Relay, "admits", lambda *_: True)])
async def test_a_ban_removed_from_a_cluster_that_authors_took_out(stolen: Stolen) -> bool:
    """Removing a ban alone is granted: a ban is the hub's word. The inventory is the authors'."""
    await stolen.put(keys.ban(C1), b"{}")
    async with stolen.serving() as running:
        await running.admin().Publish(stolen.hub.request_without(f"inventory/{C1}"))
    await stolen.delete(keys.ban(C1))
    async with stolen.serving() as running:
        return await _answers(running.federation(C1).Hello(pb.HelloRequest()))


async def test_a_ban_that_is_removed_or_added_is_believed(stolen: Stolen) -> None:
    """Granted: a ban is one key of etcd."""
    async with stolen.serving() as running:
        assert (await running.federation(C1).Hello(pb.HelloRequest())).admitted
    await stolen.put(keys.ban(C1), b"whatever stands there")
    async with stolen.serving() as running:
        with pytest.raises(grpc.aio.AioRpcError, match="EDICT0344"):
            await running.federation(C1).Hello(pb.HelloRequest())
    await stolen.delete(keys.ban(C1))
    async with stolen.serving() as running:
        assert (await running.federation(C1).Hello(pb.HelloRequest())).admitted


_stream = _watch._stream


async def _from_now_on(channel: Any, prefix: str, following: int) -> AsyncIterator[Changed]:
    """Follow a prefix, and where its events are gone, those that are still to come."""
    try:
        async for changed in _stream(channel, prefix, following):
            yield changed
    except _watch._LostError:
        async for changed in _stream(channel, prefix, 0):
            yield changed


@attack("compacts etcd, so that a replica misses a ban", without=[Off(_watch, "_stream", _from_now_on)])
async def test_a_ban_behind_a_compaction(stolen: Stolen, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The thief of c1 holds up what the replica hears until the ban can only be listed, not heard."""
    heard, follow = asyncio.Event(), _watch._stream

    async def late(channel: Any, prefix: str, following: int) -> AsyncIterator[Changed]:
        await heard.wait()
        async for changed in follow(channel, prefix, following):
            yield changed

    monkeypatch.setattr(_watch, "_stream", late)
    async with stolen.serving() as running:
        assert (await running.federation(C1).Hello(pb.HelloRequest())).admitted
        await stolen.put(keys.ban(C1), b"{}")
        newest = await stolen.store.commit([], [Put(keys.FENCE, b"x")])
        kv = rpc.KVStub(stolen.store._connection.channel)
        await kv.Compact(rpc.CompactionRequest(revision=newest, physical=True))
        heard.set()
        bans = running.replica.status.bans
        async with asyncio.timeout(20):
            while ClusterName("c2") not in bans:  # written until it is heard: by then so was all before it
                await stolen.put(keys.ban(ClusterName("c2")), b"{}")
                await asyncio.sleep(0.05)
        return C1 not in bans
