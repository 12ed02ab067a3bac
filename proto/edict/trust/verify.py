"""Verification, without I/O. A release is taken whole or not at all.

The order (TUF specification 1.0.34, §5.3 to 5.6; every delegated role instead of a search for one target):

1. each new root is signed by the one before and by itself, and is the next version; the last is not expired;
2. the timestamp is signed by root, not older than the floor, and one version has one content;
3. the snapshot is the one that the timestamp describes, signed by root; no role in it is older or gone;
4. targets and every delegated role are those that the snapshot describes, signed by their one delegator
   (:mod:`edict.trust.graph`), and name only paths that are theirs.

A root that replaces all timestamp keys resets the timestamp's floor, one that replaces all snapshot keys the
snapshot's and its roles': that is how a fleet recovers from a stolen key that signed an absurd version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from tuf.api.metadata import Root, Snapshot, Timestamp

from edict.errors import TrustError
from edict.ids import digest_of
from edict.trust import _check, graph
from edict.trust.codes import Code
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, Floors, TrustState


def pin(root: bytes, sha256: str | None = None) -> TrustState:
    """Start from a root that is trusted by other means: its digest in the enrolment token, or an author's file.

    Raises:
        TrustError: EDICT0206 when the digest differs; EDICT0201 or 0202 when it is no root signed by itself.
    """
    if sha256 is not None and digest_of(root) != sha256:
        raise TrustError(
            Code.OTHER_ROOT,
            f"the trust root has digest {digest_of(root)} and {sha256} is pinned",
            where=_check.place(ROOT, "?"),
            remedy="make a new token with `edict cluster token`; if it happens again, do not trust this hub",
        )
    metadata = _check.parse(ROOT, root, Root)
    _check.signatures(metadata.signed, ROOT, metadata)
    return TrustState(root=root, floors=Floors(root=metadata.signed.version))


def advance(state: TrustState, bundle: Bundle, *, now: datetime) -> TrustState:
    """Verify a release on top of what is trusted. What the bundle leaves out is taken from ``state``.

    Returns:
        The new state; ``state`` is never changed, so a caller that catches the error keeps what it had.

    Raises:
        TrustError: EDICT02xx with the place ``metadata/<role>/<version>`` of what does not hold.
    """
    return _advance(state, bundle, now)


def restore(
    *,
    root: bytes,
    timestamp: bytes | None,
    snapshot: bytes | None,
    targets: Mapping[str, bytes],
    floors: Floors,
) -> TrustState:
    """Verify again what was verified and stored. Expiry is not judged: enforcement does not end with a date.

    Raises:
        TrustError: EDICT02xx; also EDICT0207 when the stored versions lie below the stored floors.
    """
    state = pin(root)
    if state.floors.root < floors.root:
        raise _check.rollback(ROOT, state.floors.root, floors.root)
    if timestamp is None or snapshot is None:
        return replace(state, floors=Floors(state.floors.root, floors.timestamp, floors.snapshot))
    state = replace(state, floors=replace(floors, root=state.floors.root))
    return _advance(state, Bundle(timestamp=timestamp, snapshot=snapshot, targets=targets), None)


def _advance(state: TrustState, bundle: Bundle, now: datetime | None) -> TrustState:
    root_bytes, root, state = _advance_root(state, bundle.roots)
    _check.unexpired(ROOT, root, now)

    timestamp_bytes = bundle.timestamp or state.timestamp
    if timestamp_bytes is None:
        raise TrustError(
            Code.MISSING, "there is none", where=_check.place(TIMESTAMP, "?"), remedy="run `edict publish`"
        )
    timestamp = _verified_timestamp(root, timestamp_bytes, state, now)

    snapshot_bytes = bundle.snapshot or state.snapshot
    if snapshot_bytes is None:
        raise _check.missing(SNAPSHOT, timestamp.snapshot_meta.version)
    snapshot = _verified_snapshot(root, timestamp, snapshot_bytes, state, now)

    held = {**state.targets, **bundle.targets}
    walked = graph.walk(root, snapshot, held, now)
    return TrustState(
        root=root_bytes,
        floors=Floors(root.version, timestamp.version, snapshot.version),
        timestamp=timestamp_bytes,
        snapshot=snapshot_bytes,
        targets={role: held[role] for role in walked.versions},
        versions=walked.versions,
        documents=walked.documents,
        expires=snapshot.expires,
    )


def _advance_root(state: TrustState, roots: tuple[bytes, ...]) -> tuple[bytes, Root, TrustState]:
    data = state.root
    current = _check.parse(ROOT, data, Root).signed
    for candidate in roots:
        metadata = _check.parse(ROOT, candidate, Root)
        if metadata.signed == current:
            continue
        if metadata.signed.version != current.version + 1:
            raise _check.rollback(ROOT, metadata.signed.version, current.version + 1)
        _check.signatures(current, ROOT, metadata)
        _check.signatures(metadata.signed, ROOT, metadata)
        state = _after_rotation(state, current, metadata.signed)
        data, current = candidate, metadata.signed
    return data, current, state


def _after_rotation(state: TrustState, old: Root, new: Root) -> TrustState:
    """Reset the floors of roles whose keys were all replaced."""
    if not _public_keys(old, TIMESTAMP) & _public_keys(new, TIMESTAMP):
        state = replace(state, timestamp=None, floors=replace(state.floors, timestamp=0))
    if not _public_keys(old, SNAPSHOT) & _public_keys(new, SNAPSHOT):
        state = replace(state, snapshot=None, versions={}, floors=replace(state.floors, snapshot=0))
    return state


def _public_keys(root: Root, role: str) -> set[bytes]:
    """Return a role's keys by what they are, so that a new id for an old key is not a new key."""
    return {_check.material(root.keys[keyid]) for keyid in root.roles[role].keyids}


def _verified_timestamp(root: Root, data: bytes, state: TrustState, now: datetime | None) -> Timestamp:
    metadata = _check.parse(TIMESTAMP, data, Timestamp)
    _check.signatures(root, TIMESTAMP, metadata)
    timestamp = metadata.signed
    if timestamp.version < state.floors.timestamp:
        raise _check.rollback(TIMESTAMP, timestamp.version, state.floors.timestamp)
    if timestamp.version == state.timestamp_version and state.timestamp is not None:
        before = _check.parse(TIMESTAMP, state.timestamp, Timestamp)
        if before.signed_bytes != metadata.signed_bytes:
            raise _check.split(TIMESTAMP, timestamp.version)
    if timestamp.snapshot_meta.version < state.floors.snapshot:
        raise _check.rollback(SNAPSHOT, timestamp.snapshot_meta.version, state.floors.snapshot)
    _check.unexpired(TIMESTAMP, timestamp, now)
    return timestamp


def _verified_snapshot(
    root: Root, timestamp: Timestamp, data: bytes, state: TrustState, now: datetime | None
) -> Snapshot:
    _check.described(SNAPSHOT, data, timestamp.snapshot_meta)
    metadata = _check.parse(SNAPSHOT, data, Snapshot)
    _check.signatures(root, SNAPSHOT, metadata)
    snapshot = metadata.signed
    if snapshot.version != timestamp.snapshot_meta.version:
        raise _check.mixed(SNAPSHOT, snapshot.version, timestamp.snapshot_meta.version)
    if state.snapshot is not None:
        _compared(_check.parse(SNAPSHOT, state.snapshot, Snapshot).signed, snapshot)
    _check.unexpired(SNAPSHOT, snapshot, now)
    return snapshot


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
