"""What targets metadata says of documents and of the roles below it: putting it there, and reading it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuf.api.metadata import SuccinctRoles, TargetFile, Targets

from edict.policy.documents import AnyDocument
from edict.trust import _check
from edict.trust.bins import MOST_BITS
from edict.trust.custom import custom_of, to_plain
from edict.trust.holding import holdings_of
from edict.trust.roles import TARGETS


@dataclass(frozen=True)
class Change:
    """One document put at a path, or with ``content=None`` taken away."""

    path: str
    content: bytes | None
    document: AnyDocument | None


def put(targets: dict[str, TargetFile], change: Change) -> None:
    """Describe a document in a role's targets, with the copy of its placement, or take it out."""
    if change.content is None or change.document is None:
        targets.pop(change.path, None)
        return
    entry = TargetFile.from_data(change.path, change.content, ["sha256"])
    entry.unrecognized_fields = {"custom": to_plain(custom_of(change.document))}
    if targets.get(change.path) != entry:
        targets[change.path] = entry


def bins_of(delegator: Targets | None) -> SuccinctRoles | None:
    """Return the bins that a team's role delegates to."""
    delegations = delegator.delegations if delegator is not None else None
    return delegations.succinct_roles if delegations is not None else None


def delegated(targets: Mapping[str, bytes]) -> list[str]:
    """Return ``targets`` and every role that it delegates to, bins included, whether it is in a set or not.

    Raises:
        TrustError: EDICT0201 when one of them cannot be read.
    """
    top = _check.parse(TARGETS, targets[TARGETS], Targets).signed
    names = [TARGETS]
    for role in holdings_of(None, top):
        names.append(role)
        bins = bins_of(_check.parse(role, targets[role], Targets).signed) if role in targets else None
        names += bins.get_roles() if bins and bins.bit_length <= MOST_BITS else ()
    return names


def alive(targets: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return targets and the roles that it delegates to, of a set that may have others or lack some.

    Raises:
        TrustError: EDICT0201 when one of them cannot be read.
    """
    return {name: targets[name] for name in delegated(targets) if name in targets}


def until(now: datetime, lifetime: timedelta) -> datetime:
    """Return an expiry; TUF has no microseconds."""
    return (now + lifetime).replace(microsecond=0)
