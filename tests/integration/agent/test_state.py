"""The stored state on a real API server: a crash at any write leaves the old or the new."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from edict.clock import SystemClock
from edict.errors import AgentError
from edict.ids import Digest, digest_of
from edict_agent.kube import KubeClient, connect
from edict_agent.store.model import ReceiptHead, Verified
from edict_agent.store.secrets import CHUNK, StateStore
from tests.integration.agent.harness import Site

pytestmark = pytest.mark.parts


class Crash(BaseException):
    """The process is gone."""


class Dying:
    """A way to the API server on which the process dies just before, or just after, its n-th write."""

    def __init__(self, kube: KubeClient, writes: int, *, after: bool) -> None:
        self._kube = kube
        self._left = writes
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._kube, name)
        if name not in {"apply", "create", "replace"}:
            return method

        async def write(*args: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Crash
            result = await method(*args)
            if self._left == 0:
                raise Crash
            return result

        return write


@pytest.fixture
async def kube(cilium_site: Site) -> AsyncIterator[KubeClient]:
    kube = connect(cilium_site.cluster.kubeconfig)
    yield kube
    await kube.aclose()


def release(fill: bytes, size: int = CHUNK + 1000) -> Verified:
    """A state of several Secrets (random bytes do not compress)."""
    blob = fill + os.urandom(size)
    floors = (1, 2, 3)
    return Verified((b"root",), (), b"timestamp", b"snapshot", {}, floors, {digest_of(blob): blob}, datetime.now(UTC))


def opened(kube: Any, site: Site) -> StateStore:
    return StateStore(kube, site.namespace, clock=SystemClock())


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("write", [1, 2, 3])
async def test_a_crash_at_any_write_leaves_the_old_or_the_new(
    cilium_site: Site,
    kube: KubeClient,
    write: int,
    after: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    first = opened(kube, cilium_site)
    await first.load()
    old, new = release(b"old"), release(b"new")
    await first.save(old)
    await first.set_applied({"payments/a": Digest("0" * 64)})
    dying = opened(Dying(kube, write, after=after), cilium_site)
    await dying.load()
    with pytest.raises(Crash):
        await dying.save(new)
    then = opened(kube, cilium_site)
    assert await then.load() == (new if (write, after) == (3, True) else old)
    assert then.head.applied == {"payments/a": Digest("0" * 64)}
    await then.save(new)
    assert await opened(kube, cilium_site).load() == new


async def test_every_secret_stays_below_the_limit_and_two_generations_take_turns(
    cilium_site: Site, kube: KubeClient
) -> None:
    store = opened(kube, cilium_site)
    await store.load()
    for fill in (b"1", b"2", b"3"):
        await store.save(release(fill))
    secrets = cilium_site.core.list_namespaced_secret(cilium_site.namespace).items
    sizes = {each.metadata.name: len(base64.b64decode(each.data["state"])) for each in secrets}
    assert sizes.keys() == {"edict-agent-state", *(f"edict-agent-state-{g}-{i}" for g in "ab" for i in (0, 1))}
    assert max(sizes.values()) <= 900 * 1024
    assert {each.type for each in secrets} == {"Opaque"}


async def test_two_agents_cannot_both_write_the_head(cilium_site: Site, kube: KubeClient) -> None:
    one, two = opened(kube, cilium_site), opened(kube, cilium_site)
    await one.load()
    await one.save(release(b"one", 10))
    await two.load()
    await two.set_receipts(ReceiptHead(sequence=1))
    with pytest.raises(AgentError) as caught:
        await one.set_receipts(ReceiptHead(sequence=1, digest="fork"))
    assert caught.value.code == "EDICT0559"


async def test_a_write_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    cilium_site: Site, kube: KubeClient
) -> None:
    store = opened(kube, cilium_site)
    await store.load()
    await store.set_receipts(ReceiptHead(sequence=1))
    lost = opened(kube, cilium_site)
    await lost.load()
    await lost.set_receipts(ReceiptHead(sequence=2))
    await store.set_receipts(ReceiptHead(sequence=2))
    assert store.head.receipts.sequence == 2


@pytest.mark.parametrize("damage", ["head", "missing", "content"])
async def test_a_damaged_state_reads_as_none_and_the_chain_survives_where_it_can(
    cilium_site: Site, kube: KubeClient, damage: str
) -> None:
    store = opened(kube, cilium_site)
    await store.load()
    await store.save(release(b"old"))
    await store.set_receipts(ReceiptHead(sequence=7))
    name = f"edict-agent-state-{store.head.generation}-1"
    junk = {"data": {"state": base64.b64encode(b"junk").decode()}}
    match damage:
        case "head":
            cilium_site.core.patch_namespaced_secret("edict-agent-state", cilium_site.namespace, junk)
        case "missing":
            cilium_site.core.delete_namespaced_secret(name, cilium_site.namespace)
        case _:
            cilium_site.core.patch_namespaced_secret(name, cilium_site.namespace, junk)
    then = opened(kube, cilium_site)
    assert await then.load() is None
    assert then.head.receipts.sequence == (0 if damage == "head" else 7)
    await then.save(release(b"new"))
    assert await opened(kube, cilium_site).load() is not None
