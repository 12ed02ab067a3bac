"""The delegation graph: every role below targets is found, verified by its one delegator, and read.

The graph is closed: targets delegates to ``inventory``, ``waivers`` and ``policies/<team>``, a team delegates to its
hash bins, a bin to nobody; each with exactly the paths that its name says. Anything else rejects the release, because a
field that an old agent ignores could be a limit that a new author relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec
from tuf.api.metadata import DelegatedRole, Root, Snapshot, SuccinctRoles, Targets

from edict.errors import TrustError
from edict.trust import _check, limits, steps
from edict.trust.codes import Code
from edict.trust.limits import FIELD, UNLIMITED, Limits
from edict.trust.naming import documents_of, foreign, known_fields, names_nothing
from edict.trust.roles import FLAT, SNAPSHOT, TARGETS, delegated_paths, team_of
from edict.trust.state import Proof, Target

MAX_BIT_LENGTH = 12


@dataclass(frozen=True)
class Walked:
    """All roles below root's targets, and all that they name."""

    proofs: Mapping[str, Proof]
    documents: Mapping[str, Target]


def walk(
    root: Root,
    root_bytes: bytes,
    snapshot: Snapshot,
    held: Mapping[str, bytes],
    *,
    known: Mapping[str, Proof],
    now: datetime | None,
) -> Walked:
    """Verify targets and every delegated role of a snapshot.

    Args:
        root: the trusted root.
        root_bytes: its metadata.
        snapshot: the trusted snapshot: says which version and bytes each role has.
        held: metadata by role, not believed.
        known: what was verified before: a role is not verified again where neither its own bytes nor its delegator's
            have changed. Its description in the snapshot and its expiry are always judged.
        now: for expiry; None does not judge it.

    Raises:
        TrustError: EDICT02xx with the place of what does not hold.
    """
    walk_ = _Walk(snapshot, held, known, now)
    walk_.targets(root, root_bytes)
    return Walked(walk_.proofs, walk_.documents)


_Read: TypeAlias = Callable[[Targets], Mapping[str, Target]]


@dataclass
class _Walk:
    snapshot: Snapshot
    held: Mapping[str, bytes]
    known: Mapping[str, Proof]
    now: datetime | None
    proofs: dict[str, Proof] = field(default_factory=dict)
    documents: dict[str, Target] = field(default_factory=dict)

    def targets(self, root: Root, root_bytes: bytes) -> None:
        proof = self._load(root, root_bytes, TARGETS, _named_roles)
        top = _delegating(TARGETS, proof)
        for role, entry in _roles_of(top).items():
            allowed = _limits(top.version, role, entry.unrecognized_fields)
            if (team := team_of(role)) is not None:
                self._team(top, proof.data, role, team, allowed)
                continue
            self._load(top, proof.data, role, partial(documents_of, role, team="", allowed=allowed), allowed)

    def _team(self, top: Targets, top_bytes: bytes, role: str, team: str, allowed: Limits) -> None:
        proof = self._load(top, top_bytes, role, partial(_bins, role))
        delegator = _delegating(role, proof)
        bins = _bins_of(delegator)

        def read(bin_role: str, signed: Targets) -> Mapping[str, Target]:
            found = documents_of(bin_role, signed, team=team, allowed=allowed)
            for path in found:
                if bins.get_role_for_target(path) != bin_role:
                    raise foreign(bin_role, signed.version, path)
            return found

        for bin_role in bins.get_roles():
            self._load(delegator, proof.data, bin_role, partial(read, bin_role), allowed)

    def _load(
        self, delegator: Root | Targets, above: bytes, role: str, read: _Read, allowed: Limits = UNLIMITED
    ) -> Proof:
        if role in self.proofs:
            raise TrustError(
                Code.TWO_DELEGATORS, "two roles delegate to it", where=_check.place(role, self.proofs[role].version)
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
        _check.complete(role, meta)
        known = self.known.get(role)
        if known is not None and (known.data, known.above, known.allowed) == (data, above, allowed):
            _check.described(role, data, meta)
            if known.version != meta.version:
                raise _check.mixed(role, known.version, meta.version)
            _check.unexpired(role, known.version, known.expires, self.now)
            proof = known
        else:
            signed = steps.targets(delegator, role, meta, data, now=self.now)
            known_fields(role, signed.version, signed.unrecognized_fields)
            found = read(signed)
            own = signed if signed.delegations is not None else None
            proof = Proof(data, above, allowed, signed.version, signed.expires, found, own)
        self.proofs[role] = proof
        self.documents.update(proof.documents)
        return proof


def _named_roles(top: Targets) -> Mapping[str, Target]:
    """Check what targets delegates: each role that this version knows, with exactly its own paths."""
    names_nothing(TARGETS, top)
    delegations = top.delegations
    if delegations is None or delegations.roles is None or delegations.succinct_roles is not None:
        raise _check.shape(TARGETS, top.version, "it must delegate to named roles")
    known_fields(TARGETS, top.version, delegations.unrecognized_fields)
    for role, entry in delegations.roles.items():
        if not isinstance(role, str) or (role not in FLAT and team_of(role) is None):
            raise _check.shape(TARGETS, top.version, f"role {role} is not one that this version knows")
        if entry.paths != delegated_paths(role) or entry.path_hash_prefixes is not None:
            raise _check.shape(TARGETS, top.version, f"role {role} must own {role}/* alone")
        if not entry.terminating:
            raise _check.shape(TARGETS, top.version, f"role {role} must be terminating")
        _limits(top.version, role, entry.unrecognized_fields)
    return {}


def _bins(role: str, delegator: Targets) -> Mapping[str, Target]:
    """Check what a team delegates: a bounded number of bins of its own name."""
    names_nothing(role, delegator)
    delegations = delegator.delegations
    bins = delegations.succinct_roles if delegations is not None else None
    if delegations is None or bins is None or bins.name_prefix != role or bins.bit_length > MAX_BIT_LENGTH:
        raise _check.shape(
            role,
            delegator.version,
            f"it must delegate to at most {2**MAX_BIT_LENGTH} bins of its own name",
        )
    known_fields(role, delegator.version, delegations.unrecognized_fields)
    known_fields(role, delegator.version, bins.unrecognized_fields)
    return {}


def _delegating(role: str, proof: Proof) -> Targets:
    if proof.signed is None:
        raise _check.shape(role, proof.version, "it must delegate")
    return proof.signed


def _roles_of(top: Targets) -> Mapping[str, DelegatedRole]:
    delegations = top.delegations
    return {} if delegations is None or delegations.roles is None else delegations.roles


def _bins_of(delegator: Targets) -> SuccinctRoles:
    delegations = delegator.delegations
    if delegations is None or delegations.succinct_roles is None:
        raise _check.shape("?", delegator.version, "it must delegate to bins")
    return delegations.succinct_roles


def _limits(version: int, role: str, unknown: Mapping[str, Any]) -> Limits:
    known_fields(TARGETS, version, {name: 0 for name in unknown if name != FIELD})
    try:
        allowed = limits.from_plain(unknown[FIELD]) if FIELD in unknown else UNLIMITED
        if allowed.suit(role):
            return allowed
        raise _check.shape(TARGETS, version, f"role {role} cannot have such limits")
    except msgspec.ValidationError as error:
        raise _check.shape(TARGETS, version, f"the limits of role {role} are wrong: {error}") from None
