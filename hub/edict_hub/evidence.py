"""What auditors read: every receipt of a cluster, and every signed metadata file, each in its order, as it is stored.

Nothing is verified here: who reads does, and a hub's own judgement would prove nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from edict import log
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.roles import ROOT, SNAPSHOT
from edict_hub import raw
from edict_hub.archive import Archive, Span
from edict_hub.codes import Code
from edict_hub.receipts import numbered
from edict_hub.relay import Relay
from edict_hub.store import KeyValue, Page, Store, keys

_log = log.get(__name__)
_DAMAGED = f"EDICT{Code.KEY_DAMAGED:04d}"
PAGE = 64
"""Receipts read at a time, 4 MiB at most."""
FILES = 8
"""Metadata files read at a time, of at most 1.5 MB each."""


class Evidence:
    """Reads evidence.

    Args:
        store: etcd.
        relay: knows the pinned root and the release that is served.
        archive: where old receipts are; None where there is none.
    """

    def __init__(self, store: Store, relay: Relay, archive: Archive | None) -> None:
        self._store = store
        self._relay = relay
        self._archive = archive

    async def receipts(self, cluster: ClusterName, after: int) -> AsyncIterator[pb.Receipt]:
        """Yield a cluster's receipts behind a sequence, oldest first, from the archive and from etcd.

        What moves to the archive meanwhile is read there; what is in both is told once.

        Raises:
            HubError: EDICT0401 or 0402 for etcd, EDICT0437 for the archive.
        """
        wanted, shelf = after + 1, _Shelf(self._archive, cluster)
        while wanted <= raw.MAX_VERSION:
            page = await self._store.range(keys.receipts(cluster), start=keys.receipt(cluster, wanted), limit=PAGE)
            stored = [(sequence, item.value) for sequence, item in numbered(page.items)]
            until = stored[0][0] if stored else None
            if until != wanted and (span := await shelf.at(wanted, until)) is not None:
                before = wanted
                for receipt in await shelf.read(span):
                    if receipt.sequence >= wanted and (until is None or receipt.sequence < until):
                        yield receipt
                        wanted = receipt.sequence + 1
                if wanted == before:
                    shelf.pass_over(span)
                continue
            if not stored:
                return
            for sequence, envelope in stored:
                yield pb.Receipt(sequence=sequence, envelope=envelope)
            wanted = stored[-1][0] + 1

    async def history(self) -> AsyncIterator[pb.Metadata]:
        """Yield the roots, then for each release the roles that it changes and its snapshot, oldest first.

        Raises:
            HubError: EDICT0401 or 0402 for etcd.
        """
        roots = await self._store.range(f"{keys.METADATA}{ROOT}/")
        contents = {version: item.value for version, item in _versions(roots)}
        contents[self._relay.pinned.root_version] = self._relay.pinned.root
        for version in sorted(contents):
            yield pb.Metadata(role=ROOT, version=version, content=contents[version])
        told: dict[str, int] = {}
        listed = await self._store.range(f"{keys.METADATA}{SNAPSHOT}/", values=False)
        for release in sorted(version for version, _ in _versions(listed)):
            key = keys.metadata(SNAPSHOT, release)
            stored = await self._store.get(key)
            if stored is None:
                continue
            roles = _described(stored.value, key)
            if not await self._is_published(release, roles):
                continue
            async for role in self._changed(roles, told):
                yield role
            yield pb.Metadata(role=SNAPSHOT, version=release, content=stored.value)

    async def _changed(self, roles: dict[str, int], told: dict[str, int]) -> AsyncIterator[pb.Metadata]:
        changed = [(role, version) for role, version in sorted(roles.items()) if told.get(role) != version]
        for start in range(0, len(changed), FILES):
            batch = changed[start : start + FILES]
            found = await self._store.get_many([keys.metadata(role, version) for role, version in batch])
            for role, version in batch:
                stored = found.get(keys.metadata(role, version))
                if stored is not None:
                    told[role] = version
                    yield pb.Metadata(role=role, version=version, content=stored.value)

    async def _is_published(self, release: int, roles: dict[str, int]) -> bool:
        """Tell whether a snapshot was published: one above the newest release may be left of a publish that died."""
        held = self._relay.held
        if held is not None and release <= held.release:
            return True
        page = await self._store.range(keys.METADATA, values=False)
        stored = {item.key for item in page.items}
        return all(keys.metadata(role, version) in stored for role, version in roles.items())


class _Shelf:
    """The objects of one cluster, listed again only where something is missing; a damaged one is passed over."""

    def __init__(self, archive: Archive | None, cluster: ClusterName) -> None:
        self._archive = archive
        self._cluster = cluster
        self._spans: list[Span] = []
        self._passed_over: set[Span] = set()

    async def at(self, wanted: int, until: int | None) -> Span | None:
        """Return the object that has a receipt, or else the next one below ``until``."""
        if self._archive is None:
            return None
        found = self._find(wanted, until)
        if found is None or found.first > wanted:
            self._spans = [span for span in await self._archive.spans(self._cluster) if span not in self._passed_over]
            found = self._find(wanted, until)
        return found

    async def read(self, span: Span) -> list[pb.Receipt]:
        """Return the receipts of an object, none of a damaged one."""
        if self._archive is None:
            return []
        try:
            return await self._archive.read(span, self._cluster)
        except HubError as error:
            if error.code != _DAMAGED:
                raise
            _log.error("an archived object is damaged", key=error.where, code=error.code, error=error.what)
            return []

    def pass_over(self, span: Span) -> None:
        """Do not offer an object again: it has not what its name says."""
        self._passed_over.add(span)
        self._spans.remove(span)

    def _find(self, wanted: int, until: int | None) -> Span | None:
        return next(
            (span for span in self._spans if span.last >= wanted and (until is None or span.first < until)), None
        )


def _versions(page: Page) -> list[tuple[int, KeyValue]]:
    named = ((item.key.rpartition("/")[2], item) for item in page.items)
    return [(int(name), item) for name, item in named if name.isdecimal() and len(name) <= raw.MAX_DIGITS]


def _described(content: bytes, key: str) -> dict[str, int]:
    """Return the roles of a snapshot; of one that cannot be read, none: its bytes are told all the same."""
    try:
        return raw.described(content, key)
    except HubError as error:
        _log.error("a key in etcd is damaged", key=key, code=error.code, error=error.what)
        return {}
