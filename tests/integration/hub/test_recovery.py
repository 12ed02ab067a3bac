"""After etcd was restored from an old backup: agents refuse to go back, the hub says so, and recovers what verifies."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import digest_of
from edict.pki.names import Role
from edict.trust.receipts import fold, verify_receipt
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict_hub import candidates
from edict_hub.batches import batches
from edict_hub.store import Delete, EtcdStore, Put, keys
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.hub.agents import RealAgent, agents, until
from tests.integration.hub.hubs import Agent, Hub, Running, cluster, policy, replica, version
from tests.unit.trust.federation import Federation

pytestmark = pytest.mark.parts
NOWHERE = "{matchLabels: {env: none}}"


@dataclass
class Fleet:
    """A hub that is stopped for a restore and started again, and what its publisher knows."""

    hub: Hub
    etcd: Etcd
    running: Running | None = None
    address: str = "127.0.0.1:1"
    backup: dict[str, bytes] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Running]:
        async with replica(self.hub, self.etcd.endpoint, replica="one") as self.running:
            self.address = self.running.addresses.mtls
            yield self.running
        self.address, self.running = "127.0.0.1:1", None

    async def backed_up(self, store: EtcdStore) -> None:
        """Keep every key as it is now."""
        self.backup = {item.key: item.value for item in (await store.range(keys.ROOT)).items}

    async def restored(self, store: EtcdStore) -> None:
        """Put every key back as it was."""
        await store.commit([], [Delete(keys.ROOT, keys.after_prefix(keys.ROOT))])
        for batch in batches(Put(key, value) for key, value in self.backup.items()):
            await store.commit([], batch)

    async def publish(self, *documents: bytes) -> pb.PublishResponse:
        assert self.running is not None
        answer: pb.PublishResponse = await self.running.admin().Publish(self.hub.request(*documents))
        return answer

    async def recover(self, **fields: Any) -> pb.RecoverResponse:
        assert self.running is not None
        answer: pb.RecoverResponse = await self.running.admin().Recover(pb.RecoverRequest(**fields))
        return answer

    def workspace(self) -> dict[str, Any]:
        """What the publisher's workspace has: all but the timestamp."""
        authors = self.hub.authors
        return {
            "metadata": [
                pb.Metadata(role=role, version=version(content), content=content)
                for role, content in authors.metadata.items()
            ],
            "blobs": [pb.Blob(digest=digest, content=content) for digest, content in authors.blobs.items()],
        }

    async def behind(self) -> str:
        """Return what the hub says of clusters that claim more than it has, or nothing."""
        assert self.running is not None
        faults = (await self.running.admin(Role.VIEWER).Status(pb.StatusRequest())).faults
        return "".join(fault.error for fault in faults if fault.error_code == "EDICT0442")


@pytest.fixture
def fleet(hub: Hub, etcd: Etcd) -> Fleet:
    return Fleet(hub, etcd)


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return str(caught.value.details())


@pytest.fixture
def own_etcd(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd that the test can stop."""
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


async def test_a_restored_etcd_is_refused_told_and_recovered_and_the_fleet_goes_on(hub: Hub, own_etcd: Etcd) -> None:
    """Two agents, a backup of etcd's own files, five more releases, the restore: nobody touches a cluster."""
    fleet, data = Fleet(hub, own_etcd), own_etcd.directory / "data"
    async with agents(fleet.hub, lambda: fleet.address, "c1", "c2") as (one, two):
        async with fleet.serving():
            await fleet.publish(one.document, two.document, policy("p0"))
            for agent in (one, two):
                await agent.reaches(2)
                await until(lambda agent=agent: agent.store.head.receipts.sequence > 0)  # type: ignore[misc]
        own_etcd.stop()
        shutil.copytree(data, data.with_name("backup"))
        own_etcd.restart()
        async with fleet.serving() as running:
            for number in range(5):
                await fleet.publish(policy(f"p{number + 1}", priority=20 + number))
                for agent in (one, two):
                    await agent.reaches(3 + number)
            await until_stored(one, two)
        own_etcd.stop()
        shutil.rmtree(data)
        data.with_name("backup").rename(data)
        own_etcd.restart()
        refusals = [asyncio.create_task(agent.refuses("EDICT0207")) for agent in (one, two)]
        async with fleet.serving() as running:
            await asyncio.gather(*refusals)
            assert (one.release, two.release) == (7, 7), "they go on with what they have"
            await until_claimed(fleet, "c1, c2 claim to have verified more than this hub has: up to release 7")
            answer = await fleet.recover(from_agents=True)
            assert (answer.release, answer.changed, list(answer.missing)) == (7, True, [])
            assert answer.source in {"c1", "c2"}
            assert answer.timestamp_version == 7, "one above the newest that the agents had verified"
            for agent in (one, two):
                await until(lambda agent=agent: agent.memory.state.timestamp_version == 7)  # type: ignore[misc]
            await until_claimed(fleet, "")
            again = await fleet.recover(from_agents=True)
            assert (again.release, again.timestamp_version, again.changed) == (7, 7, False)
            await fleet.publish(policy("after", priority=50))
            for agent in (one, two):
                await agent.reaches(8)
            await until_stored(one, two)
            await receipts_go_on_with_a_gap_to_see(running, one, two)


async def until_stored(*fleet: RealAgent) -> None:
    """Wait until every agent has said that it has its release, and the hub has every receipt."""
    for agent in fleet:
        await until(lambda agent=agent: agent.said == agent.release and not agent.chain._head.unacked)  # type: ignore[misc]


async def until_claimed(fleet: Fleet, what: str) -> None:
    """Wait until the hub says this of what clusters claim; with an empty text, until it says nothing."""
    async with asyncio.timeout(20):
        while not ((said := await fleet.behind()).startswith(what) and bool(said) == bool(what)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def receipts_go_on_with_a_gap_to_see(running: Running, *fleet: RealAgent) -> None:
    status = await running.admin().Status(pb.StatusRequest())
    said = {item.name: item for item in status.clusters}
    for agent in fleet:
        public = agent.key.public_key().public_bytes_raw().hex()
        chain = [
            (item.envelope, verify_receipt(item.envelope, public, agent.name)) for item in said[agent.name].receipts
        ]
        evidence = fold(chain)
        assert evidence.head.release == 8
        assert len(evidence.gaps) == 1, "what the hub lost is told"
        first, last = evidence.gaps[0]
        assert first <= last < evidence.head.sequence


async def test_an_etcd_that_lost_everything_is_filled_by_the_workspace_and_then_by_the_agents(
    fleet: Fleet, store: EtcdStore
) -> None:
    """Without an inventory nobody is let in, and no workspace knows timestamps as new as those that the agents have."""
    async with agents(fleet.hub, lambda: fleet.address, "c1", "c2") as both:
        async with fleet.serving():
            await fleet.publish(*(agent.document for agent in both), policy("p"), policy("nowhere", selector=NOWHERE))
            for name in ("q", "r"):
                await fleet.publish(policy(name, priority=ord(name)))
            for agent in both:
                await agent.reaches(4)
        await fleet.restored(store)
        refusals = [asyncio.create_task(agent.refuses("EDICT0207")) for agent in both]
        async with fleet.serving() as running:
            answer = await fleet.recover(**{**fleet.workspace(), "blobs": []})
            assert (answer.release, answer.timestamp_version) == (4, 1)
            assert len(answer.missing) == 6, "every document"
            await asyncio.gather(*refusals)
            await until_claimed(fleet, "c1, c2 claim to have verified more")
            await until(lambda: len(running.replica.fanout.claims()) == len(both))
            answer = await fleet.recover(from_agents=True)
            assert (answer.release, answer.timestamp_version, answer.changed) == (4, 4, True)
            assert list(answer.missing) == ["policies/net/nowhere"], "which is placed on no cluster"
            await until_claimed(fleet, "")
            assert not (await fleet.recover(**fleet.workspace())).missing
            await fleet.publish(policy("after", priority=50))
            for agent in both:
                await agent.reaches(5)


async def test_the_workspace_alone_recovers_what_it_has(fleet: Fleet, store: EtcdStore) -> None:
    async with fleet.serving():
        await fleet.publish(cluster("c1"), policy("old"))
    await fleet.backed_up(store)
    async with fleet.serving():
        await fleet.publish(policy("new", priority=11))
    await fleet.restored(store)
    async with fleet.serving() as running:
        answer = await fleet.recover(**fleet.workspace())
        assert (answer.release, answer.changed, answer.source, list(answer.missing)) == (3, True, "caller", [])
        held = running.replica.relay.held
        assert held is not None
        assert held.state is not None
        assert not held.faults
        assert await fleet.recover(**fleet.workspace()) == pb.RecoverResponse(
            release=3, timestamp_version=answer.timestamp_version, source="caller"
        )


async def test_nothing_newer_changes_nothing(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        before = await fleet.publish(cluster("c1"))
        revision = (await running.store.range(keys.ROOT, values=False)).revision
        answer = await fleet.recover(**fleet.workspace(), from_agents=True)
        assert (answer.release, answer.timestamp_version, answer.changed) == (2, before.timestamp_version, False)
        assert (await running.store.range(keys.ROOT, values=False)).revision == revision


async def test_with_nothing_anywhere_it_says_so(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        assert "EDICT0418" in await refused(running.admin().Recover(pb.RecoverRequest(from_agents=True)))


async def test_what_nobody_has_is_named_and_a_second_run_brings_it(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"), policy("kept"))
        await running.store.commit([], [Delete(keys.blob(digest_of(policy("kept"))))])
        only_metadata = {**fleet.workspace(), "blobs": []}
        answer = await fleet.recover(**only_metadata)
        assert (list(answer.missing), answer.changed) == (["policies/net/kept"], False)
        answer = await fleet.recover(**fleet.workspace())
        assert (list(answer.missing), answer.changed) == ([], True)


async def test_a_damaged_commit_point_is_recovered(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"))
        await running.store.commit([], [Put(keys.TIMESTAMP, b"nonsense")])
        assert "EDICT0440" in await refused(running.admin().Publish(fleet.hub.request(policy("p"))))
        answer = await fleet.recover(**fleet.workspace())
        assert (answer.release, answer.changed) == (3, True)


class Liar:
    """An agent with a good certificate that claims and offers what it likes."""

    def __init__(self, running: Running, name: str) -> None:
        self.agent = Agent(running.federation(name))

    async def claims(self, **fields: Any) -> None:
        await self.agent.have(**fields)

    async def offers(self, offer: pb.Release) -> None:
        """Answer the hub's question, and do not mind releases that come before it."""
        while (message := await self.agent.next()).WhichOneof("kind") != "offer_request":
            assert message.WhichOneof("kind") == "release"
        await self.agent.call.write(pb.AgentMessage(offer=offer))


def forged(real: pb.Release) -> dict[str, pb.Release]:
    """Offers that claim release and timestamp 2^53."""
    far = 2**53
    renumbered = pb.Release()
    renumbered.CopyFrom(real)
    renumbered.release = renumbered.timestamp_version = far
    renumbered.timestamp.content = real.timestamp.content.replace(b'"version":1', b'"version":%d' % far)
    renumbered.snapshot.content = real.snapshot.content.replace(b'"version":2', b'"version":%d' % far)
    stranger = Federation(now=datetime.now(UTC), release=far - 1, timestamp_version=far - 1)
    stranger.publish()
    own = release_of(stranger, stranger.stamped().timestamp or b"")
    own.roots.add(role=ROOT, version=2, content=stranger.metadata[ROOT])
    garbage = pb.Release(release=far, timestamp_version=far)
    garbage.timestamp.content = garbage.snapshot.content = b"[" * 100_000
    return {
        "renumbered": renumbered,
        "own keys": own,
        "garbage": garbage,
        "empty": pb.Release(release=far, timestamp_version=far),
    }


@pytest.mark.parametrize("kind", ["renumbered", "own keys", "garbage", "empty"])
async def test_an_agent_that_lies_neither_moves_the_hub_nor_uses_a_number_up(fleet: Fleet, kind: str) -> None:
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"), cluster("c2"))
        liar = Liar(running, "c1")
        await liar.claims(release=2**53, timestamp_version=2**53)
        held = running.replica.relay.held
        assert held is not None
        lying = asyncio.create_task(liar.offers(forged(release_of(fleet.hub.authors, held.timestamp))[kind]))
        await until(lambda: bool(running.replica.fanout.claims()))
        answer = await fleet.recover(from_agents=True)
        await lying
        assert (answer.release, answer.timestamp_version, answer.changed) == (2, 1, False)
        assert (await fleet.publish(policy("p"))).timestamp_version == 2


async def test_without_verification_a_lying_agent_burns_the_counter(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same attack, with the defence switched off: any number that is offered is believed."""
    monkeypatch.setattr(candidates, "newest_version", lambda _rooted, stamps: max(map(claimed, stamps), default=0))
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"), cluster("c2"))
        liar = Liar(running, "c1")
        await liar.claims(release=2**53, timestamp_version=2**53)
        held = running.replica.relay.held
        assert held is not None
        lying = asyncio.create_task(liar.offers(forged(release_of(fleet.hub.authors, held.timestamp))["renumbered"]))
        await until(lambda: bool(running.replica.fanout.claims()))
        answer = await fleet.recover(from_agents=True)
        await lying
        assert answer.timestamp_version == 2**53 + 1


def claimed(stamp: bytes) -> int:
    return version(stamp)


def release_of(authors: Federation, timestamp: bytes) -> pb.Release:
    """What an honest agent would offer."""
    metadata = dict(authors.metadata)
    del metadata[ROOT]
    snapshot = metadata.pop(SNAPSHOT)
    return pb.Release(
        timestamp=pb.Metadata(role=TIMESTAMP, version=1, content=timestamp),
        snapshot=pb.Metadata(role=SNAPSHOT, version=2, content=snapshot),
        targets=[pb.Metadata(role=role, version=version(data), content=data) for role, data in metadata.items()],
        blobs=[pb.Blob(digest=digest, content=content) for digest, content in authors.blobs.items()],
    )


async def test_an_agent_that_does_not_answer_is_passed_over(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edict_hub.recovery.ANSWER_SECONDS", 0.2)
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"))
        await Liar(running, "c1").claims(release=2**53)
        await until(lambda: bool(running.replica.fanout.claims()))
        assert not (await fleet.recover(from_agents=True)).changed


async def test_an_offer_that_nobody_asked_for_ends_the_stream(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        await fleet.publish(cluster("c1"))
        agent = Agent(running.federation("c1"))
        await agent.have()
        await agent.release()
        await agent.call.write(pb.AgentMessage(offer=pb.Release(release=9)))
        assert "EDICT0432" in (await agent.ended())[1]


async def test_two_histories_are_refused_until_an_author_publishes_higher(fleet: Fleet, store: EtcdStore) -> None:
    """Somebody published to the restored hub before the recovery, under a number that was taken."""
    async with fleet.serving():
        await fleet.publish(cluster("c1"))
    await fleet.backed_up(store)
    before, blobs = dict(fleet.hub.authors.metadata), dict(fleet.hub.authors.blobs)
    async with fleet.serving():
        await fleet.publish(policy("lost"))
    lost = fleet.workspace()
    await fleet.restored(store)
    fleet.hub.authors.metadata, fleet.hub.authors.blobs, fleet.hub.authors.release = before, blobs, 2
    async with fleet.serving() as running:
        await fleet.publish(policy("instead"))
        said = await refused(running.admin().Recover(pb.RecoverRequest(**lost)))
        assert "EDICT0414" in said
        assert "publish the right one under a higher number" in said
        held = running.replica.relay.held
        assert held is not None
        assert held.state is not None
        assert "policies/net/instead" in held.state.documents
        authors = fleet.hub.authors
        authors.metadata = {item.role: item.content for item in lost["metadata"]}
        authors.blobs = {blob.digest: blob.content for blob in lost["blobs"]}
        authors.publish()
        answer = await fleet.recover(**fleet.workspace())
        assert (answer.release, answer.changed) == (4, True)


async def test_viewers_cannot_recover(fleet: Fleet) -> None:
    async with fleet.serving() as running:
        assert "EDICT0342" in await refused(running.admin(Role.AUDITOR).Recover(pb.RecoverRequest()))


async def test_replicas_follow_by_their_watches(fleet: Fleet, store: EtcdStore) -> None:
    async with fleet.serving():
        await fleet.publish(cluster("c1"))
    await fleet.backed_up(store)
    async with fleet.serving():
        await fleet.publish(policy("new"))
    await fleet.restored(store)
    async with fleet.serving(), replica(fleet.hub, fleet.etcd.endpoint, replica="two") as other:
        assert other.replica.relay.trusted.release == 2
        await fleet.recover(**fleet.workspace())
        await until(lambda: other.replica.relay.trusted.release == 3)


async def test_a_publish_in_between_is_never_undone(fleet: Fleet, store: EtcdStore) -> None:
    """The recovery was built on a timestamp that is no longer the newest: it looks again."""
    async with fleet.serving():
        await fleet.publish(cluster("c1"))
    await fleet.backed_up(store)
    async with fleet.serving():
        await fleet.publish(policy("new"))
    three = fleet.workspace()
    four = fleet.hub.request(policy("newer", priority=12))
    whole = fleet.workspace()
    await fleet.restored(store)
    async with fleet.serving() as running, replica(fleet.hub, fleet.etcd.endpoint, replica="two") as other:
        writer = running.replica.admin._recovery._writer
        release = writer.release
        interrupted: list[pb.RecoverResponse] = []

        async def slow(*args: Any, **kwargs: Any) -> bool:
            if not interrupted:
                interrupted.append(await other.admin().Recover(pb.RecoverRequest(**whole)))
            return await release(*args, **kwargs)

        writer.release = slow  # type: ignore[method-assign]
        answer = await fleet.recover(**three)
        assert interrupted[0].release == 4
        assert (answer.release, answer.changed) == (4, False)
        assert version(four.metadata[-1].content)
