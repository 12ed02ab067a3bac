"""What a targets role names: documents on paths of its own, each described as its kind must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from tuf.api.metadata import Targets

from edict.errors import DocumentError, TrustError
from edict.ids import Digest, is_dns_label
from edict.policy.validate import policy_id
from edict.trust import _check
from edict.trust.codes import Code
from edict.trust.custom import ClusterCustom, Custom, PolicyCustom, WaiverCustom, from_plain
from edict.trust.limits import Limits
from edict.trust.roles import INVENTORY, WAIVERS
from edict.trust.state import Kind, Target

MAX_DOCUMENT_BYTES = 256 * 1024
_POLICY: tuple[Kind, type[Custom]] = ("FederatedNetworkPolicy", PolicyCustom)
_FLAT: Mapping[str, tuple[Kind, type[Custom]]] = {
    INVENTORY: ("ManagedCluster", ClusterCustom),
    WAIVERS: ("Waiver", WaiverCustom),
}


def documents_of(role: str, signed: Targets, *, team: str, allowed: Limits) -> dict[str, Target]:
    """Return what a role without delegations names, by path.

    Args:
        role: its name.
        signed: verified.
        team: whose policies they are; empty for the inventory and the waivers.
        allowed: the role's limits.

    Raises:
        TrustError: EDICT0213 for a path that is not its own, EDICT0214 for a description that is not as it must be, or
            a policy that cannot be called so on a cluster.
    """
    if signed.delegations is not None:
        raise _check.shape(role, signed.version, "it may not delegate")
    prefix = f"policies/{team}/" if team else f"{role}/"
    kind, described = _POLICY if team else _FLAT[role]
    found: dict[str, Target] = {}
    for path, entry in signed.targets.items():
        name = path.removeprefix(prefix)
        if not path.startswith(prefix) or not is_dns_label(name):
            raise foreign(role, signed.version, path)
        if team:
            _fits(role, signed.version, team, name)
        custom = _custom(role, signed.version, path, entry.custom)
        if not isinstance(custom, described):
            raise _check.shape(role, signed.version, f"{path} is described as another kind of document")
        known_fields(role, signed.version, {key: 0 for key in entry.unrecognized_fields if key != "custom"})
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
            kind=kind,
            team=team,
            name=name,
            custom=custom,
            limits=allowed,
        )
    return found


def names_nothing(role: str, signed: Targets) -> None:
    """Check that a role that delegates names no document itself. Raises TrustError EDICT0213."""
    if signed.targets:
        raise foreign(role, signed.version, next(iter(signed.targets)))


def known_fields(role: str, version: int, unknown: Mapping[str, Any]) -> None:
    """Refuse a field that this version does not know: it could be a limit that a newer author relies on.

    Raises:
        TrustError: EDICT0214.
    """
    if unknown:
        raise _check.shape(
            role, version, f"this version does not know the field {next(iter(unknown))!r} of a delegation"
        )


def foreign(role: str, version: int, path: str) -> TrustError:
    """Return EDICT0213: a role names what is not its own to name."""
    return TrustError(
        Code.FOREIGN_PATH,
        f"it names {path!r}, which is not its own to name",
        where=_check.place(role, version),
        remedy="have the role that owns this path sign it",
    )


def _fits(role: str, version: int, team: str, name: str) -> None:
    """Refuse a name that no object on a cluster can carry, and that of the built-in policy, which stops every plan."""
    try:
        policy_id(team, name)
    except DocumentError as error:
        raise _check.shape(role, version, error.what) from None


def _custom(role: str, version: int, path: str, plain: Any) -> Custom:
    try:
        return from_plain(plain)
    except msgspec.ValidationError as error:
        raise _check.shape(role, version, f"the custom field of {path} is wrong: {error}") from None
