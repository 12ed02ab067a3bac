"""Whatever a hub sends, the agent goes on with what it has and says what it refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from tuf.api.metadata import Metadata, Root

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.store.secrets import StateStore
from edict_agent.sync import intake as module
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from tests.integration.agent.federation import Authors, managed_cluster, policy
from tests.unit.agent.fakes import MemoryKube, refused


class RealTime:
    """The wall clock: certificates of metadata are judged by it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@pytest.fixture
def authors() -> Authors:
    authors = Authors()
    authors.publish(managed_cluster("one", "cilium"), policy("a"))
    return authors


async def taken(authors: Authors, *messages: pb.Release) -> tuple[Memory, list[pb.Ack]]:
    clock = RealTime()
    metrics = Metrics(clock)
    store = StateStore(MemoryKube(), "edict-system", clock=clock)
    await store.load()
    memory = Memory(store, ClusterName("one"), verify.pin(authors.root), metrics=metrics)
    acks = Acks()
    intake = Intake(memory, acks, clock=clock, metrics=metrics)
    for message in messages:
        await intake._take(message)
    return memory, acks.take()


async def test_a_release_is_taken(authors: Authors) -> None:
    memory, _ = await taken(authors, authors.message())
    assert memory.state.release == authors.release


async def test_bytes_without_a_canonical_form_are_refused(authors: Authors) -> None:
    message = authors.message()
    message.timestamp.content = message.timestamp.content.replace(b'"spec_version"', b'"x": 1.5, "spec_version"')
    memory, acks = await taken(authors, message)
    assert memory.state.release == 0
    assert acks[-1].error_code == "EDICT0201"


async def test_a_fault_of_our_own_rejects_the_release_and_nothing_else(
    authors: Authors, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(module, "judge", lambda *_, **__: 1 // 0)
        memory, acks = await taken(authors, authors.message())
    assert memory.state.release == 0
    assert (acks[-1].stage, acks[-1].error_code) == (pb.ACK_STAGE_REJECTED, "EDICT0599")
    assert "ZeroDivisionError" in acks[-1].error


@pytest.mark.parametrize("status", [403, 422])
async def test_a_root_that_cannot_be_kept_ends_nothing(
    authors: Authors, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release is refused all the same, and the next one is taken."""
    root: Metadata[Root] = Metadata.from_bytes(authors.root)
    root.signed.version += 1
    root.sign(authors.keys.root)
    refused_one = authors.message()
    refused_one.roots.add(role="root", version=2, content=root.to_bytes())
    refused_one.snapshot.content += b" "
    with monkeypatch.context() as broken:
        broken.setattr(MemoryKube, "apply", _refusing(status))
        memory, acks = await taken(authors, refused_one)
    assert (acks[-1].stage, acks[-1].error_code) == (pb.ACK_STAGE_REJECTED, "EDICT0205")
    assert memory.state.root_version == 1, "it is not trusted where a restart would not know it"
    memory, _ = await taken(authors, refused_one)
    assert memory.state.root_version == 2, "the root was good: where it can be kept it counts"


def _refusing(status: int) -> Callable[..., Awaitable[None]]:
    async def apply(*_: object) -> None:
        raise refused(status)

    return apply
