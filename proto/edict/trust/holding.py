"""Who signs a role: its public keys, how many of them must sign, and what a team's policies may say.

The keys of root, targets, snapshot and timestamp stand in the root, those of all others in targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from securesystemslib.signer import Key
from tuf.api.metadata import DelegatedRole, Delegations, Role, Root, Targets

from edict.errors import TrustError
from edict.trust import _check, limits, receipts
from edict.trust.codes import Code
from edict.trust.limits import FIELD, UNLIMITED, Limits
from edict.trust.roles import FLAT, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, clashing, delegated_paths, team_of

ROOT_ROLES = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
"""The roles whose keys stand in the root."""


@dataclass(frozen=True)
class Holding:
    """The keys of one role.

    Attributes:
        keys: in the order of their ids, each public key once.
        threshold: how many of them must sign.
        limits: of a team; nothing else has any.
    """

    keys: tuple[Key, ...]
    threshold: int = 1
    limits: Limits = UNLIMITED

    def __post_init__(self) -> None:
        """Put the keys in order.

        Raises:
            TrustError: EDICT0216 when the threshold is below 1 or above the number of keys; EDICT0203 when a public key
                stands there twice.
        """
        if not 1 <= self.threshold <= len(self.keys):
            raise TrustError(
                Code.THRESHOLD,
                f"{self.threshold} of {len(self.keys)} keys cannot sign",
                remedy="choose a threshold from 1 to the number of keys",
            )
        if len({_check.material(key) for key in self.keys}) != len(self.keys):
            raise TrustError(Code.KEY_TWICE, "one public key is given twice", remedy="give each key once")
        object.__setattr__(self, "keys", tuple(sorted(self.keys, key=lambda key: key.keyid)))

    @property
    def keyids(self) -> list[str]:
        """The ids of the keys."""
        return [key.keyid for key in self.keys]


def fingerprint(key: Key) -> str:
    """Return what a person compares: ``SHA256:`` and the base64 digest of the public key, however it is spelled."""
    return receipts.fingerprint(_check.material(key))


def holdings_of(root: Root | None, top: Targets | None) -> dict[str, Holding]:
    """Return who signs each role that the root and the targets metadata name; the bins of a team are the team's.

    Raises:
        TrustError: EDICT0216, 0203 or 0214 where metadata that was never verified asks for what cannot be.
    """
    found = {}
    if root is not None:
        for role, entry in root.roles.items():
            found[role] = Holding(_keys(root.keys, entry), entry.threshold)
    delegations = top.delegations if top is not None else None
    if delegations is not None:
        for role, entry in (delegations.roles or {}).items():
            found[role] = Holding(_keys(delegations.keys, entry), entry.threshold, _limits(role, entry))
    return found


def put_in_root(root: Root, present: Mapping[str, Holding], wanted: Mapping[str, Holding | None]) -> None:
    """Change who signs the roles of a root; keys that no role uses any more leave it.

    Args:
        root: changed in place.
        present: who signs its roles now; empty at the founding.
        wanted: who is to sign; roles that do not stand in a root are passed over.
    """
    held = dict(present)
    for role in ROOT_ROLES:
        holding = wanted.get(role)
        if holding is not None and holding != present.get(role):
            held[role] = holding
            root.roles[role] = Role(holding.keyids, holding.threshold)
    root.keys = {key.keyid: key for _, holding in sorted(held.items()) for key in holding.keys}


def put_in_targets(top: Targets, wanted: Mapping[str, Holding | None]) -> None:
    """Change who signs the roles that targets delegates to; None takes a role away.

    Raises:
        TrustError: EDICT0214 for a role or limits that no agent would take, and for a team that has the name which a
            bin of another may have.
    """
    delegations = top.delegations
    if delegations is None or delegations.roles is None:
        raise _check.shape(TARGETS, top.version, "it must delegate to named roles")
    held = holdings_of(None, top)
    roles = dict(delegations.roles)
    for role, holding in sorted(wanted.items()):
        if role in ROOT_ROLES or holding == held.get(role):
            continue
        if holding is None:
            del roles[role], held[role]
            continue
        if team_of(role) is None and role not in FLAT:
            raise _check.shape(TARGETS, top.version, f"role {_check.clipped(role)} is not one that this version knows")
        if not holding.limits.suit(role):
            raise _check.shape(TARGETS, top.version, f"role {role} cannot have these limits")
        held[role] = holding
        roles[role] = _entry(role, holding)
    for role in roles:
        other = clashing(role, roles)
        if other is not None:
            raise _check.shape(
                role, "?", f"team {team_of(role)!r} has the name of a bin of {team_of(other)!r}; choose another"
            )
    keys = {key.keyid: key for _, holding in sorted(held.items()) for key in holding.keys}
    top.delegations = Delegations(keys, roles)


def _entry(role: str, holding: Holding) -> DelegatedRole:
    plain = limits.to_plain(holding.limits)
    fields = {FIELD: plain} if plain else {}
    return DelegatedRole(
        role,
        holding.keyids,
        holding.threshold,
        terminating=True,
        paths=delegated_paths(role),
        unrecognized_fields=fields,
    )


def _limits(role: str, entry: DelegatedRole) -> Limits:
    plain = entry.unrecognized_fields.get(FIELD)
    try:
        return UNLIMITED if plain is None else limits.from_plain(plain)
    except msgspec.ValidationError as error:
        raise _check.shape(TARGETS, "?", f"the limits of role {role} are wrong: {_check.clipped(error)}") from None


def _keys(keys: Mapping[str, Key], role: Role) -> tuple[Key, ...]:
    return tuple(keys[keyid] for keyid in role.keyids if keyid in keys)
