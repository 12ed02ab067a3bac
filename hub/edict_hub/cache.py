"""What was read from etcd and has not changed since: metadata of the current release, and documents up to a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from edict.ids import digest_of
from edict_hub.store import Changed, KeyValue, Store, keys

MAX_BLOB_BYTES = 256 * 1024 * 1024


class Cache:
    """Filled by reads and by watch events; every event about a key replaces what is held of it.

    Args:
        store: read on a miss.
        max_blob_bytes: documents beyond this are read again when they are needed.
    """

    def __init__(self, store: Store, *, max_blob_bytes: int = MAX_BLOB_BYTES) -> None:
        self._store = store
        self._metadata: dict[str, bytes] = {}
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._digests: dict[str, str] = {}
        self._bytes = 0
        self._max = max_blob_bytes

    def forget(self, prefix: str) -> None:
        """Drop everything below ``keys.METADATA`` or ``keys.BLOBS``: events were lost."""
        if prefix == keys.METADATA:
            self._metadata.clear()
        else:
            self._blobs.clear()
            self._digests.clear()
            self._bytes = 0

    def apply(self, changed: Changed) -> None:
        """Take events of either prefix."""
        for key, kv in changed.events:
            if key.startswith(keys.BLOBS):
                self._drop(key.removeprefix(keys.BLOBS))
                if kv is not None:
                    self._keep(kv)
            elif kv is None:
                self._metadata.pop(key, None)
            else:
                self._metadata[key] = kv.value

    async def metadata(self, wanted: Sequence[str]) -> Mapping[str, bytes]:
        """Return metadata by key, as far as it exists."""
        missing = [key for key in wanted if key not in self._metadata]
        if missing:
            found = await self._store.get_many(missing)
            self._metadata.update({key: kv.value for key, kv in found.items()})
        return {key: self._metadata[key] for key in wanted if key in self._metadata}

    def keep_metadata(self, wanted: Mapping[str, bytes]) -> None:
        """Forget all metadata but this: the older releases."""
        self._metadata = dict(wanted)

    async def found(self, digests: Iterable[str]) -> Mapping[str, str]:
        """Return, for every document that is stored, the digest that its bytes really have; forget all others."""
        wanted = set(digests)
        for digest in self._digests.keys() - wanted:
            self._drop(digest)
        await self._read([digest for digest in wanted if digest not in self._digests])
        return {digest: self._digests[digest] for digest in wanted if digest in self._digests}

    async def blobs(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Return documents by digest, as far as they exist, with the bytes that etcd holds, good or not."""
        wanted = list(digests)
        contents = {digest: self._blobs[digest] for digest in wanted if digest in self._blobs}
        contents |= await self._read([digest for digest in wanted if digest not in contents])
        for digest in contents.keys() & self._blobs.keys():
            self._blobs.move_to_end(digest)
        return contents

    async def _read(self, digests: Sequence[str]) -> dict[str, bytes]:
        if not digests:
            return {}
        read = await self._store.get_many([keys.blob(digest) for digest in digests])
        for kv in read.values():
            self._drop(kv.key.removeprefix(keys.BLOBS))
            self._keep(kv)
        return {kv.key.removeprefix(keys.BLOBS): kv.value for kv in read.values()}

    def _keep(self, kv: KeyValue) -> None:
        digest = kv.key.removeprefix(keys.BLOBS)
        self._digests[digest] = digest_of(kv.value)
        self._blobs[digest] = kv.value
        self._bytes += len(kv.value)
        while self._bytes > self._max and len(self._blobs) > 1:
            _, evicted = self._blobs.popitem(last=False)
            self._bytes -= len(evicted)

    def _drop(self, digest: str) -> None:
        self._digests.pop(digest, None)
        self._bytes -= len(self._blobs.pop(digest, b""))
