"""The release that etcd holds: assembled key by key, relayed as it is, verified only for the hub's own statement.

What is wrong becomes a Fault with the key. A release whose parts can still be found is relayed with the bytes that etcd
has, so that agents refuse it themselves and say why; one whose parts cannot be found leaves the last one in force.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edict.errors import EdictError, HubError, TrustError
from edict.ids import Release
from edict.trust import verify
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, TrustState
from edict_hub import raw
from edict_hub.cache import Cache
from edict_hub.codes import Code
from edict_hub.store import KeyValue, Store, keys

EXPIRY_NOT_JUDGED = datetime.min.replace(tzinfo=UTC)
"""A present in which nothing has expired: what to do about an expired release is the agents' decision."""
MAX_TRACEPARENT = 55
"""Bytes of a W3C traceparent: what is longer is none, and would be sent to every agent."""


@dataclass(frozen=True)
class Fault:
    """One key in etcd that is not as it must be."""

    key: str
    code: str
    why: str
    since: datetime


@dataclass(frozen=True)
class Held:
    """One release as etcd has it. ``state`` is None when it does not verify."""

    release: Release
    timestamp_version: int
    timestamp: bytes
    snapshot: bytes
    roots: Mapping[int, bytes]
    targets: Mapping[str, tuple[int, bytes]]
    """Version and bytes by role, as far as they are stored."""
    digests: Mapping[str, str]
    """Every document that is named, with the digest that its stored bytes really have, empty when it is gone."""
    traceparent: str
    revision: int
    """mod_revision of the timestamp: what the next publish is compared with."""
    state: TrustState | None
    faults: tuple[Fault, ...] = ()

    @property
    def bundle(self) -> Bundle:
        """Everything as a bundle, none of it believed."""
        return Bundle(
            roots=tuple(self.roots[version] for version in sorted(self.roots)),
            timestamp=self.timestamp,
            snapshot=self.snapshot,
            targets={role: data for role, (_, data) in self.targets.items()},
        )

    def fingerprint(self) -> str:
        """Return a digest of every byte that could be sent."""
        hasher = hashlib.sha256()
        parts = [self.timestamp, self.snapshot, *self.bundle.roots]
        parts += [data for _, (_, data) in sorted(self.targets.items())]
        parts += [f"{named}:{real}".encode() for named, real in sorted(self.digests.items())]
        for part in parts:
            hasher.update(len(part).to_bytes(8, "big"))
            hasher.update(part)
        return hasher.hexdigest()


async def load(
    store: Store,
    cache: Cache,
    timestamp: KeyValue | None,
    *,
    pinned: TrustState,
    known: TrustState,
    now: datetime,
    served: bool,
) -> Held | None:
    """Read the current release.

    Args:
        store: etcd.
        cache: what of it is already known.
        timestamp: as it was read just now.
        pinned: the root that the hub's own file pins.
        known: a state verified before: not verified again when every byte is the same.
        now: when a fault that is found was first seen.
        served: a release was served before: having none is then an error.

    Returns:
        The release, or None before the first.

    Raises:
        HubError: EDICT0401 when etcd is out of reach; EDICT0440 or 0441, with the key, when the timestamp or the
            snapshot cannot be read, so that nobody can say what the release is.
    """
    if timestamp is None:
        if served:
            raise _gone(keys.TIMESTAMP)
        return None
    held = await _assemble(store, cache, timestamp)
    state, fault = await asyncio.to_thread(_verified, held, pinned, known)
    faults = [] if fault is None else [_fault(held, fault, now)]
    named = {target.digest for target in state.documents.values()} if state else _named(held)
    found = await cache.found(named)
    if state is not None:  # a role that is no more still stands in the snapshot, and nobody needs its file
        held = replace(held, targets={role: held.targets[role] for role in state.targets})
    held = replace(held, state=state, digests={digest: found.get(digest, "") for digest in named})
    return replace(held, faults=(*faults, *_blob_faults(held, now)))


async def _assemble(store: Store, cache: Cache, timestamp: KeyValue) -> Held:
    timestamp_version = raw.version_of(timestamp.value, keys.TIMESTAMP)
    release = raw.described(timestamp.value, keys.TIMESTAMP).get(SNAPSHOT)
    if release is None:
        raise HubError(Code.KEY_DAMAGED, "the timestamp names no snapshot", where=keys.TIMESTAMP)
    snapshot_key = keys.metadata(SNAPSHOT, release)
    snapshot = (await cache.metadata([snapshot_key])).get(snapshot_key)
    if snapshot is None:
        raise _gone(snapshot_key)
    versions = raw.described(snapshot, snapshot_key)
    role_keys = {role: keys.metadata(role, version) for role, version in versions.items()}
    stored = await cache.metadata([snapshot_key, *role_keys.values()])
    cache.keep_metadata(stored)
    roots = await store.range(keys.metadata(ROOT, 0).removesuffix("0"))
    trace = await store.get(keys.trace(release))
    return Held(
        release=Release(release),
        timestamp_version=timestamp_version,
        timestamp=timestamp.value,
        snapshot=snapshot,
        roots=_by_version(roots.items),
        targets={role: (versions[role], stored[key]) for role, key in role_keys.items() if key in stored},
        digests={},
        traceparent=trace.value[:MAX_TRACEPARENT].decode(errors="replace") if trace else "",
        revision=timestamp.revision,
        state=None,
    )


def _gone(key: str) -> HubError:
    return HubError(
        Code.KEY_MISSING, "the release needs this key", where=key, remedy="bring it back with `edict hub recover`"
    )


def _by_version(items: tuple[KeyValue, ...]) -> dict[int, bytes]:
    named = {item.key.rpartition("/")[2]: item.value for item in items}
    return {
        int(version): value
        for version, value in named.items()
        if version.isdecimal() and len(version) <= raw.MAX_DIGITS
    }


def _verified(held: Held, pinned: TrustState, known: TrustState) -> tuple[TrustState | None, TrustError | None]:
    bundle = held.bundle
    stored = {role: data for role, data in bundle.targets.items() if role in known.targets}
    if (known.timestamp, known.snapshot, known.targets) == (bundle.timestamp, bundle.snapshot, stored):
        newest = bundle.roots[-1] if bundle.roots else pinned.root
        if newest in {known.root, pinned.root}:
            return known, None
    later = tuple(held.roots[version] for version in sorted(held.roots) if version > pinned.root_version)
    try:
        return verify.advance(pinned, replace(bundle, roots=later), now=EXPIRY_NOT_JUDGED), None
    except TrustError as error:
        return None, error


def _named(held: Held) -> set[str]:
    return {
        digest
        for role, (version, data) in held.targets.items()
        for digest in raw.digests_in(data, keys.metadata(role, version))
    }


def _fault(held: Held, error: EdictError, now: datetime) -> Fault:
    """Name the key: an error about a file that could not even be read has ``?`` for its version."""
    role, _, version = error.where.removeprefix("metadata/").rpartition("/")
    if role == TIMESTAMP:
        key = keys.TIMESTAMP
    elif version.isdecimal():
        key = keys.metadata(role, int(version))
    elif role == SNAPSHOT:
        key = keys.metadata(SNAPSHOT, held.release)
    elif role in held.targets:
        key = keys.metadata(role, held.targets[role][0])
    else:
        key = f"{keys.METADATA}{role}"
    return Fault(key, error.code, error.what, now)


def _blob_faults(held: Held, now: datetime) -> list[Fault]:
    faults = []
    for digest, real in sorted(held.digests.items()):
        if not real:
            faults.append(Fault(keys.blob(digest), f"EDICT{Code.KEY_MISSING:04d}", "the document is gone", now))
        elif real != digest:
            why = f"the document's bytes have digest {real}"
            faults.append(Fault(keys.blob(digest), f"EDICT{Code.KEY_DAMAGED:04d}", why, now))
    return faults
