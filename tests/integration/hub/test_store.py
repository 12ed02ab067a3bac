"""The store against a real etcd that is killed, restarted and compacted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aetcd import rpc

from edict.clock import SystemClock
from edict.errors import HubError
from edict_hub.store import Changed, Delete, EtcdStore, EtcdTls, Put, Relisted, Unchanged
from tests.env import Etcd
from tests.env._certificates import Authority
from tests.env._etcd import ServerTls
from tests.env._wait import free_ports
from tests.env.fixtures import require_parts

pytestmark = pytest.mark.parts
PREFIX = "/edict/v1/t/"
Watch = AsyncIterator[Relisted | Changed]


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of the test's own, which it may kill."""
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def watching(store: EtcdStore) -> AsyncIterator[Watch]:
    watch = store.watch(PREFIX)
    try:
        yield watch
    finally:
        await watch.aclose()  # type: ignore[attr-defined]


async def events(watch: Watch, count: int) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            change = await anext(watch)
            assert isinstance(change, Changed)
            found += [(key.removeprefix(PREFIX), kv.value if kv else None) for key, kv in change.events]
    return found


async def put(store: EtcdStore, key: str, value: bytes = b"v") -> int:
    revision = await store.commit([], [Put(PREFIX + key, value)])
    assert revision is not None
    return revision


async def compact(store: EtcdStore, revision: int) -> None:
    await rpc.KVStub(store._connection.channel).Compact(rpc.CompactionRequest(revision=revision, physical=True))


async def test_a_commit_happens_only_while_its_conditions_hold(store: EtcdStore) -> None:
    key = PREFIX + "a"
    assert await store.commit([Unchanged(key, 0)], [Put(key, b"1")]) is not None
    assert await store.commit([Unchanged(key, 0)], [Put(key, b"2")]) is None
    held = await store.get(key)
    assert held is not None
    assert held.value == b"1"
    assert await store.commit([Unchanged(key, held.revision)], [Delete(key)]) is not None
    assert await store.get(key) is None


async def test_ranges_are_ordered_and_deletes_end_before_their_bound(store: EtcdStore) -> None:
    for name in ("a", "b", "c", "d"):
        await put(store, name)
    await store.commit([], [Delete(PREFIX + "a", PREFIX + "c")])
    page = await store.range(PREFIX)
    assert [item.key for item in page.items] == [PREFIX + "c", PREFIX + "d"]
    assert [item.key for item in (await store.range(PREFIX, start=PREFIX + "d")).items] == [PREFIX + "d"]
    assert set(await store.get_many([PREFIX + "c", PREFIX + "nothing"])) == {PREFIX + "c"}


async def test_a_watch_resumes_after_kill_minus_nine_without_losing_or_repeating(etcd: Etcd, store: EtcdStore) -> None:
    await put(store, "before")
    async with watching(store) as watch:
        first = await anext(watch)
        assert isinstance(first, Relisted)
        assert [item.key for item in first.items] == [PREFIX + "before"]
        await put(store, "1")
        assert await events(watch, 1) == [("1", b"v")]
        await asyncio.to_thread(etcd.restart)
        await put(store, "2")
        await store.commit([], [Delete(PREFIX + "1")])
        assert await events(watch, 2) == [("2", b"v"), ("1", None)]


async def test_a_watch_lists_anew_when_what_it_missed_was_compacted(etcd: Etcd, store: EtcdStore) -> None:
    async with watching(store) as watch:
        assert isinstance(await anext(watch), Relisted)
        await put(store, "1")
        assert await events(watch, 1) == [("1", b"v")]
        await asyncio.to_thread(etcd.restart)
        await put(store, "2")
        await compact(store, await put(store, "2", b"newer"))
        async with asyncio.timeout(30):
            again = await anext(watch)
        assert isinstance(again, Relisted)
        assert [(item.key, item.value) for item in again.items] == [(PREFIX + "1", b"v"), (PREFIX + "2", b"newer")]
        await put(store, "3")
        assert await events(watch, 1) == [("3", b"v")]


async def test_an_etcd_that_is_away_is_reported_with_a_code_within_five_seconds() -> None:
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    store = EtcdStore([away], clock=SystemClock())
    begun = time.monotonic()
    with pytest.raises(HubError, match="EDICT0401") as caught:
        await store.get("k")
    assert time.monotonic() - begun < 5
    assert away in caught.value.where
    await store.close()


async def test_a_dead_member_hands_over_to_the_next(etcd: Etcd) -> None:
    store = EtcdStore([f"http://127.0.0.1:{free_ports(1)[0]}", etcd.endpoint], clock=SystemClock())
    assert await put(store, "a")
    await store.close()


async def test_an_etcd_with_tls_is_spoken_to_with_a_client_certificate_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki", "etcd-ca")
    server = authority.issue("etcd", hosts=("127.0.0.1", "localhost"))
    client = authority.issue("hub")
    tls = ServerTls(server.cert, server.key, authority.ca_file)
    ca = authority.ca_file.read_bytes()
    with Etcd.start(tmp_path, tls=tls) as etcd:
        known = EtcdTls(ca, client.cert.read_bytes(), client.key.read_bytes())
        with_certificate = EtcdStore([etcd.endpoint], clock=SystemClock(), tls=known)
        assert await put(with_certificate, "a")
        without = EtcdStore([etcd.endpoint], clock=SystemClock(), tls=EtcdTls(ca))
        with pytest.raises(HubError, match="EDICT0401"):
            await without.get(PREFIX + "a")
        await with_certificate.close()
        await without.close()
