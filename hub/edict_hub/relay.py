"""The release that this replica serves, kept up with etcd; and what is wrong with etcd's keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.ids import ClusterName
from edict.trust.custom import ClusterCustom
from edict.trust.roles import cluster_path
from edict.trust.state import TrustState
from edict_hub import release
from edict_hub.cache import Cache
from edict_hub.codes import Code, unexpected
from edict_hub.release import Fault, Held
from edict_hub.store import Changed, Store, keys, retrying

_log = log.get(__name__)
_UNREADABLE = {f"EDICT{Code.KEY_DAMAGED:04d}", f"EDICT{Code.KEY_MISSING:04d}"}


class Relay:
    """Holds the newest release. Call :meth:`reload` once before serving, and keep :meth:`run` running.

    Attributes:
        held: the release that is served; None before the first. It stays when etcd goes away.
        revision: mod_revision of the timestamp as it was last read, whatever it said; 0 where there is none.
        unreadable: why nobody can say which release that timestamp commits; None when it is ``held``.
        trusted: the last state that verified, for the hub's own decisions; the pinned root before the first.
        faults: by key.
        cache: documents and metadata.
        on_change: called after ``held`` or ``faults`` changed.
    """

    def __init__(self, store: Store, clock: Clock, pinned: TrustState) -> None:
        self.held: Held | None = None
        self.revision = 0
        self.unreadable: HubError | None = None
        self.fingerprint = ""
        self.pinned = pinned
        self.trusted = pinned
        self.faults: Mapping[str, Fault] = {}
        self.cache = Cache(store)
        self.on_change: list[Callable[[], None]] = []
        self._store = store
        self._clock = clock
        self._dirty = asyncio.Event()
        self._reloading = asyncio.Lock()

    def admits(self, cluster: ClusterName) -> bool:
        """Tell whether a cluster with a good certificate may connect.

        The signed inventory decides. Where what is stored does not verify and nothing was verified before, the
        certificate is enough: such a hub has nothing to hide, and its agents must be able to refuse what it relays.
        """
        if self.trusted.release == 0 and self.held is not None:
            return True
        return self.inventories(cluster)

    def inventories(self, cluster: ClusterName) -> bool:
        """Tell whether a cluster is in the last inventory that verified."""
        return cluster_path(cluster) in self.trusted.documents

    def receipt_key(self, cluster: ClusterName) -> str:
        """Return the key that authors pinned for a cluster's receipts, hexadecimal; empty where they pinned none."""
        target = self.trusted.documents.get(cluster_path(cluster))
        return target.custom.receipt_key if target and isinstance(target.custom, ClusterCustom) else ""

    async def reload(self, verified: TrustState | None = None) -> None:
        """Read the release anew.

        Args:
            verified: a state that the caller has just verified, so that it is not verified twice.

        Raises:
            HubError: EDICT0401 or 0402 when etcd is out of reach; what is served stays.
        """
        async with self._reloading:
            self._dirty.clear()
            now = self._clock.now()
            timestamp = await self._store.get(keys.TIMESTAMP)
            revision = timestamp.revision if timestamp else 0
            try:
                held = await release.load(
                    self._store,
                    self.cache,
                    timestamp,
                    pinned=self.pinned,
                    known=verified or self.trusted,
                    now=now,
                    served=self.held is not None,
                )
            except HubError as error:
                if error.code not in _UNREADABLE:
                    raise
                self.revision, self.unreadable = revision, error
                self._note((Fault(error.where, error.code, error.what, now),))
                return
            except Exception:  # noqa: BLE001 - whatever stands in etcd, what is served stays
                _log.exception("what etcd holds cannot be judged")
                unforeseen = unexpected()
                self.revision, self.unreadable = revision, unforeseen
                self._note((Fault(keys.ROOT, unforeseen.code, unforeseen.what, now),))
                return
            self.revision, self.unreadable = revision, None
            self._note(held.faults if held else ())
            self._take(held)

    async def run(self) -> None:
        """Follow etcd for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(keys.TIMESTAMP))
            group.create_task(self._follow(keys.METADATA))
            group.create_task(self._follow(keys.BLOBS))
            group.create_task(self._keep_up())

    async def _follow(self, prefix: str) -> None:
        async for change in self._store.watch(prefix, values=False):
            if prefix != keys.TIMESTAMP:
                if isinstance(change, Changed):
                    self.cache.apply(change)
                else:
                    self.cache.forget(prefix)
            self._dirty.set()

    async def _keep_up(self) -> None:
        while True:
            await self._dirty.wait()
            async for attempt in retrying(self._clock, within=None, on=HubError):
                with attempt:
                    await self.reload()

    def _take(self, held: Held | None) -> None:
        if held is None:
            return
        if held.state is not None:
            self.trusted = held.state
        before, self.held = self.held, held
        fingerprint = held.fingerprint()
        if fingerprint == self.fingerprint:
            return
        self.fingerprint = fingerprint
        if before is None or before.release != held.release:
            _log.info("serving a release", release=held.release, timestamp_version=held.timestamp_version)
        self._notify()

    def _notify(self) -> None:
        for notify in self.on_change:
            notify()

    def _note(self, found: tuple[Fault, ...]) -> None:
        faults = {}
        for fault in found:
            before = self.faults.get(fault.key)
            if before is not None and (before.code, before.why) == (fault.code, fault.why):
                faults[fault.key] = before
                continue
            faults[fault.key] = replace(fault, since=before.since if before else fault.since)
            _log.error("a key in etcd is damaged", key=fault.key, code=fault.code, error=fault.why)
        for key in self.faults.keys() - faults.keys():
            _log.info("a key in etcd is repaired", key=key)
        if faults != self.faults:
            self.faults = faults
            self._notify()
