"""The agent under attack: its own intake, memory and store, over an API server in memory and a clock that is turned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.policy.documents import FederatedNetworkPolicy
from edict.trust import verify
from edict.trust.roles import ROOT
from edict.trust.state import Bundle
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.secrets import StateStore
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from tests.unit.agent.fakes import MemoryKube, TurnedClock
from tests.unit.trust.federation import Federation


class Clock(TurnedClock):
    """Starts where the federation's authors are."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.start = now

    def turn(self, span: timedelta) -> None:
        """Let time pass."""
        self.passed += span.total_seconds()


@dataclass
class Victim:
    """One cluster's agent, as far as it decides what to believe."""

    memory: Memory
    intake: Intake
    acks: Acks
    clock: Clock
    kube: MemoryKube
    root: bytes

    @classmethod
    async def of(cls, fed: Federation, name: str = "a", *, root: bytes = b"") -> Victim:
        """Install an agent that pins the federation's root."""
        return await cls._start(root or fed.metadata[ROOT], name, Clock(fed.now), MemoryKube())

    @classmethod
    async def _start(cls, root: bytes, name: str, clock: Clock, kube: MemoryKube) -> Victim:
        metrics, acks = Metrics(clock), Acks()
        store = StateStore(kube, "edict-system", clock=clock)
        stored = await store.load()
        memory = Memory(store, ClusterName(name), verify.pin(root), metrics=metrics)
        if stored is not None:
            assert memory.restore(stored)
        return cls(memory, Intake(memory, acks, clock=clock, metrics=metrics), acks, clock, kube, root)

    async def restarted(self) -> Victim:
        """Return the agent after a restart: it knows what it has stored."""
        return await self._start(self.root, self.memory.cluster, self.clock, self.kube)

    async def hears(self, message: pb.Release) -> list[pb.Ack]:
        """Take a hub's message in, and return what the agent says of it."""
        await self.intake._take(message)
        return self.acks.take()

    @property
    def release(self) -> int:
        """The release that is verified."""
        return self.memory.judged.state.release if self.memory.judged else 0

    @property
    def policies(self) -> Mapping[str, FederatedNetworkPolicy]:
        """What is to be enforced, by ``team/name``."""
        judged = self.memory.judged
        return {each.id: each.document for each in judged.policies if each.document} if judged else {}

    def enforces(self, policy: str) -> bool:
        """Tell whether a policy is to be enforced."""
        return policy in self.policies

    def priority(self, policy: str = "net/deny") -> int:
        """Return a policy's priority, by which the tests tell its versions apart; -1 where there is none."""
        return self.policies[policy].spec.policy.priority if policy in self.policies else -1


def message(bundle: Bundle, blobs: Mapping[str, bytes], *, roots: Iterable[bytes] = ()) -> pb.Release:
    """Return a bundle as a hub sends it; what the message says beside the signed bytes is believed by nobody."""
    return pb.Release(
        release=1,
        timestamp_version=1,
        roots=[pb.Metadata(role=ROOT, content=root) for root in (*bundle.roots, *roots)],
        timestamp=None if bundle.timestamp is None else pb.Metadata(content=bundle.timestamp),
        snapshot=None if bundle.snapshot is None else pb.Metadata(content=bundle.snapshot),
        targets=[pb.Metadata(role=role, content=data) for role, data in bundle.targets.items()],
        blobs=[pb.Blob(digest=digest, content=content) for digest, content in blobs.items()],
    )
