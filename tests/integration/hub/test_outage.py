"""etcd goes away and comes back: agents notice nothing, operators are told at once, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict_hub.server import GRACE_SECONDS
from edict_hub.store import EtcdStore, keys
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.hub.hubs import Agent, Hub, Running, cluster, policy, replica
from tests.integration.hub.receipting import offer_key, receipt

pytestmark = pytest.mark.parts


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of the test's own, which it may kill."""
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1"), policy("p")))
    await offer_key(running.store)
    return running


async def test_agents_are_served_while_etcd_is_away_and_operators_told_within_five_seconds(
    hub: Hub, etcd: Etcd, listed: Running
) -> None:
    before = Agent(listed.federation("c1"))
    await before.have()
    await before.release()
    await before.call.write(pb.AgentMessage(receipt=receipt(1, base=True)))
    await before.next()
    async with asyncio.timeout(10):
        while not listed.replica.status.newest_receipt("c1"):  # type: ignore[arg-type]  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    etcd.kill()
    answer = await listed.federation("c1").Hello(pb.HelloRequest())
    assert (answer.admitted, answer.receipt_sequence) == (True, 1)
    agent = Agent(listed.federation("c1"))
    await agent.have()
    release = await agent.release()
    assert (release.release, len(release.blobs)) == (2, 2)
    for call in (
        listed.admin().State(pb.StateRequest()),
        listed.admin().Publish(hub.request(policy("q"))),
    ):
        begun = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "EDICT0401" in str(caught.value.details())
        assert time.monotonic() - begun < 5


async def test_after_kill_minus_nine_and_restart_everything_goes_on(hub: Hub, etcd: Etcd, listed: Running) -> None:
    agent = Agent(listed.federation("c1"))
    await agent.have()
    await agent.ack(await agent.release(), pb.ACK_STAGE_VERIFIED)
    etcd.kill()
    await agent.call.write(pb.AgentMessage(receipt=receipt(1, base=True)))
    await asyncio.to_thread(etcd.restart)
    assert (await agent.next(30)).receipt_ack.sequence == 1
    request = hub.request(policy("q"))
    async with asyncio.timeout(30):
        while True:
            try:
                await listed.admin().Publish(request)
                break
            except grpc.aio.AioRpcError as error:
                assert "EDICT0401" in str(error.details())  # noqa: PT017 - the loop waits for etcd
    assert (await agent.release()).release == 3


async def test_a_replica_learns_what_another_published(hub: Hub, etcd: Etcd, listed: Running) -> None:
    async with replica(hub, etcd.endpoint, replica="two") as two:
        agent = Agent(two.federation("c1"))
        await agent.have()
        await agent.ack(await agent.release(), pb.ACK_STAGE_VERIFIED)
        await listed.admin().Publish(hub.request(policy("q")))
        assert (await agent.release()).release == 3
        state = await two.admin().State(pb.StateRequest(roles=["snapshot"]))
        assert [(item.role, item.version) for item in state.metadata] == [("snapshot", 3)]


async def test_every_replica_sees_every_cluster_and_a_killed_one_s_agents_do_not_stay_connected(
    hub: Hub, etcd: Etcd, listed: Running, store: EtcdStore
) -> None:
    async with replica(hub, etcd.endpoint, replica="two") as two:
        watch = listed.admin().WatchStatus(pb.StatusRequest())
        assert [status.connected for status in (await watch.read()).clusters] == [False]
        agent = Agent(two.federation("c1"))
        await agent.have()
        await agent.ack(await agent.release(), pb.ACK_STAGE_APPLIED)
        async with asyncio.timeout(10):
            while True:
                answer = await watch.read()
                if answer.clusters and answer.clusters[0].acked_applied == 2:
                    break
        assert answer.clusters[0].connected
        agent.call.cancel()
        async with asyncio.timeout(10):
            while (await watch.read()).clusters[0].connected:
                pass
        watch.cancel()
    stored = await store.get(keys.status("c1"))  # type: ignore[arg-type]
    assert stored is not None
    left_over = pb.ClusterStatus.FromString(stored.value)
    left_over.connected, left_over.last_seen_unix = True, int(time.time()) - 31
    table = listed.replica.status
    table._clusters["c1"].CopyFrom(left_over)  # type: ignore[index]
    assert not table.view("c1").connected  # type: ignore[arg-type]


async def test_a_replica_that_ends_lets_everybody_go_without_an_error(hub: Hub, etcd: Etcd) -> None:
    async with replica(hub, etcd.endpoint) as one:
        await one.admin().Publish(hub.request(cluster("c1")))
        agent = Agent(one.federation("c1"))
        await agent.have()
        await agent.release()
        watch = one.admin().WatchStatus(pb.StatusRequest())
        await watch.read()
        one.stop.set()
        assert await agent.ended() == (grpc.StatusCode.OK, "")
        async with asyncio.timeout(GRACE_SECONDS / 2):
            while await watch.read() is not grpc.aio.EOF:
                pass
        assert await watch.code() is grpc.StatusCode.OK
