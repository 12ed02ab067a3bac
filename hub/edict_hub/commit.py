"""Writing a release: documents first, then metadata, then one compare-and-swap of the timestamp.

Replicas may write at once. Documents are named by their digest, so that writing them needs no care. Metadata is not:
two writers can have different bytes for one version. Each therefore takes the fence first (a key whose last writer
wins), every write of metadata and the flip itself are conditions of its own fence, and the flip also of the timestamp
that the release was built on. Nobody holds a lock: a writer that dies leaves only metadata that no timestamp names,
which the next one overwrites.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict import telemetry
from edict.trust.state import TrustState
from edict_hub.batches import batches
from edict_hub.store import Put, Store, Unchanged, keys


class Writer:
    """Commits releases to etcd.

    Args:
        store: etcd.
        replica: who takes the fence; for people.
    """

    def __init__(self, store: Store, replica: str) -> None:
        self._store = store
        self._replica = replica

    async def documents(self, puts: Iterable[Put]) -> None:
        """Write documents. Raises HubError EDICT0401 or 0402."""
        for batch in batches(puts):
            await self._store.commit([], batch)

    async def release(self, metadata: Iterable[Put], state: TrustState, *, on: int) -> bool:
        """Write a release whose documents are written; tell whether it counts now.

        Args:
            metadata: every file that is not stored yet as it must be, the timestamp apart.
            state: the release, verified.
            on: mod_revision of the timestamp that it was built on; 0 for none.

        Raises:
            HubError: EDICT0401 or 0402.
        """
        timestamp = Unchanged(keys.TIMESTAMP, on)
        fenced = await self._store.commit([timestamp], [Put(keys.FENCE, self._replica.encode())])
        if fenced is None:
            return False
        fence = Unchanged(keys.FENCE, fenced)
        for batch in batches(metadata):
            if await self._store.commit([fence], batch) is None:
                return False
        stamp = state.timestamp or b""
        traceparent = telemetry.current_traceparent().encode()
        flip = [Put(keys.TIMESTAMP, stamp), Put(keys.trace(state.release), traceparent)]
        if await self._store.commit([timestamp, fence], flip) is not None:
            return True
        now = await self._store.get(keys.TIMESTAMP)
        return now is not None and now.value == stamp
