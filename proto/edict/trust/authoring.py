"""What authors sign: new metadata on top of what is trusted. Pure: bytes in, bytes out; keys are passed in.

Only what changed gets a new version: a release that touches one policy has one new bin and one new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
)
from tuf.api.serialization.json import JSONSerializer

from edict.policy.documents import AnyDocument
from edict.trust import _check
from edict.trust.custom import custom_of, to_plain
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, delegated_paths, team_of, team_role

ROOT_LIFETIME = timedelta(days=365)
TARGETS_LIFETIME = timedelta(days=365)
SNAPSHOT_LIFETIME = timedelta(days=7)
TIMESTAMP_LIFETIME = timedelta(days=1)
BIN_BITS = 4
"""16 bins a team: a bin of 10,000 policies stays near 200 KB, a release of none near 16 small files."""


@dataclass(frozen=True)
class Change:
    """One document put at a path, or with ``content=None`` taken away."""

    path: str
    content: bytes | None
    document: AnyDocument | None


@dataclass(frozen=True)
class RootKeys:
    """The signers of a new federation. Each role has a key of its own."""

    root: Signer
    targets: Signer
    inventory: Signer
    snapshot: Signer
    timestamp: Signer
    teams: Mapping[str, Signer]


def initial(keys: RootKeys, now: datetime) -> dict[str, bytes]:
    """Make version 1 of every role but the timestamp: root, targets, teams with their empty bins, inventory, snapshot.

    Returns:
        metadata by role.
    """
    root = Root(version=1, expires=_until(now, ROOT_LIFETIME), consistent_snapshot=True)
    for role, signer in (
        (ROOT, keys.root),
        (TARGETS, keys.targets),
        (SNAPSHOT, keys.snapshot),
        (TIMESTAMP, keys.timestamp),
    ):
        root.add_key(signer.public_key, role)
    until = _until(now, TARGETS_LIFETIME)
    made = {ROOT: _sealed(Metadata(root), keys.root)}
    made[INVENTORY] = _sealed(Metadata(Targets(version=1, expires=until)), keys.inventory)
    delegations = Delegations(keys={}, roles={})
    top = Targets(version=1, expires=until, delegations=delegations)
    _delegate(top, INVENTORY, keys.inventory)
    for team, signer in sorted(keys.teams.items()):
        role = team_role(team)
        _delegate(top, role, signer)
        bins = SuccinctRoles([], 1, BIN_BITS, role)
        delegator = Targets(version=1, expires=until, delegations=Delegations(keys={}, succinct_roles=bins))
        delegator.add_key(signer.public_key)
        made[role] = _sealed(Metadata(delegator), signer)
        for name in bins.get_roles():
            if team_of(name) in keys.teams:
                raise _check.shape(name, 1, f"team {team_of(name)!r} has the name of a bin of {team!r}; choose another")
            made[name] = _sealed(Metadata(Targets(version=1, expires=until)), signer)
    made[TARGETS] = _sealed(Metadata(top), keys.targets)
    described = {role: data for role, data in made.items() if role != ROOT}
    made[SNAPSHOT] = snapshot(described, keys.snapshot, version=1, now=now)
    return made


def change(
    targets: Mapping[str, bytes], owner: str, changes: Sequence[Change], signer: Signer, now: datetime
) -> dict[str, bytes]:
    """Sign changes of documents into the role, or the bins, that own their paths.

    Args:
        targets: the present metadata by role.
        owner: ``inventory`` or ``policies/<team>``.
        changes: documents put or taken away; their paths must be the owner's.
        signer: the owner's key.
        now: for the new expiry.

    Returns:
        new metadata of the roles that changed, each one version above the present.

    Raises:
        TrustError: EDICT0201 when the present metadata cannot be read.
    """
    by_role: dict[str, list[Change]] = {}
    for item in changes:
        by_role.setdefault(_role_for(targets, owner, item.path), []).append(item)
    return {
        role: _changed(_check.parse(role, targets[role], Targets), items, signer, now)
        for role, items in by_role.items()
    }


def snapshot(targets: Mapping[str, bytes], signer: Signer, *, version: int, now: datetime) -> bytes:
    """Sign the set of all targets roles as one release.

    Args:
        targets: metadata by role, ``targets`` and every delegated role.
        signer: the publisher's key.
        version: the number of the release.
        now: the snapshot expires 7 days later.
    """
    meta = {
        f"{role}.json": MetaFile.from_data(_check.parse(role, data, Targets).signed.version, data, ["sha256"])
        for role, data in sorted(targets.items())
    }
    signed = Snapshot(version=version, expires=_until(now, SNAPSHOT_LIFETIME), meta=meta)
    return _sealed(Metadata(signed), signer)


def roles_of(targets: Mapping[str, bytes]) -> Iterable[str]:
    """Yield the owners that documents can be signed for: ``inventory`` and each ``policies/<team>``."""
    delegations = _check.parse(TARGETS, targets[TARGETS], Targets).signed.delegations
    return () if delegations is None or delegations.roles is None else tuple(delegations.roles)


def _changed(metadata: Metadata[Targets], items: Sequence[Change], signer: Signer, now: datetime) -> bytes:
    signed = metadata.signed
    for item in items:
        if item.content is None or item.document is None:
            signed.targets.pop(item.path, None)
            continue
        entry = TargetFile.from_data(item.path, item.content, ["sha256"])
        entry.unrecognized_fields = {"custom": to_plain(custom_of(item.document))}
        signed.targets[item.path] = entry
    signed.version += 1
    signed.expires = _until(now, TARGETS_LIFETIME)
    return _sealed(metadata, signer)


def _role_for(targets: Mapping[str, bytes], owner: str, path: str) -> str:
    if owner == INVENTORY:
        return INVENTORY
    delegations = _check.parse(owner, targets[owner], Targets).signed.delegations
    if delegations is None or delegations.succinct_roles is None:
        raise _check.shape(owner, "?", "it has no bins")
    return delegations.succinct_roles.get_role_for_target(path)


def _delegate(top: Targets, role: str, signer: Signer) -> None:
    delegations = top.delegations
    if delegations is None or delegations.roles is None:
        raise _check.shape(TARGETS, top.version, "it must delegate to named roles")
    delegations.roles[role] = DelegatedRole(role, [], 1, terminating=True, paths=delegated_paths(role))
    top.add_key(signer.public_key, role)


def _sealed(metadata: Metadata[Root] | Metadata[Targets] | Metadata[Snapshot], signer: Signer) -> bytes:
    metadata.sign(signer)
    return metadata.to_bytes(JSONSerializer(compact=True))


def _until(now: datetime, lifetime: timedelta) -> datetime:
    return (now + lifetime).replace(microsecond=0)
