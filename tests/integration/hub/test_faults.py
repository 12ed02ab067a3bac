"""One byte flipped in etcd: reported with its key, relayed as it is, and forgotten when it is repaired."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict_hub.store import Delete, EtcdStore, Put, keys
from tests.env import Etcd
from tests.integration.hub.hubs import Agent, Hub, Running, cluster, policy, replica

pytestmark = pytest.mark.parts
DOCUMENT = policy("p")
BLOB = keys.blob(digest_of(DOCUMENT))


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1"), DOCUMENT))
    return running


async def until_faults(running: Running, wanted: Callable[[list[str]], bool]) -> list[pb.Fault]:
    """Wait until the keys that are damaged are as wanted; changes are pushed, nothing is polled."""
    watch = running.admin().WatchStatus(pb.StatusRequest())
    async with asyncio.timeout(10):
        async for answer in watch:
            if wanted([fault.key for fault in answer.faults]):
                watch.cancel()
                return list(answer.faults)
    raise AssertionError


async def flip(store: EtcdStore, key: str, old: bytes, new: bytes) -> bytes:
    stored = await store.get(key)
    assert stored is not None
    assert old in stored.value
    await store.commit([], [Put(key, stored.value.replace(old, new, 1))])
    return stored.value


@pytest.mark.parametrize(
    ("key", "old", "new", "code"),
    [
        (BLOB, b"169.254", b"169.255", "EDICT0440"),
        (keys.metadata("inventory", 2), b"inventory/c1", b"inventory/c2", "EDICT0205"),
        (keys.metadata("inventory", 2), b"{", b"[", "EDICT0205"),
        (keys.metadata("snapshot", 2), b'"expires":"2', b'"expires":"3', "EDICT0205"),
        (keys.metadata("snapshot", 2), b"{", b"[", "EDICT0440"),
        (keys.TIMESTAMP, b'"version":1', b'"version":7', "EDICT0202"),
        (keys.TIMESTAMP, b"{", b"[", "EDICT0440"),
    ],
)
async def test_a_flipped_byte_is_a_fault_with_its_key_until_it_is_repaired(
    listed: Running, store: EtcdStore, *, key: str, old: bytes, new: bytes, code: str
) -> None:
    good = await flip(store, key, old, new)
    faults = await until_faults(listed, lambda found: found == [key])
    assert faults[0].error_code == code
    assert faults[0].since_unix > 0
    agent = Agent(listed.federation("c1"))
    await agent.have()
    assert (await agent.release()).release == 2
    await store.commit([], [Put(key, good)])
    assert await until_faults(listed, lambda found: not found) == []


async def test_what_is_damaged_is_relayed_and_what_is_repaired_sent_again_to_who_rejected_it(
    hub: Hub, etcd: Etcd, listed: Running, store: EtcdStore
) -> None:
    good = await flip(store, BLOB, b"169.254", b"169.255")
    await until_faults(listed, lambda found: found == [BLOB])
    async with replica(hub, etcd.endpoint, replica="fresh") as fresh:
        agent = Agent(fresh.federation("c1"))
        await agent.have()
        damaged = await agent.release()
        assert good not in [blob.content for blob in damaged.blobs]
        assert len(damaged.blobs) == 2
        await agent.ack(damaged, pb.ACK_STAGE_REJECTED, error_code="EDICT0220", error=BLOB)
        await agent.have()
        await store.commit([], [Put(BLOB, good)])
        assert good in [blob.content for blob in (await agent.release()).blobs]


async def test_a_fresh_replica_over_damaged_metadata_still_lets_agents_refuse_it_themselves(
    hub: Hub, etcd: Etcd, listed: Running, store: EtcdStore
) -> None:
    await flip(store, keys.metadata("inventory", 2), b"inventory/c1", b"inventory/c2")
    async with replica(hub, etcd.endpoint, replica="fresh") as fresh:
        assert list(fresh.replica.relay.faults) == [keys.metadata("inventory", 2)]
        agent = Agent(fresh.federation("c1"))
        await agent.have()
        release = await agent.release()
        assert DOCUMENT in [blob.content for blob in release.blobs]
    assert listed.replica.relay.inventories(ClusterName("c1"))


@pytest.mark.parametrize("key", [keys.TIMESTAMP, keys.metadata("snapshot", 2), keys.metadata("inventory", 2), BLOB])
async def test_a_key_that_is_gone_is_a_fault_too(listed: Running, store: EtcdStore, key: str) -> None:
    await store.commit([], [Delete(key)])
    faults = await until_faults(listed, lambda found: found == [key])
    assert faults[0].error_code in {"EDICT0441", "EDICT0208"}
    answer = await listed.federation("c1").Hello(pb.HelloRequest())
    assert (answer.admitted, answer.release) == (True, 2)


@pytest.mark.parametrize("key", [BLOB, keys.metadata("inventory", 2)])
async def test_publishing_the_same_release_again_repairs_it(
    hub: Hub, running: Running, store: EtcdStore, key: str
) -> None:
    request = hub.request(cluster("c1"), DOCUMENT)
    await running.admin().Publish(request)
    await store.commit([], [Put(key, b"nonsense")])
    await until_faults(running, lambda found: found == [key])
    assert (await running.admin().Publish(request)).release == 2
    assert await until_faults(running, lambda found: not found) == []


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        (f"{keys.METADATA}root/{'9' * 21}", b"{}", []),
        (f"{keys.METADATA}root/{'9' * 5000}", b"{}", []),
        (keys.TIMESTAMP, b'{"signed":{"version":9,"x":' + b"[" * 100_000, [keys.TIMESTAMP]),
        (keys.TIMESTAMP, b'{"signed":{"version":-5,"meta":{"snapshot.json":{"version":2}}}}', [keys.TIMESTAMP]),
        (keys.status(ClusterName("c1")), pb.ClusterStatus(name="c2").SerializeToString(), []),
    ],
    ids=["21 digits", "5000 digits", "nested", "negative", "another's status"],
)
async def test_no_key_ends_the_hub(listed: Running, store: EtcdStore, key: str, value: bytes, found: list[str]) -> None:
    await store.commit([], [Put(key, value)])
    await store.commit([], [Put(BLOB, b"marks what was read after it")])
    await until_faults(listed, lambda faults: set(faults) >= {*found} and faults != [])
    assert not listed.serving.done()
    agent = Agent(listed.federation("c1"))
    await agent.have()
    assert (await agent.release()).release == 2
    assert [status.name for status in (await listed.admin().Status(pb.StatusRequest())).clusters] == ["c1"]


async def test_what_nobody_foresaw_in_etcd_is_a_fault_and_what_is_served_stays(
    listed: Running, store: EtcdStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("edict_hub.release._assemble", None)
        await store.commit([], [Put(BLOB, DOCUMENT)])
        faults = await until_faults(listed, lambda found: found == [keys.ROOT])
        assert faults[0].error_code == "EDICT0499"
        agent = Agent(listed.federation("c1"))
        await agent.have()
        assert (await agent.release()).release == 2
    await store.commit([], [Put(BLOB, DOCUMENT)])
    assert await until_faults(listed, lambda found: not found) == []
    assert not listed.serving.done()
