"""The steps of TUF's client workflow (specification 1.0.34, §5.3 to 5.6), one function each, without I/O.

They hold for any TUF repository. What Edict asks beyond the specification stands in :mod:`edict.trust.verify` and
:mod:`edict.trust.graph`. Each raises a TrustError (EDICT02xx) with the place of what does not hold.
"""

from __future__ import annotations

from datetime import datetime

from tuf.api.metadata import MetaFile, Root, Snapshot, Targets, Timestamp

from edict.errors import TrustError
from edict.trust import _check
from edict.trust.codes import Code
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP


def first_root(data: bytes) -> Root:
    """Read a root that is trusted by other means; it must be signed by itself."""
    metadata = _check.parse(ROOT, data, Root)
    _check.signatures(metadata.signed, ROOT, metadata)
    return metadata.signed


def next_root(current: Root, data: bytes) -> Root:
    """Read the root that follows another: the next version, signed by that one and by itself. Expiry is not judged."""
    metadata = _check.parse(ROOT, data, Root)
    if metadata.signed.version != current.version + 1:
        raise _check.rollback(ROOT, metadata.signed.version, current.version + 1)
    _check.signatures(current, ROOT, metadata)
    _check.signatures(metadata.signed, ROOT, metadata)
    return metadata.signed


def replaced(old: Root, new: Root, role: str) -> bool:
    """Tell whether a new root has none of a role's old keys, judged by what they are: a new id is not a new key."""
    return not _public_keys(old, role) & _public_keys(new, role)


def timestamp(
    root: Root, data: bytes, *, held: bytes | None, lowest: int, lowest_snapshot: int, now: datetime | None
) -> Timestamp:
    """Read a timestamp: signed by root, not below what was accepted, one content for one version, not expired.

    Args:
        root: the trusted root.
        data: the timestamp as it came.
        held: the accepted one, or None.
        lowest: the version below which none is accepted.
        lowest_snapshot: the same, of the snapshot that it names.
        now: None does not judge expiry.
    """
    metadata = _check.parse(TIMESTAMP, data, Timestamp)
    _check.signatures(root, TIMESTAMP, metadata)
    signed = metadata.signed
    if signed.version < lowest:
        raise _check.rollback(TIMESTAMP, signed.version, lowest)
    if held is not None and data != held:
        before = _check.parse(TIMESTAMP, held, Timestamp)
        if before.signed.version == signed.version and before.signed_bytes != metadata.signed_bytes:
            raise _check.split(TIMESTAMP, signed.version)
    if signed.snapshot_meta.version < lowest_snapshot:
        raise _check.rollback(SNAPSHOT, signed.snapshot_meta.version, lowest_snapshot)
    _check.unexpired(TIMESTAMP, signed.version, signed.expires, now)
    return signed


def snapshot(root: Root, meta: MetaFile, data: bytes, *, before: bytes | None, now: datetime | None) -> Snapshot:
    """Read a snapshot: the one that the timestamp describes, signed by root, nothing in it older or gone, not expired.

    Args:
        root: the trusted root.
        meta: what the timestamp says of it.
        data: the snapshot as it came.
        before: the accepted one, or None.
        now: None does not judge expiry.
    """
    _check.described(SNAPSHOT, data, meta)
    metadata = _check.parse(SNAPSHOT, data, Snapshot)
    _check.signatures(root, SNAPSHOT, metadata)
    signed = metadata.signed
    if signed.version != meta.version:
        raise _check.mixed(SNAPSHOT, signed.version, meta.version)
    if before is not None and before != data:
        _compared(_check.parse(SNAPSHOT, before, Snapshot).signed, signed)
    _check.unexpired(SNAPSHOT, signed.version, signed.expires, now)
    return signed


def targets(delegator: Root | Targets, role: str, meta: MetaFile, data: bytes, *, now: datetime | None) -> Targets:
    """Read a targets role: the one that the snapshot describes, signed by this delegator's keys, not expired.

    Args:
        delegator: root for the top-level role.
        role: its name.
        meta: what the snapshot says of it.
        data: the role as it came, or as it was accepted before under another delegator.
        now: None does not judge expiry.
    """
    _check.described(role, data, meta)
    metadata = _check.parse(role, data, Targets)
    _check.signatures(delegator, role, metadata)
    signed = metadata.signed
    if signed.version != meta.version:
        raise _check.mixed(role, signed.version, meta.version)
    _check.unexpired(role, signed.version, signed.expires, now)
    return signed


def _public_keys(root: Root, role: str) -> set[bytes]:
    """Return the keys of a role. An id that the root has no key for is none: nobody signs with it."""
    return {_check.material(root.keys[keyid]) for keyid in root.roles[role].keyids if keyid in root.keys}


def _compared(before: Snapshot, after: Snapshot) -> None:
    """Hold a snapshot against the one before: nothing older, nothing gone, nothing else under the same version."""
    if after.version == before.version and after != before:
        raise _check.split(SNAPSHOT, after.version)
    for name, was in before.meta.items():
        role = name.removesuffix(".json")
        meta = after.meta.get(name)
        if meta is None:
            raise TrustError(
                Code.ROLLBACK,
                f"role {role} was in the release before and is missing",
                where=_check.place(SNAPSHOT, after.version),
            )
        if meta.version < was.version:
            raise _check.rollback(role, meta.version, was.version)
        if meta.version == was.version and meta != was:
            raise _check.split(role, meta.version)
