"""Verification, without I/O. A release is taken whole or not at all.

The order is that of :mod:`edict.trust.steps`, with every delegated role instead of a search for one target:

1. each new root is signed by the one before and by itself, is the next version, and names the hub's authorities well
   (:mod:`edict.trust.authorities`); the last is not expired;
2. the timestamp is signed by root, not older than the floor, and one version has one content;
3. the snapshot is the one that the timestamp describes, signed by root; no role in it is older or gone;
4. targets and every delegated role are those that the snapshot describes, signed by their one delegator
   (:mod:`edict.trust.graph`), and name only paths that are theirs.

A root that replaces all timestamp keys resets the timestamp's floor, one that replaces all snapshot keys the
snapshot's and its roles': that is how a fleet recovers from a stolen key that signed an absurd version. A verified root
counts even where the rest of its release does not: :func:`follow` takes it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from tuf.api.metadata import Root

from edict.errors import TrustError
from edict.ids import digest_of
from edict.trust import _check, authorities, graph, steps
from edict.trust.codes import Code
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, Floors, TrustState


def pin(root: bytes, sha256: str | None = None) -> TrustState:
    """Start from a root that is trusted by other means: its digest in the enrolment token, or an author's file.

    Raises:
        TrustError: EDICT0206 when the digest differs; EDICT0201 or 0202 when it is no root signed by itself; EDICT0214
            when it lists the hub's authorities, and wrongly.
    """
    if sha256 is not None and digest_of(root) != sha256:
        raise TrustError(
            Code.OTHER_ROOT,
            f"the trust root has digest {digest_of(root)} and {sha256} is pinned",
            where=_check.place(ROOT, "?"),
            remedy="make a new token with `edict cluster token`; if it happens again, do not trust this hub",
        )
    signed = steps.first_root(root)
    authorities.of(signed)
    return TrustState(root=root, floors=Floors(root=signed.version))


def follow(state: TrustState, roots: Iterable[bytes]) -> TrustState:
    """Follow new roots, in order, without a release; those up to the trusted one, if it is among them, are passed over.

    Expiry is not judged: an expired root may be followed by one that is not.

    Raises:
        TrustError: EDICT0201, 0202, 0207 or 0214.
    """
    return _follow(state, roots)[0]


def unknown(state: TrustState, roots: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the roots that come behind the trusted one; all of them where it is not there. Nothing is verified."""
    given = tuple(roots)
    known = max((index for index, root in enumerate(given) if root == state.root), default=-1)
    return given[known + 1 :]


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
    roots: Iterable[bytes] = (),
    timestamp: bytes | None,
    snapshot: bytes | None,
    targets: Mapping[str, bytes],
    floors: Floors,
) -> TrustState:
    """Verify again what was verified and stored. Expiry is not judged: enforcement does not end with a date.

    Args:
        root: the pinned one.
        roots: those that were followed until the release was accepted.
        timestamp: of the release; None before the first.
        snapshot: of the release; None before the first.
        targets: of the release, by role.
        floors: as they were when it was accepted.

    Raises:
        TrustError: EDICT02xx; also EDICT0207 when the stored versions lie below the stored floors.
    """
    state = follow(pin(root), roots)
    if state.floors.root < floors.root:
        raise _check.rollback(ROOT, state.floors.root, floors.root)
    state = replace(state, floors=replace(floors, root=state.floors.root))
    if timestamp is None or snapshot is None:
        return state
    return _advance(state, Bundle(timestamp=timestamp, snapshot=snapshot, targets=targets), None)


def _advance(state: TrustState, bundle: Bundle, now: datetime | None) -> TrustState:
    state, root = _follow(state, bundle.roots)
    _check.unexpired(ROOT, root.version, root.expires, now)

    timestamp_bytes = bundle.timestamp or state.timestamp
    if timestamp_bytes is None:
        raise _check.missing(TIMESTAMP, state.floors.timestamp + 1)
    floors = state.floors
    timestamp = steps.timestamp(
        root,
        timestamp_bytes,
        held=state.timestamp,
        lowest=floors.timestamp,
        lowest_snapshot=floors.snapshot,
        now=now,
    )
    meta = timestamp.snapshot_meta
    snapshot_bytes = bundle.snapshot or state.snapshot
    if snapshot_bytes is None:
        raise _check.missing(SNAPSHOT, meta.version)
    _check.complete(SNAPSHOT, meta)
    snapshot = steps.snapshot(root, meta, snapshot_bytes, before=state.snapshot, now=now)

    held = {**state.targets, **bundle.targets}
    walked = graph.walk(root, state.root, snapshot, held, known=state.proofs, now=now)
    return TrustState(
        root=state.root,
        followed=state.followed,
        floors=Floors(root.version, timestamp.version, snapshot.version),
        timestamp=timestamp_bytes,
        snapshot=snapshot_bytes,
        targets={role: held[role] for role in walked.proofs},
        versions={role: proof.version for role, proof in walked.proofs.items()},
        documents=walked.documents,
        expires=snapshot.expires,
        proofs=walked.proofs,
    )


def _follow(state: TrustState, roots: Iterable[bytes]) -> tuple[TrustState, Root]:
    current = _check.parse(ROOT, state.root, Root).signed
    for candidate in unknown(state, roots):
        if _check.parse(ROOT, candidate, Root).signed == current:
            continue
        new = steps.next_root(current, candidate)
        authorities.of(new)
        state = _after_rotation(state, current, new)
        floors = replace(state.floors, root=new.version)
        state = replace(state, root=candidate, floors=floors, followed=(*state.followed, candidate))
        current = new
    return state, current


def _after_rotation(state: TrustState, old: Root, new: Root) -> TrustState:
    """Reset the floors of roles whose keys were all replaced."""
    if steps.replaced(old, new, TIMESTAMP):
        state = replace(state, timestamp=None, floors=replace(state.floors, timestamp=0))
    if steps.replaced(old, new, SNAPSHOT):
        state = replace(state, snapshot=None, versions={}, floors=replace(state.floors, snapshot=0))
    return state
