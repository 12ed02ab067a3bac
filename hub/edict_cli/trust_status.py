"""Who signs what, until when, and who is missing on what is pending: from this workspace alone, no hub is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from tuf.api.metadata import Snapshot

from edict.trust.drafting import Base
from edict.trust.holding import Holding, fingerprint
from edict.trust.limits import to_plain
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP, owner_of_role
from edict_cli import preparing, trusting
from edict_cli.store.metadata import signed, version_of
from edict_cli.store.workspace import Workspace

EARLY = timedelta(days=30)
EARLY_SNAPSHOT = timedelta(days=2)
"""A snapshot lives for seven days."""


class KeyEntry(msgspec.Struct, frozen=True):
    """One key of a role; ``here`` tells whether this workspace can sign with it."""

    fingerprint: str
    kind: str
    here: bool


class RoleEntry(msgspec.Struct, frozen=True):
    """One role. Its version is the highest of its files, its expiry the earliest; the timestamp is the hub's."""

    role: str
    version: int
    expires: datetime | None
    threshold: int
    keys: tuple[KeyEntry, ...]
    limits: dict[str, Any]
    warning: str


class PendingEntry(msgspec.Struct, frozen=True):
    """One role of the pending release; ``missing`` has the keys of which ``needed`` must still sign.

    ``keys`` is empty but for a root whose own keys change: it has one entry for its ``present keys`` and one for its
    ``new keys``, as both must sign.
    """

    role: str
    keys: str
    version: int
    signed: tuple[str, ...]
    threshold: int
    needed: int
    missing: tuple[str, ...]


class TrustStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What ``edict trust status -o json`` prints."""

    founded: bool
    release: int
    root_version: int
    roles: tuple[RoleEntry, ...]
    pending: tuple[PendingEntry, ...]
    retired: dict[str, str]


def status(workspace: Workspace) -> TrustStatus:
    """Look at a workspace.

    Raises:
        UsageError: EDICT0605 when it is damaged.
    """
    base, founded = workspace.repository.base(), workspace.repository.founded
    state = workspace.repository.state() if founded else None
    snapshot = state.snapshot if state else None
    held = base.holdings() if founded else preparing.holdings_after(base, workspace.pending.wanted())
    lives = _lives(base, snapshot)
    return TrustStatus(
        founded=founded,
        release=state.release if state else 0,
        root_version=state.root_version if state else 0,
        roles=tuple(_role(workspace, role, holding, lives.get(role)) for role, holding in held.items()),
        pending=tuple(_pending(workspace, base)),
        retired=dict(workspace.repository.retired()),
    )


def _lives(base: Base, snapshot: bytes | None) -> Mapping[str, tuple[int, datetime]]:
    """Return the highest version and the earliest expiry of each role's files."""
    found: dict[str, tuple[int, datetime]] = {}
    root, owners = base.read_root(), base.holdings()
    if root is not None:
        found[ROOT] = (root.version, root.expires)
    if snapshot is not None:
        read = signed(snapshot, Snapshot, SNAPSHOT)
        found[SNAPSHOT] = (read.version, read.expires)
    for role in base.targets:
        metadata, owner = base.read(role), owner_of_role(role, owners)
        if metadata is not None:
            version, expires = found.get(owner, (0, metadata.expires))
            found[owner] = (max(version, metadata.version), min(expires, metadata.expires))
    return found


def _role(workspace: Workspace, role: str, holding: Holding, life: tuple[int, datetime] | None) -> RoleEntry:
    here = {key.keyid for key in trusting.own_keys(workspace, role)}
    version, expires = life or (0, None)
    return RoleEntry(
        role=role,
        version=version,
        expires=expires,
        threshold=holding.threshold,
        keys=tuple(KeyEntry(fingerprint(key), key.keytype, key.keyid in here) for key in holding.keys),
        limits=to_plain(holding.limits),
        warning=_warning(workspace.session.now(), role, expires),
    )


def _warning(now: datetime, role: str, expires: datetime | None) -> str:
    if expires is None or role == TIMESTAMP:
        return ""
    if expires <= now:
        return "expired"
    if expires - now > (EARLY_SNAPSHOT if role == SNAPSHOT else EARLY):
        return ""
    days = (expires - now).days
    return f"expires in {days} days" if days != 1 else "expires in a day"


def _pending(workspace: Workspace, base: Base) -> Iterator[PendingEntry]:
    files = workspace.pending.roles()
    standings = preparing.standings_of(base, files, workspace.pending.snapshot())
    versions = {owner_of_role(role, base.holdings()): version_of(role, data) for role, data in files.items()}
    names = _root_keys(base, workspace.pending.wanted().holdings.get(ROOT))
    seen = set()
    for one in standings:
        entry = PendingEntry(
            role=one.owner,
            keys=names.get((one.role, frozenset(key.keyid for key in (*one.signed, *one.unsigned)), one.threshold), ""),
            version=versions.get(one.owner, one.version),
            signed=tuple(map(fingerprint, one.signed)),
            threshold=one.threshold,
            needed=max(0, one.threshold - len(one.signed)),
            missing=() if one.complete else tuple(map(fingerprint, one.unsigned)),
        )
        if (entry.role, entry.keys, entry.signed, entry.missing) not in seen:
            seen.add((entry.role, entry.keys, entry.signed, entry.missing))
            yield entry


def _root_keys(base: Base, after: Holding | None) -> dict[tuple[str, frozenset[str], int], str]:
    before = base.holdings().get(ROOT)
    if before is None or after is None or (before.keyids, before.threshold) == (after.keyids, after.threshold):
        return {}
    return {
        (ROOT, frozenset(one.keyids), one.threshold): name
        for one, name in ((before, "present keys"), (after, "new keys"))
    }
