"""What authors sign: new metadata on top of what is trusted. Pure: bytes in, bytes out; keys are passed in.

Only what changed gets a new version: a release that touches one policy has one new bin and one new snapshot. What
several keys must sign, and what changes who signs, goes through :mod:`edict.trust.drafting` and
:mod:`edict.trust.cosigning`, of which these are the short ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets

from edict.trust import _check
from edict.trust._sign import sign
from edict.trust.cosigning import encoded
from edict.trust.describing import Change, bins_of, put, until
from edict.trust.drafting import TARGETS_LIFETIME, Base, Wish, draft
from edict.trust.holding import Holding
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, owner_of_role, team_of, team_role

__all__ = ["Change", "RootKeys", "change", "draft_snapshot", "initial", "roles_of", "snapshot"]
SNAPSHOT_LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class RootKeys:
    """The signers of a new federation that one person founds. Each role has a key of its own."""

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
    signers = {
        ROOT: keys.root,
        TARGETS: keys.targets,
        SNAPSHOT: keys.snapshot,
        TIMESTAMP: keys.timestamp,
        INVENTORY: keys.inventory,
        **{team_role(team): signer for team, signer in keys.teams.items()},
    }
    holdings = {role: Holding((signer.public_key,)) for role, signer in signers.items()}
    made = {}
    for role, metadata in draft(Base(), Wish(holdings), now).items():
        sign(metadata, signers[owner_of_role(role, signers)])
        made[role] = encoded(metadata)
    described = {role: data for role, data in made.items() if role != ROOT}
    made[SNAPSHOT] = snapshot(described, keys.snapshot, version=1, now=now)
    return made


def change(
    targets: Mapping[str, bytes], owner: str, changes: Sequence[Change], signer: Signer, now: datetime
) -> dict[str, bytes]:
    """Sign changes of documents into the role, or the bins, that own their paths; a team keeps the bins that it has.

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
    made = {}
    for role, items in by_role.items():
        metadata = Metadata(_check.parse(role, targets[role], Targets).signed)
        for item in items:
            put(metadata.signed.targets, item)
        metadata.signed.version += 1
        metadata.signed.expires = until(now, TARGETS_LIFETIME)
        sign(metadata, signer)
        made[role] = encoded(metadata)
    return made


def draft_snapshot(
    targets: Mapping[str, bytes], *, version: int, now: datetime, before: Snapshot | None = None
) -> Metadata[Snapshot]:
    """Make the set of all targets roles as one release, unsigned.

    Args:
        targets: metadata by role, ``targets`` and every delegated role.
        version: the number of the release.
        now: the snapshot expires 7 days later.
        before: the snapshot of the release before. A role of it that is no more (of a team that was removed, a bin of
            a team that grew) is carried forward as it was: agents refuse a snapshot from which a role is gone.
    """
    meta = dict(before.meta) if before is not None else {}
    for role, data in targets.items():
        meta[f"{role}.json"] = MetaFile.from_data(_check.parse(role, data, Targets).signed.version, data, ["sha256"])
    return Metadata(Snapshot(version=version, expires=until(now, SNAPSHOT_LIFETIME), meta=dict(sorted(meta.items()))))


def snapshot(
    targets: Mapping[str, bytes], signer: Signer, *, version: int, now: datetime, before: Snapshot | None = None
) -> bytes:
    """Sign the set of all targets roles as one release; see :func:`draft_snapshot`."""
    metadata = draft_snapshot(targets, version=version, now=now, before=before)
    sign(metadata, signer)
    return encoded(metadata)


def roles_of(targets: Mapping[str, bytes]) -> Iterable[str]:
    """Yield the owners that documents can be signed for: ``inventory`` and each ``policies/<team>``."""
    delegations = _check.parse(TARGETS, targets[TARGETS], Targets).signed.delegations
    return () if delegations is None or delegations.roles is None else tuple(delegations.roles)


def _role_for(targets: Mapping[str, bytes], owner: str, path: str) -> str:
    if team_of(owner) is None:
        return owner
    bins = bins_of(_check.parse(owner, targets[owner], Targets).signed)
    if bins is None:
        raise _check.shape(owner, "?", "it has no bins")
    return bins.get_role_for_target(path)
