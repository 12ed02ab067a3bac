"""Moves old receipts from etcd to the archive, off the way of agents: written, read again, and only then deleted.

Any replica does it, and two at once do no harm: a span that both read becomes the same object, and what is deleted is
what was archived, key by key. A crash leaves receipts in both places, never in none.
"""

from __future__ import annotations

import random

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, is_dns_label
from edict_hub import metrics
from edict_hub.archive import Archive
from edict_hub.receipts import first_kept, numbered, read_head
from edict_hub.store import Delete, KeyValue, Store, Unchanged, keys

_log = log.get(__name__)
BATCH = 64
"""Receipts in one object, 4 MiB at most; fewer only in front of a gap."""
PASS_SECONDS = 60.0
BATCH_SECONDS = 0.2
"""A pause behind each object, and behind the heads of 64 clusters: neither etcd nor the archive has much of it."""
HEADS = 64


class Archiver:
    """The task.

    Args:
        store: etcd.
        archive: where receipts go.
        clock: for pauses.
        rng: spreads the passes of replicas.
    """

    def __init__(self, store: Store, archive: Archive, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._archive = archive
        self._clock = clock
        self._rng = rng
        self._oldest: dict[ClusterName, int] = {}

    async def run(self) -> None:
        """Archive for ever; what fails is tried again in the next pass."""
        try:
            while True:
                await self._clock.sleep(PASS_SECONDS * self._rng.uniform(0.5, 1.5))
                await self._pass()
        finally:
            self._archive.close()

    async def _pass(self) -> None:
        try:
            await self.sweep()
        except HubError as error:
            _log.warning("receipts wait for the archive", code=error.code, error=error.what)
        except Exception:  # noqa: BLE001 - agents and publishes go on, whatever stands in the way of the archive
            _log.exception("receipts wait for the archive, and nobody foresaw why")

    async def sweep(self) -> int:
        """Archive what is old of every cluster; return how many receipts that was.

        Where nothing is old enough, a pass reads the heads, 64 at a time, and nothing else.

        Raises:
            HubError: EDICT0401 or 0402 for etcd, EDICT0437 for the archive.
        """
        page = await self._store.range(keys.CLUSTERS, values=False)
        names = [
            item.key for item in page.items if item.key.endswith(keys.RECEIPT_HEAD) and is_dns_label(_cluster(item.key))
        ]
        moved = 0
        for start in range(0, len(names), HEADS):
            batch = names[start : start + HEADS]
            heads = await self._store.get_many(batch)
            for key in batch:
                head = read_head(heads.get(key))
                if head is not None:
                    moved += await self._cluster(ClusterName(_cluster(key)), first_kept(head))
            await self._clock.sleep(BATCH_SECONDS)
        return moved

    async def _cluster(self, cluster: ClusterName, until: int) -> int:
        moved = 0
        while until - await self._first(cluster) >= BATCH and (batch := await self._next(cluster, until)):
            receipts = [pb.Receipt(sequence=sequence, envelope=item.value) for sequence, item in batch]
            await self._archive.put(cluster, receipts)
            if not await self._delete(cluster, batch):
                break
            moved += len(batch)
            metrics.archived.add(len(batch))
            _log.info("archived receipts", cluster=cluster, first=batch[0][0], last=batch[-1][0])
            await self._clock.sleep(BATCH_SECONDS)
        return moved

    async def _first(self, cluster: ClusterName) -> int:
        """Return a sequence below which nothing of a cluster is in etcd."""
        if cluster not in self._oldest:
            prefix = keys.receipts(cluster)
            page = await self._store.range(prefix, start=keys.receipt(cluster, 1), values=False, limit=1)
            self._oldest[cluster] = next((sequence for sequence, _ in numbered(page.items)), 1)
        return self._oldest[cluster]

    async def _next(self, cluster: ClusterName, until: int) -> list[tuple[int, KeyValue]]:
        """Return the oldest consecutive receipts below a sequence: a whole batch, or all in front of a gap."""
        start = keys.receipt(cluster, self._oldest[cluster])
        page = await self._store.range(keys.receipts(cluster), start=start, limit=BATCH)
        batch: list[tuple[int, KeyValue]] = []
        for sequence, item in numbered(page.items):
            if sequence >= until:
                break
            if batch and sequence != batch[-1][0] + 1:
                return batch
            batch.append((sequence, item))
        if batch:
            self._oldest[cluster] = batch[0][0]
        return batch if len(batch) == BATCH else []

    async def _delete(self, cluster: ClusterName, batch: list[tuple[int, KeyValue]]) -> bool:
        """Delete what was archived, if it is still what was read."""
        conditions = [Unchanged(item.key, item.revision) for _, item in batch]
        first, last = batch[0][0], batch[-1][0]
        gone = Delete(keys.receipt(cluster, first), keys.receipt(cluster, last + 1))
        if await self._store.commit(conditions, [gone]) is None:
            self._oldest.pop(cluster, None)
            return False
        self._oldest[cluster] = last + 1
        return True


def _cluster(key: str) -> str:
    """Return the name in a receipt-head's key, which names a folder: nobody but a cluster may choose one."""
    return key.removeprefix(keys.CLUSTERS).removesuffix(keys.RECEIPT_HEAD)
