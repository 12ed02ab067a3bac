"""Publishing: verified before anything is written, committed by one compare-and-swap, whoever else publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import grpc
import pytest

from edict.clock import SystemClock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import digest_of
from edict_hub.commit import Writer
from edict_hub.publish import Publisher
from edict_hub.store import EtcdStore, Operation, Put, Unchanged, keys
from tests.env import Etcd
from tests.integration.hub.hubs import Hub, Running, cluster, policy, replica

pytestmark = pytest.mark.parts


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def revision(store: EtcdStore) -> int:
    return (await store.range(keys.ROOT, values=False)).revision


async def test_a_release_is_in_etcd_under_the_keys_of_the_layout_before_it_is_acknowledged(
    hub: Hub, running: Running, store: EtcdStore
) -> None:
    document = policy("deny-metadata")
    answer = await running.admin().Publish(hub.request(cluster("c1"), document))
    assert (answer.release, answer.timestamp_version) == (2, 1)
    stored = {item.key for item in (await store.range(keys.ROOT, values=False)).items}
    assert {
        "/edict/v1/timestamp",
        "/edict/v1/trace/2",
        "/edict/v1/metadata/root/1",
        "/edict/v1/metadata/snapshot/2",
        "/edict/v1/metadata/targets/1",
        f"/edict/v1/blobs/{digest_of(document)}",
    } <= stored


async def test_publishing_the_same_again_writes_nothing(hub: Hub, running: Running, store: EtcdStore) -> None:
    request = hub.request(cluster("c1"))
    first = await running.admin().Publish(request)
    before = await revision(store)
    assert await running.admin().Publish(request) == first
    assert await revision(store) == before


async def test_what_does_not_verify_leaves_no_trace_in_etcd(hub: Hub, running: Running, store: EtcdStore) -> None:
    forged = hub.request(policy("forged"))
    for metadata in forged.metadata:
        if metadata.role == "inventory":
            metadata.content = metadata.content.replace(b'"version":1', b'"version":1 ')
    error = await refused(running.admin().Publish(forged))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "EDICT0205" in str(error.details())
    assert "metadata/inventory/1" in str(error.details())
    assert (await store.range(keys.ROOT)).items == ()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda request: request.ClearField("blobs"), "EDICT0412"),
        (lambda request: request.blobs.add(digest=digest_of(b"x"), content=b"x"), "EDICT0411"),
        (lambda request: request.blobs.add(digest="0" * 64, content=b"x"), "EDICT0411"),
        (lambda request: request.blobs.add(digest="0" * 64, content=b"x" * 1_000_001), "EDICT0413"),
        (lambda request: request.metadata.add(role="timestamp", version=1, content=b"{}"), "EDICT0411"),
        (lambda request: request.metadata.add(role="inventory", version=9, content=b"nonsense"), "EDICT0411"),
        (lambda request: request.ClearField("metadata"), "EDICT0411"),
    ],
)
async def test_a_request_that_is_not_whole_is_refused_with_a_code(
    hub: Hub, running: Running, store: EtcdStore, spoil: Callable[[pb.PublishRequest], None], code: str
) -> None:
    request = hub.request(policy("p"))
    spoil(request)
    error = await refused(running.admin().Publish(request))
    assert code in str(error.details())
    assert await store.get(keys.TIMESTAMP) is None


async def test_of_two_different_releases_at_once_on_two_replicas_exactly_one_is_committed(hub: Hub, etcd: Etcd) -> None:
    async with replica(hub, etcd.endpoint, replica="one") as one, replica(hub, etcd.endpoint, replica="two") as two:
        await one.admin().Publish(hub.request(cluster("c1")))
        for number in range(3):
            hub.authors.release = release = number + 2
            metadata = dict(hub.authors.metadata)
            left = hub.request(policy(f"left-{number}"))
            after_left = dict(hub.authors.metadata)
            hub.authors.metadata, hub.authors.release = metadata, release
            right = hub.request(policy(f"right-{number}"))
            after_right = dict(hub.authors.metadata)
            outcomes = await asyncio.gather(
                one.admin().Publish(left), two.admin().Publish(right), return_exceptions=True
            )
            lost = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
            assert len(lost) == 1
            assert lost[0].code() is grpc.StatusCode.ABORTED
            assert "EDICT0410" in str(lost[0].details())
            hub.authors.metadata = after_left if lost[0] is outcomes[1] else after_right
            await one.replica.relay.reload()
            await two.replica.relay.reload()
            assert one.replica.relay.held == two.replica.relay.held
            assert one.replica.relay.held is not None
            assert one.replica.relay.held.state is not None
            assert one.replica.relay.held.release == number + 3


class Interrupted(EtcdStore):
    """Lets a test act between a publisher's last write of metadata and its flip."""

    before_flip: Callable[[], object] | None = None

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        flips = any(isinstance(operation, Put) and operation.key == keys.TIMESTAMP for operation in operations)
        act, self.before_flip = (self.before_flip, None) if flips else (None, self.before_flip)
        if act is not None:
            await act()  # type: ignore[misc]
        return await super().commit(conditions, operations)


def beside(running: Running, store: Interrupted) -> Publisher:
    """A second publisher with the same key on a store that can be interrupted."""
    present = running.replica.publisher
    return Publisher(store, running.replica.relay, Writer(store, "slow"), present._stamper, SystemClock())


async def test_metadata_that_another_publisher_overwrote_is_never_flipped_to(
    hub: Hub, etcd: Etcd, running: Running
) -> None:
    await running.admin().Publish(hub.request(cluster("c1")))
    metadata = dict(hub.authors.metadata)
    mine = hub.request(policy("mine"))
    hub.authors.metadata, hub.authors.release = metadata, 2
    theirs = hub.request(policy("theirs"))
    store = Interrupted([etcd.endpoint], clock=SystemClock())
    slow = beside(running, store)
    store.before_flip = lambda: running.replica.publisher.publish(theirs)
    with pytest.raises(HubError, match="EDICT0410"):
        await slow.publish(mine)
    await running.replica.relay.reload()
    assert running.replica.relay.held is not None
    assert running.replica.relay.held.state is not None
    assert "policies/net/theirs" in running.replica.relay.held.state.documents
    await store.close()


async def test_a_timestamp_signed_anew_in_between_costs_one_retry(hub: Hub, etcd: Etcd, running: Running) -> None:
    await running.admin().Publish(hub.request(cluster("c1")))
    store = Interrupted([etcd.endpoint], clock=SystemClock())
    slow = beside(running, store)

    async def refresh() -> None:
        held = running.replica.relay.held
        assert held is not None
        stamp = running.replica.publisher._stamper.sign(held.snapshot, held.timestamp_version + 1)
        assert await running.store.commit([Unchanged(keys.TIMESTAMP, held.revision)], [Put(keys.TIMESTAMP, stamp)])

    store.before_flip = refresh
    answer = await slow.publish(hub.request(policy("p")))
    assert (answer.release, answer.timestamp_version) == (3, 3)
    await store.close()


async def test_a_timestamp_past_half_of_its_life_is_signed_anew_and_a_young_one_is_not(
    hub: Hub, etcd: Etcd, running: Running
) -> None:
    await running.admin().Publish(hub.request(cluster("c1")))
    assert await running.replica.publisher.refresh() is False
    async with replica(hub, etcd.endpoint, replica="short", timestampLifetime="60d") as longer:
        assert await longer.replica.publisher.refresh() is True
        held = longer.replica.relay.held
        assert held is not None
        await longer.replica.relay.reload()
        assert longer.replica.relay.held is not None
        assert longer.replica.relay.held.timestamp_version == 2
