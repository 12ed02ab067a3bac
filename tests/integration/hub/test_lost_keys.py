"""After a loss of the hub's keys: authors replace them by a new root, and hub and fleet go on, whatever was signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization.json import JSONSerializer

from edict.federation.v1 import federation_pb2 as pb
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.timestamp import sign_timestamp
from edict_hub.store import EtcdStore, Put, keys
from tests.env import Etcd
from tests.integration.hub.agents import RealAgent, agents, until
from tests.integration.hub.hubs import Hub, policy, replica, version
from tests.integration.hub.test_recovery import Fleet

pytestmark = pytest.mark.parts
ABSURD = [2**60, 2**63 - 1]


@pytest.fixture
def fleet(hub: Hub, etcd: Etcd) -> Fleet:
    return Fleet(hub, etcd)


def next_root(hub: Hub, *roles: str) -> bytes:
    """Sign a root that gives each of the roles a new key, and let the authors use it."""
    authors = hub.authors
    root = Metadata[Root].from_bytes(authors.metadata[ROOT])
    root.signed.version += 1
    for role in roles:
        new = CryptoSigner.generate_ed25519()
        (old,) = root.signed.roles[role].keyids
        root.signed.revoke_key(old, role)
        root.signed.add_key(new.public_key, role)
        authors.keys = replace(authors.keys, **{role: new})  # type: ignore[arg-type]
    root.signatures.clear()
    root.sign(authors.keys.root)
    return root.to_bytes(JSONSerializer(compact=True))


def publishing(hub: Hub, root: bytes) -> pb.PublishRequest:
    """The next release under a new root, with the timestamp key that it names at the hub."""
    request = hub.request(policy("after", priority=40))
    request.metadata.add(role=ROOT, version=version(root), content=root)
    timestamp = hub.authors.keys.timestamp
    assert isinstance(timestamp, CryptoSigner)
    hub.write("timestamp.pem", timestamp.private_bytes)
    return request


async def steal(fleet: Fleet, store: EtcdStore, number: int, agent: RealAgent) -> None:
    """What a thief of the hub does: signs an absurd number with its key, which agents must believe."""
    snapshot = fleet.hub.authors.metadata[SNAPSHOT]
    until_then = datetime.now(UTC) + timedelta(days=1)
    stamp = sign_timestamp(fleet.hub.authors.keys.timestamp, snapshot, version=number, expires=until_then)
    await store.commit([], [Put(keys.TIMESTAMP, stamp)])
    await until(lambda: agent.memory.state.timestamp_version == number)


@pytest.mark.parametrize("number", ABSURD)
async def test_the_fleet_recovers_from_a_stolen_key_that_signed_an_absurd_number(
    fleet: Fleet, store: EtcdStore, number: int
) -> None:
    async with agents(fleet.hub, lambda: fleet.address, "c1") as (agent,):
        async with fleet.serving():
            await fleet.publish(agent.document)
            await agent.reaches(2)
            await steal(fleet, store, number, agent)
        request = publishing(fleet.hub, next_root(fleet.hub, TIMESTAMP, SNAPSHOT))
        async with fleet.serving() as running:
            answer = await running.admin().Publish(request)
            assert (answer.release, answer.timestamp_version) == (3, 1), "the new key's numbers begin again"
            await agent.reaches(3)
            assert agent.memory.state.timestamp_version == 1
            await fleet.publish(policy("more", priority=41))
            await agent.reaches(4)


@pytest.mark.parametrize("number", ABSURD)
async def test_while_the_key_is_not_replaced_its_numbers_count(fleet: Fleet, store: EtcdStore, number: int) -> None:
    """The control: it is the replaced key alone that resets them. A last number leaves none to go on with."""
    async with agents(fleet.hub, lambda: fleet.address, "c1") as (agent,):
        async with fleet.serving():
            await fleet.publish(agent.document)
            await agent.reaches(2)
            await steal(fleet, store, number, agent)
        request = publishing(fleet.hub, next_root(fleet.hub, SNAPSHOT))
        async with fleet.serving() as running:
            if number == max(ABSURD):
                with pytest.raises(grpc.aio.AioRpcError, match="EDICT0415"):
                    await running.admin().Publish(request)
                return
            answer = await running.admin().Publish(request)
            assert answer.timestamp_version == number + 1
            await agent.reaches(3)


async def test_a_hub_whose_key_the_root_does_not_name_signs_nothing_and_says_so(fleet: Fleet) -> None:
    async with agents(fleet.hub, lambda: fleet.address, "c1") as (agent,):
        async with fleet.serving():
            await fleet.publish(agent.document)
            await agent.reaches(2)
        root = next_root(fleet.hub, TIMESTAMP)
        request = publishing(fleet.hub, root)
        async with replica(fleet.hub, fleet.etcd.endpoint, timestampLifetime="60d") as running:
            with pytest.raises(Exception, match="EDICT0417"):
                await running.replica.publisher.refresh()
            faults = (await running.admin().Status(pb.StatusRequest())).faults
            assert [fault.error_code for fault in faults] == ["EDICT0417"]
            with pytest.raises(grpc.aio.AioRpcError, match="EDICT0417"):
                await running.admin().Recover(pb.RecoverRequest())
            fleet.address = running.addresses.mtls
            assert (await running.admin().Publish(request)).timestamp_version == 1
            await agent.reaches(3)
            await until(lambda: not running.replica.alarms.faults)


async def test_a_root_that_was_lost_with_etcd_comes_back_from_an_agent(fleet: Fleet, store: EtcdStore) -> None:
    """The restored etcd knows nothing of the new keys, and its release does not verify under them."""
    async with agents(fleet.hub, lambda: fleet.address, "c1") as (agent,):
        async with fleet.serving():
            await fleet.publish(agent.document)
            await agent.reaches(2)
        await fleet.backed_up(store)
        request = publishing(fleet.hub, next_root(fleet.hub, TIMESTAMP, SNAPSHOT))
        async with fleet.serving() as running:
            await running.admin().Publish(request)
            await agent.reaches(3)
        await fleet.restored(store)
        async with fleet.serving() as running:
            await until(lambda: bool(running.replica.fanout.claims()))
            answer = await fleet.recover(from_agents=True)
            assert (answer.release, answer.source, answer.changed) == (3, "c1", True)
            trusted = running.replica.relay.trusted
            assert (trusted.root_version, trusted.timestamp_version) == (2, answer.timestamp_version)
            await fleet.publish(policy("more", priority=41))
            await agent.reaches(4)
