"""The delegation graph: every role below targets is found, verified by its one delegator, and read.

The graph is closed: targets delegates to ``inventory`` and ``policies/<team>``, a team delegates to its hash
bins, a bin to nobody; each with exactly the paths that its name says. Anything else rejects the release, because a
field that an old agent ignores could be a limit that a new author relied on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from tuf.api.metadata import Root, Snapshot, Targets

from edict.errors import TrustError
from edict.ids import Digest, is_dns_label
from edict.trust import _check, limits
from edict.trust.codes import Code
from edict.trust.custom import Custom, PolicyCustom, from_plain
from edict.trust.limits import FIELD, UNLIMITED, Limits
from edict.trust.roles import INVENTORY, SNAPSHOT, TARGETS, delegated_paths, team_of
from edict.trust.state import Target

MAX_BIT_LENGTH = 12
MAX_DOCUMENT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Walked:
    """All roles below root's targets, and all that they name."""

    versions: Mapping[str, int]
    documents: Mapping[str, Target]


def walk(root: Root, snapshot: Snapshot, held: Mapping[str, bytes], now: datetime | None) -> Walked:
    """Verify targets and every delegated role of a snapshot.

    Args:
        root: the trusted root.
        snapshot: the trusted snapshot: says which version and bytes each role has.
        held: metadata by role, not believed.
        now: for expiry; None does not judge it.

    Raises:
        TrustError: EDICT02xx with the place of what does not hold.
    """
    walk_ = _Walk(snapshot, held, now)
    walk_.targets(root)
    return Walked(walk_.versions, walk_.documents)


@dataclass
class _Walk:
    snapshot: Snapshot
    held: Mapping[str, bytes]
    now: datetime | None
    versions: dict[str, int] = field(default_factory=dict)
    documents: dict[str, Target] = field(default_factory=dict)

    def targets(self, root: Root) -> None:
        top = self._load(root, TARGETS)
        _names_nothing(TARGETS, top)
        delegations = top.delegations
        if delegations is None or delegations.roles is None or delegations.succinct_roles is not None:
            raise _check.shape(TARGETS, top.version, "it must delegate to named roles")
        _known(TARGETS, top.version, delegations.unrecognized_fields)
        for role, entry in delegations.roles.items():
            allowed = _limits(top.version, role, entry.unrecognized_fields)
            if entry.paths != delegated_paths(role) or entry.path_hash_prefixes is not None:
                raise _check.shape(TARGETS, top.version, f"role {role} must own {role}/* alone")
            if not entry.terminating:
                raise _check.shape(TARGETS, top.version, f"role {role} must be terminating")
            team = team_of(role)
            if role == INVENTORY:
                inventory = self._load(top, role)
                _no_delegation(role, inventory)
                if allowed != UNLIMITED:
                    raise _check.shape(TARGETS, top.version, f"role {role} cannot have limits")
                self.documents.update(_documents(role, inventory, team="", allowed=UNLIMITED))
            elif team is not None:
                self._team(top, team, role, allowed)
            else:
                raise _check.shape(TARGETS, top.version, f"role {role} is not one that this version knows")

    def _team(self, top: Targets, team: str, role: str, allowed: Limits) -> None:
        delegator = self._load(top, role)
        _names_nothing(role, delegator)
        delegations = delegator.delegations
        bins = delegations.succinct_roles if delegations is not None else None
        if delegations is None or bins is None or bins.name_prefix != role or bins.bit_length > MAX_BIT_LENGTH:
            raise _check.shape(
                role,
                delegator.version,
                f"it must delegate to at most {2**MAX_BIT_LENGTH} bins of its own name",
            )
        _known(role, delegator.version, delegations.unrecognized_fields)
        _known(role, delegator.version, bins.unrecognized_fields)
        for bin_role in bins.get_roles():
            metadata = self._load(delegator, bin_role)
            _no_delegation(bin_role, metadata)
            for path, target in _documents(bin_role, metadata, team=team, allowed=allowed).items():
                if bins.get_role_for_target(path) != bin_role:
                    raise _foreign(bin_role, metadata.version, path)
                self.documents[path] = target

    def _load(self, delegator: Root | Targets, role: str) -> Targets:
        if role in self.versions:
            raise TrustError(
                Code.TWO_DELEGATORS, "two roles delegate to it", where=_check.place(role, self.versions[role])
            )
        meta = self.snapshot.meta.get(f"{role}.json")
        if meta is None:
            raise TrustError(
                Code.LEFT_OUT,
                f"the snapshot leaves out role {role}, which is delegated",
                where=_check.place(SNAPSHOT, self.snapshot.version),
            )
        data = self.held.get(role)
        if data is None:
            raise _check.missing(role, meta.version)
        _check.described(role, data, meta)
        metadata = _check.parse(role, data, Targets)
        _check.signatures(delegator, role, metadata)
        if metadata.signed.version != meta.version:
            raise _check.mixed(role, metadata.signed.version, meta.version)
        _check.unexpired(role, metadata.signed, self.now)
        _known(role, meta.version, metadata.signed.unrecognized_fields)
        self.versions[role] = meta.version
        return metadata.signed


def _documents(role: str, signed: Targets, *, team: str, allowed: Limits) -> dict[str, Target]:
    prefix = f"policies/{team}/" if team else f"{INVENTORY}/"
    found: dict[str, Target] = {}
    for path, entry in signed.targets.items():
        name = path.removeprefix(prefix)
        if not path.startswith(prefix) or not is_dns_label(name):
            raise _foreign(role, signed.version, path)
        custom = _custom(role, signed.version, path, entry.custom)
        if isinstance(custom, PolicyCustom) != bool(team):
            raise _check.shape(role, signed.version, f"{path} is described as another kind of document")
        _known(role, signed.version, {key: 0 for key in entry.unrecognized_fields if key != "custom"})
        digest = entry.hashes.get("sha256", "")
        if set(entry.hashes) != {"sha256"} or not _check.SHA256.fullmatch(digest):
            raise _check.shape(role, signed.version, f"{path} must have a SHA-256 and no other digest")
        if entry.length > MAX_DOCUMENT_BYTES:
            raise _check.shape(role, signed.version, f"{path} is larger than {MAX_DOCUMENT_BYTES} bytes")
        found[path] = Target(
            path=path,
            role=role,
            digest=Digest(digest),
            length=entry.length,
            kind="FederatedNetworkPolicy" if team else "ManagedCluster",
            team=team,
            name=name,
            custom=custom,
            limits=allowed,
        )
    return found


def _limits(version: int, role: str, unknown: Mapping[str, Any]) -> Limits:
    _known(TARGETS, version, {name: 0 for name in unknown if name != FIELD})
    try:
        return limits.from_plain(unknown[FIELD]) if FIELD in unknown else UNLIMITED
    except msgspec.ValidationError as error:
        raise _check.shape(TARGETS, version, f"the limits of role {role} are wrong: {error}") from None


def _custom(role: str, version: int, path: str, plain: Any) -> Custom:
    try:
        return from_plain(plain)
    except msgspec.ValidationError as error:
        raise _check.shape(role, version, f"the custom field of {path} is wrong: {error}") from None


def _names_nothing(role: str, signed: Targets) -> None:
    if signed.targets:
        raise _foreign(role, signed.version, next(iter(signed.targets)))


def _no_delegation(role: str, signed: Targets) -> None:
    if signed.delegations is not None:
        raise _check.shape(role, signed.version, "it may not delegate")


def _known(role: str, version: int, unknown: Mapping[str, Any]) -> None:
    if unknown:
        raise _check.shape(
            role, version, f"this version does not know the field {next(iter(unknown))!r} of a delegation"
        )


def _foreign(role: str, version: int, path: str) -> TrustError:
    return TrustError(
        Code.FOREIGN_PATH,
        f"it names {path!r}, which is not its own to name",
        where=_check.place(role, version),
        remedy="have the role that owns this path sign it",
    )
