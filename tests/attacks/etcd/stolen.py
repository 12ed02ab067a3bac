"""What the owner of etcd does: between two runs of a hub, so that no cache hides it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.trust.roles import ROOT, SNAPSHOT
from edict.trust.state import Bundle
from edict_agent.sync.session import have
from edict_hub.store import Delete, EtcdStore, Put, keys
from tests.attacks.victims import Victim
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Agent, Hub, Running, replica, version

C1 = ClusterName("c1")
BIN = "policies/net-4"
"""The bin of the policy ``deny``."""


@dataclass
class Stolen:
    """A hub's store."""

    hub: Hub
    etcd: Etcd
    store: EtcdStore

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Running]:
        """Run a replica that has seen nothing of this etcd before."""
        async with replica(self.hub, self.etcd.endpoint, replica="one") as running:
            yield running

    async def publish(self, *documents: bytes) -> None:
        """Publish by way of a hub, and stop it."""
        async with self.serving() as running:
            await running.admin().Publish(self.hub.request(*documents))

    async def value(self, key: str) -> bytes:
        """Return what stands under a key."""
        found = await self.store.get(key)
        assert found is not None, key
        return found.value

    async def put(self, key: str, value: bytes) -> None:
        """Write a key."""
        await self.store.commit([], [Put(key, value)])

    async def delete(self, key: str) -> None:
        """Delete a key."""
        await self.store.commit([], [Delete(key)])

    async def edit(self, key: str, edit: Callable[[Any], None]) -> None:
        """Change what is signed under a key, and leave the signatures as they are."""
        plain = json.loads(await self.value(key))
        edit(plain["signed"])
        await self.put(key, json.dumps(plain, separators=(",", ":")).encode())

    def key(self, role: str) -> str:
        """Return the key of a role's present version."""
        return keys.metadata(role, version(self.hub.authors.metadata[role]))

    async def plant(self, bundle: Bundle, blobs: dict[str, bytes]) -> None:
        """Write a whole release."""
        assert bundle.snapshot is not None
        assert bundle.timestamp is not None
        for role, content in {**bundle.targets, SNAPSHOT: bundle.snapshot}.items():
            await self.put(keys.metadata(role, version(content)), content)
        for digest, content in blobs.items():
            await self.put(keys.blob(digest), content)
        await self.put(keys.TIMESTAMP, bundle.timestamp)

    def enrolment(self, cluster: ClusterName, secret: bytes) -> pb.EnrolRequest:
        """Return what an agent of the thief's would enrol with."""
        return pb.EnrolRequest(
            cluster=cluster,
            token_secret=secret,
            csr_pem=make_csr(new_private_key(), cluster_id(DOMAIN, cluster)),
            receipt_public_key=b"t" * 32,
            root_sha256=digest_of(self.hub.authors.metadata[ROOT]),
        )

    async def tells(self, victim: Victim) -> list[pb.Ack]:
        """Have a hub that knows nothing but this etcd serve the agent; return what the agent says of it."""
        async with self.serving() as running:
            assert running.replica.relay.held is not None, "the hub finds a release to relay"
            agent = Agent(running.federation(victim.memory.cluster))
            await agent.call.write(pb.AgentMessage(have=have(victim.memory)))
            return await victim.hears(await agent.release())
