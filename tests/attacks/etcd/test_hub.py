"""The owner of etcd turns to the hub itself: what it signs, whom it lets in, what it counts from, whether it lives."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

import grpc
import msgspec
import pytest

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.trust.roles import ROOT, SNAPSHOT
from edict_hub import bans, raw, release, status
from edict_hub.receipts import Head
from edict_hub.relay import Relay
from edict_hub.store import KeyValue, keys
from edict_hub.tokens import Record
from tests.attacks import weak
from tests.attacks.etcd.stolen import BIN, C1, Stolen
from tests.attacks.harness import Off, attack
from tests.attacks.victims import Victim
from tests.integration.hub.hubs import DOMAIN, Agent, policy, version

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


def _request(stolen: Stolen, cluster: ClusterName, secret: bytes) -> pb.EnrolRequest:
    return pb.EnrolRequest(
        cluster=cluster,
        token_secret=secret,
        csr_pem=make_csr(new_private_key(), cluster_id(DOMAIN, cluster)),
        receipt_public_key=b"t" * 32,
        root_sha256=digest_of(stolen.hub.authors.metadata[ROOT]),
    )


async def _enrols(stolen: Stolen, cluster: ClusterName) -> bool:
    """Plant the hash of a token, and enrol with it; tell whether that buys a certificate."""
    secret = secrets.token_bytes(32)
    record = Record(cluster=cluster, expires=int(time.time()) + 600)
    await stolen.put(keys.enrolment(hashlib.sha256(secret).hexdigest()), msgspec.json.encode(record))
    async with stolen.serving() as running:
        return await _answers(running.enrolment().Enrol(_request(stolen, cluster, secret)))


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
    without=[Off(bans, "_reason", lambda value: str(msgspec.json.decode(value, type=bans.Ban)))],
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
            await running.enrolment().Enrol(_request(stolen, C1, b"0" * 32))


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
