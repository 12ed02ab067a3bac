"""The small decisions: batches, statuses of errors, what two replicas know joined, metadata read unbelieved."""

from __future__ import annotations

import grpc
import pytest

from edict.errors import DocumentError, HubError, IdentityError, TrustError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict_hub import raw
from edict_hub.batches import MAX_BATCH_BYTES, MAX_BATCH_PUTS, batches
from edict_hub.codes import Code, Identity, status_of, unexpected
from edict_hub.status_merge import equal_but_for_time, merged
from edict_hub.store import Put, keys


@pytest.mark.parametrize("sizes", [[], [1] * 250, [MAX_BATCH_BYTES] * 3, [400_000] * 7, [10, MAX_BATCH_BYTES, 10]])
def test_batches_keep_order_and_limits(sizes: list[int]) -> None:
    puts = [Put(str(number), b"x" * size) for number, size in enumerate(sizes)]
    made = list(batches(puts))
    assert [put for batch in made for put in batch] == puts
    for batch in made:
        assert 0 < len(batch) <= MAX_BATCH_PUTS
        assert sum(len(put.value) for put in batch) <= MAX_BATCH_BYTES


def test_every_family_of_errors_travels_under_a_status_of_its_own() -> None:
    assert status_of(DocumentError(101, "x")) is grpc.StatusCode.INVALID_ARGUMENT
    assert status_of(TrustError(202, "x")) is grpc.StatusCode.FAILED_PRECONDITION
    assert status_of(IdentityError(301, "x")) is grpc.StatusCode.PERMISSION_DENIED
    assert status_of(IdentityError(Identity.TOKEN_UNKNOWN, "x")) is grpc.StatusCode.UNAUTHENTICATED
    assert status_of(HubError(Code.CONFLICT, "x")) is grpc.StatusCode.ABORTED
    assert status_of(HubError(Code.STORE_UNREACHABLE, "x")) is grpc.StatusCode.UNAVAILABLE
    assert status_of(UsageError(601, "x")) is grpc.StatusCode.INTERNAL
    assert status_of(unexpected()) is grpc.StatusCode.INTERNAL


def test_numbers_belong_to_their_families() -> None:
    assert all(number // 100 == 4 for number in Code)
    assert all(number // 100 == 3 for number in Identity)


def test_the_newer_replica_wins_and_nothing_that_was_reached_is_taken_back() -> None:
    stored = pb.ClusterStatus(
        name="c",
        connected=True,
        last_seen_unix=10,
        acked_applied=3,
        pending_receipt_key=b"k",
        hello=pb.HelloRequest(dialect="calico"),
    )
    stored.last_ack.CopyFrom(pb.Ack(stage=pb.ACK_STAGE_REJECTED, error_code="EDICT0205"))
    mine = pb.ClusterStatus(name="c", last_seen_unix=20, acked_verified=4)
    mine.last_ack.CopyFrom(pb.Ack(stage=pb.ACK_STAGE_VERIFIED, release=4))
    for one, other in ((mine, stored), (stored, mine)):
        joined = merged(one, other)
        assert not joined.connected
        assert (joined.acked_verified, joined.acked_applied, joined.last_seen_unix) == (4, 3, 20)
        assert joined.last_ack == mine.last_ack
        assert joined.hello.dialect == "calico"
    assert merged(mine, stored).pending_receipt_key == b"k"


def test_a_heartbeat_is_no_change() -> None:
    one = pb.ClusterStatus(name="c", last_seen_unix=1)
    assert equal_but_for_time(one, pb.ClusterStatus(name="c", last_seen_unix=2))
    assert not equal_but_for_time(one, pb.ClusterStatus(name="c", connected=True))


def test_metadata_is_read_just_far_enough() -> None:
    content = b'{"signed": {"version": 3, "meta": {"snapshot.json": {"version": 7}}, "x": 1}, "signatures": []}'
    assert raw.version_of(content, "k") == 3
    assert raw.described(content, "k") == {"snapshot": 7}
    named = b'{"signed": {"version": 1, "targets": {"p": {"hashes": {"sha256": "%s"}}}}}'
    assert raw.digests_in(named % (b"d" * 64), "k") == {"d" * 64}
    assert raw.digests_in(named % b"d", "k") == set()
    assert raw.digests_in(b"nonsense", "k") == set()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"signed": {}}',
        b'{"signed": {"version": "1"}}',
        b'{"signed": {"version": -1}}',
        b'{"signed": {"version": 18446744073709551616}}',
        b'{"signed": {"version": 1, "expires": "2026-01-01T00:00:00"}}',
        b'{"signed": {"version": 1, "x": ' + b"[" * 100_000,
        b"\xff",
    ],
    ids=lambda content: content[:48].decode(errors="replace"),
)
def test_what_is_no_metadata_is_named_by_its_key(content: bytes) -> None:
    with pytest.raises(HubError, match="EDICT0440") as caught:
        raw.version_of(content, keys.TIMESTAMP)
    assert caught.value.where == "/edict/v1/timestamp"
