"""What each cluster last said of itself: this replica's sessions and, through etcd, every other replica's.

Changes are written at most once a second per cluster, many clusters in one transaction. A write is made on top of what
etcd has: where another replica was faster, both are merged and written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta

from google.protobuf.message import DecodeError

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.bans import Bans
from edict_hub.batches import batches
from edict_hub.codes import Code
from edict_hub.receipts import read_head
from edict_hub.status_merge import STAGES, clipped_ack, clipped_hello, equal_but_for_time, merged
from edict_hub.store import KeyValue, Put, Relisted, Store, Unchanged, keys, retrying
from edict_hub.subscription import Subscription

_log = log.get(__name__)
CONNECTED_FOR = timedelta(seconds=30)
"""A cluster of which nothing was heard for longer has no stream, whatever a replica that was killed wrote."""
WRITE_EVERY = 1.0
SILENCE_EVERY = 5.0
_REFUSED = f"EDICT{Code.STORE_REFUSED:04d}"


class StatusTable:
    """Every cluster's status, and the clusters that are banned.

    Attributes:
        bans: who is banned; kept up by the same watch.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.bans = Bans(store, clock, self._notify)
        self._store = store
        self._clock = clock
        self._newest_receipts: dict[ClusterName, int] = {}
        self._clusters: dict[ClusterName, pb.ClusterStatus] = {}
        self._revisions: dict[ClusterName, int] = {}
        self._dirty: set[ClusterName] = set()
        self._writing: set[ClusterName] = set()
        self._wake = asyncio.Event()
        self._subscribers: set[Subscription] = set()

    def hello(self, cluster: ClusterName, hello: pb.HelloRequest) -> None:
        """Take an agent's introduction."""
        status = self._touch(cluster)
        status.hello.CopyFrom(clipped_hello(hello))
        self._notify(cluster)

    def has(self, cluster: ClusterName, have: pb.Have) -> None:
        """Take what an agent says that it holds: newer than what it said when it connected."""
        hello = self._touch(cluster).hello
        if (hello.root_version, hello.release) != (have.root_version, have.release):
            hello.root_version, hello.release = have.root_version, have.release
            self._notify(cluster)

    def seen(self, cluster: ClusterName, *, connected: bool) -> None:
        """Note that something came from a cluster, or that its stream ended."""
        before = self.view(cluster).connected
        self._touch(cluster).connected = connected
        if connected != before:
            self._notify(cluster)

    def acked(self, cluster: ClusterName, ack: pb.Ack) -> None:
        """Take an acknowledgement."""
        status = self._touch(cluster)
        status.last_ack.CopyFrom(clipped_ack(ack))
        stage = STAGES.get(ack.stage)
        if stage is not None:
            setattr(status, stage, ack.release)
        self._notify(cluster)

    def newest_receipt(self, cluster: ClusterName) -> int:
        """Return the sequence of a cluster's newest receipt as it was last seen in etcd, 0 before the first."""
        return self._newest_receipts.get(cluster, 0)

    def poke(self) -> None:
        """Wake those who watch: the release or the faults changed."""
        for subscriber in self._subscribers:
            subscriber.changed(None)

    def each(self) -> Iterable[pb.ClusterStatus]:
        """Return every status as it is kept: to be read at once, and not changed."""
        return self._clusters.values()

    def names(self) -> list[ClusterName]:
        """Return every cluster that ever said anything or is banned, in order."""
        return sorted(self._clusters.keys() | self.bans.names())

    def view(self, cluster: ClusterName) -> pb.ClusterStatus:
        """Return a copy of a cluster's status; ``connected`` as of now, and whether it is banned."""
        status = pb.ClusterStatus()
        status.CopyFrom(self._clusters.get(cluster, pb.ClusterStatus(name=cluster)))
        limit = (self._clock.now() - CONNECTED_FOR).timestamp()
        status.connected = status.connected and status.last_seen_unix >= limit
        status.banned, status.ban_reason = cluster in self.bans, self.bans.reason(cluster)
        return status

    def subscribe(self) -> Subscription:
        """Return a subscription to changes; close it."""
        subscription = Subscription(lambda: self._subscribers.discard(subscription))
        self._subscribers.add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription."""
        for subscriber in tuple(self._subscribers):
            subscriber.close()

    async def load(self) -> None:
        """Read all statuses once. Raises HubError."""
        page = await self._store.range(keys.CLUSTERS)
        for item in page.items:
            self._apply(item.key, item)

    async def run(self) -> None:
        """Follow etcd and write to it, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._flush_for_ever())
            group.create_task(self._tell_who_fell_silent())

    async def flush(self) -> None:
        """Write all changes; what etcd refuses of one cluster delays no other. Raises HubError EDICT0401."""
        puts = {keys.status(name): name for name in sorted(self._dirty)}
        for batch in batches(Put(key, self._clusters[name].SerializeToString()) for key, name in puts.items()):
            names = [puts[put.key] for put in batch]
            self._dirty -= set(names)
            self._writing |= set(names)
            try:
                await self._write(names, batch)
            except HubError:
                self._dirty |= set(names)
                raise
            finally:
                self._writing -= set(names)

    async def _write(self, names: Sequence[ClusterName], batch: Sequence[Put]) -> None:
        conditions = [Unchanged(keys.status(name), self._revisions.get(name, 0)) for name in names]
        try:
            revision = await self._store.commit(conditions, batch)
        except HubError as error:
            if error.code != _REFUSED:
                raise
            revision = None
        if revision is not None:
            self._revisions.update(dict.fromkeys(names, revision))
            return
        for name in names:
            try:
                await self._write_merged(name)
            except HubError as error:
                if error.code != _REFUSED:
                    raise
                self._dirty.add(name)
                _log.warning("a status is not written", cluster=name, code=error.code, error=error.what)

    async def _write_merged(self, cluster: ClusterName) -> None:
        for _ in range(3):
            item = await self._store.get(keys.status(cluster))
            if item is not None:
                self._apply(item.key, item)
            value = self._clusters[cluster].SerializeToString()
            condition = Unchanged(keys.status(cluster), item.revision if item else 0)
            revision = await self._store.commit([condition], [Put(keys.status(cluster), value)])
            if revision is not None:
                self._revisions[cluster] = revision
                return
        self._dirty.add(cluster)

    async def _flush_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            async for attempt in retrying(self._clock, within=None, on=HubError):
                with attempt:
                    await self.flush()
            await self._clock.sleep(WRITE_EVERY)

    async def _tell_who_fell_silent(self) -> None:
        silent: set[ClusterName] = set()
        while True:
            await self._clock.sleep(SILENCE_EVERY)
            connected = {name for name, status in self._clusters.items() if status.connected}
            now = {name for name in connected if not self.view(name).connected}
            for name in now - silent:
                self._notify(name)
            silent = now

    async def _follow(self) -> None:
        async for change in self._store.watch(keys.CLUSTERS):
            if isinstance(change, Relisted):
                self.bans.listed(change.items)
                for item in change.items:
                    self._apply(item.key, item)
            else:
                for key, found in change.events:
                    self._apply(key, found)

    def _apply(self, key: str, item: KeyValue | None) -> None:
        name, _, what = key.removeprefix(keys.CLUSTERS).partition("/")
        cluster = ClusterName(name)
        if f"/{what}" == keys.BAN:
            self.bans.apply(cluster, item)
        elif f"/{what}" == keys.RECEIPT_HEAD:
            head = read_head(item)
            self._newest_receipts[cluster] = head.sequence if head else 0
            self._notify(cluster)
        elif f"/{what}" == keys.STATUS and item is not None:
            self._merge(cluster, item)

    def _merge(self, cluster: ClusterName, item: KeyValue) -> None:
        if item.revision <= self._revisions.get(cluster, 0):
            return
        self._revisions[cluster] = item.revision
        try:
            stored = pb.ClusterStatus.FromString(item.value)
        except DecodeError:
            _log.warning("a status cannot be read and is replaced", key=item.key)
            return
        stored.name = cluster
        mine = self._clusters.get(cluster)
        unwritten = cluster in self._dirty or cluster in self._writing
        self._clusters[cluster] = merged(mine, stored) if mine is not None and unwritten else stored
        if mine is None or not equal_but_for_time(mine, stored):
            self._notify(cluster)

    def _touch(self, cluster: ClusterName) -> pb.ClusterStatus:
        status = self._clusters.setdefault(cluster, pb.ClusterStatus(name=cluster))
        status.last_seen_unix = int(self._clock.now().timestamp())
        self._dirty.add(cluster)
        self._wake.set()
        return status

    def _notify(self, cluster: ClusterName) -> None:
        for subscriber in self._subscribers:
            subscriber.changed(cluster)
