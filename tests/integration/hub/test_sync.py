"""The stream: only what is missing, newest wins, one in flight, rejected ones not again, nobody waits for anybody."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.trust.roles import cluster_path
from edict_hub.services._intake import MAX_MESSAGE
from edict_hub.services.federation import MAX_STREAMS
from tests.integration.hub.hubs import SMALL_BUFFER, Agent, Hub, Running, cluster, policy

pytestmark = pytest.mark.parts
EUROPE = "{matchLabels: {region: eu}}"


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    clusters = [cluster("c1", "{region: eu}"), cluster("c2", "{region: us}")]
    await running.admin().Publish(hub.request(*clusters, policy("everywhere"), policy("europe", selector=EUROPE)))
    return running


async def connected(running: Running, name: str) -> Agent:
    agent = Agent(running.federation(name))
    await agent.have()
    return agent


async def test_an_agent_gets_the_documents_of_its_own_cluster_alone(listed: Running) -> None:
    europe = await (await connected(listed, "c1")).release()
    states = await (await connected(listed, "c2")).release()
    assert len(europe.blobs) == 3
    assert {blob.digest for blob in states.blobs} == {
        digest_of(cluster("c2", "{region: us}")),
        digest_of(policy("everywhere")),
    }
    assert {metadata.role for metadata in europe.targets} == {metadata.role for metadata in states.targets}
    assert europe.timestamp.content
    assert europe.snapshot.version == europe.release == 2
    assert list(europe.roots) == []


async def test_the_next_update_carries_only_what_is_missing(hub: Hub, listed: Running) -> None:
    agent = await connected(listed, "c1")
    first = await agent.release()
    await agent.ack(first, pb.ACK_STAGE_VERIFIED)
    await listed.admin().Publish(hub.request(policy("second")))
    second = await agent.release()
    assert [blob.content for blob in second.blobs] == [policy("second")]
    assert len(second.targets) == 1


async def test_who_says_that_it_has_everything_is_sent_nothing(listed: Running) -> None:
    first = await (await connected(listed, "c1")).release()
    agent = Agent(listed.federation("c1"))
    await agent.have(
        timestamp_version=first.timestamp_version,
        release=first.release,
        metadata={metadata.role: metadata.version for metadata in first.targets},
        blobs=[blob.digest for blob in first.blobs],
    )
    assert await agent.hears_nothing()


async def test_one_update_is_in_flight_and_then_the_newest_follows(hub: Hub, listed: Running) -> None:
    agent = await connected(listed, "c1")
    first = await agent.release()
    for name in ("a", "b", "c"):
        await listed.admin().Publish(hub.request(policy(name)))
    await agent.ack(first, pb.ACK_STAGE_RECEIVED)
    await agent.ack(first, pb.ACK_STAGE_VERIFIED)
    newest = await agent.release()
    assert newest.release == first.release + 3
    assert len(newest.blobs) == 3


async def test_a_rejected_release_is_not_sent_again_until_it_changes(hub: Hub, listed: Running) -> None:
    agent = await connected(listed, "c1")
    first = await agent.release()
    await agent.ack(first, pb.ACK_STAGE_REJECTED, error_code="EDICT0205", error="metadata/inventory/1")
    await agent.have()
    reading = asyncio.ensure_future(agent.next())
    done, _ = await asyncio.wait({reading}, timeout=0.5)
    assert not done
    await listed.admin().Publish(hub.request(policy("repair")))
    assert (await reading).release.release == first.release + 1
    status = await listed.admin().Status(pb.StatusRequest())
    assert status.clusters[0].last_ack.error_code == "EDICT0205"


async def test_equal_agents_are_sent_the_same_bytes_made_once(listed: Running) -> None:
    for _ in range(3):
        await (await connected(listed, "c1")).release()
    assert len(listed.replica.fanout._made) == 1


async def test_a_reader_that_stops_delays_nobody_and_is_cut(
    hub: Hub, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Agent(listed.federation("c1", SMALL_BUFFER))
    await stopped.have()
    await stopped.ack(await stopped.release(), pb.ACK_STAGE_VERIFIED)
    big = [policy(f"big-{number}") + b"# " + b"x" * 250_000 for number in range(40)]
    await listed.admin().Publish(hub.request(*big))
    healthy = await connected(listed, "c2")
    await healthy.ack(await healthy.release(), pb.ACK_STAGE_VERIFIED)
    await listed.admin().Publish(hub.request(policy("small")))
    assert (await healthy.release(5)).release == 4
    session = listed.replica.fanout.sessions[ClusterName("c1")]
    async with asyncio.timeout(60):
        while session._writing_since is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    monkeypatch.setattr("edict_hub.session.WRITE_SECONDS", 0.1)
    reason = await asyncio.wait_for(session.ended(), 10)
    assert reason is not None
    assert reason.code == "EDICT0433"
    await asyncio.sleep(0)
    assert "c1" not in listed.replica.fanout.sessions
    stopped.call.cancel()


async def test_a_cluster_cannot_hold_more_than_a_few_streams(listed: Running) -> None:
    listed.replica.federation._streams[ClusterName("c1")] = MAX_STREAMS
    agent = Agent(listed.federation("c1"))
    assert "EDICT0431" in (await agent.ended())[1]
    assert listed.replica.federation._streams[ClusterName("c1")] == MAX_STREAMS


async def test_messages_out_of_order_end_the_stream_with_a_code(listed: Running) -> None:
    agent = Agent(listed.federation("c1"))
    await agent.call.write(pb.AgentMessage(heartbeat=pb.Heartbeat()))
    code, details = await agent.ended()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "EDICT0432" in details


async def test_a_newer_stream_of_a_cluster_replaces_the_older(listed: Running) -> None:
    older = await connected(listed, "c1")
    await older.release()
    newer = await connected(listed, "c1")
    await newer.release()
    assert "EDICT0434" in (await older.ended())[1]
    assert list(listed.replica.fanout.sessions) == ["c1"]


async def test_a_full_replica_sends_agents_elsewhere(listed: Running) -> None:
    listed.replica.fanout._max_agents = 0
    answer = await listed.federation("c1").Hello(pb.HelloRequest())
    assert not answer.admitted
    assert answer.retry_after_seconds > 0


async def test_what_an_ended_stream_held_is_freed(listed: Running) -> None:
    agent = await connected(listed, "c1")
    await agent.release()
    session = listed.replica.fanout.sessions[ClusterName("c1")]
    agent.call.cancel()
    await asyncio.wait_for(session.ended(), 10)
    await asyncio.sleep(0)
    assert not listed.replica.fanout.sessions
    assert not listed.replica.fanout._dirty


async def test_have_is_said_once_and_again_only_after_a_rejection(listed: Running) -> None:
    agent = await connected(listed, "c1")
    release = await agent.release()
    await agent.ack(release, pb.ACK_STAGE_REJECTED)
    await agent.have()
    assert await agent.hears_nothing()
    await agent.have()
    with contextlib.suppress(grpc.aio.AioRpcError):
        await agent._reading
    assert "EDICT0432" in await agent.call.details()


async def test_what_no_agent_can_hold_leaves_no_message_behind(listed: Running) -> None:
    agent = Agent(listed.federation("c1"))
    await agent.have(timestamp_version=1000)
    assert (await agent.release()).release == 2
    assert not listed.replica.fanout._made


@pytest.mark.parametrize("kind", ["ack", "receipt"])
async def test_a_message_larger_than_any_agent_sends_ends_the_stream(listed: Running, kind: str) -> None:
    messages = {
        "ack": lambda size: pb.AgentMessage(ack=pb.Ack(stage=pb.ACK_STAGE_RECEIVED, error="x" * size)),
        "receipt": lambda size: pb.AgentMessage(receipt=pb.Receipt(sequence=1, envelope=b"x" * size)),
    }
    agent = await connected(listed, "c1")
    await agent.release()
    await agent.call.write(messages[kind](4096))
    assert await agent.hears_nothing()
    await agent.call.write(messages[kind](MAX_MESSAGE))
    with contextlib.suppress(grpc.aio.AioRpcError):
        await agent._reading
    assert "EDICT0432" in await agent.call.details()


async def test_an_update_that_cannot_be_made_ends_one_stream_and_no_other(
    listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("edict_hub.fanout.compose", None)
        assert "EDICT0499" in (await (await connected(listed, "c1")).ended())[1]
    assert (await (await connected(listed, "c2")).release()).release == 2


async def test_a_cluster_that_leaves_the_inventory_loses_its_stream(hub: Hub, listed: Running) -> None:
    leaving, staying = await connected(listed, "c1"), await connected(listed, "c2")
    await leaving.release()
    await staying.ack(await staying.release(), pb.ACK_STAGE_VERIFIED)
    await listed.admin().Publish(hub.request_without(cluster_path("c1")))
    code, details = await leaving.ended()
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "EDICT0343" in details
    assert (await staying.release()).release == 3
