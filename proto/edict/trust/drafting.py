"""The next version of all that a wish changes, not yet signed: one function of what is trusted and what is wanted.

Whoever is asked for a signature makes the same draft from what was shown, and compares it with what was sent: there is
nothing in a draft that does not follow from the release before and the wish.

Only what changes gets a new version. A role is also made anew, with the same content, where its own signatures no
longer reach what its new holders ask for. A version is always one above the highest that the name ever had, also for a
bin that comes back when a team grows and for a team that was removed and is made again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from tuf.api.metadata import Delegations, Metadata, Root, SuccinctRoles, TargetFile, Targets

from edict.trust import _check
from edict.trust.bins import FIRST_BITS, Load, bits_for
from edict.trust.describing import Change, bins_of, put, until
from edict.trust.holding import Holding, holdings_of, put_in_root, put_in_targets
from edict.trust.roles import ROOT, TARGETS, team_of

ROOT_LIFETIME = timedelta(days=365)
TARGETS_LIFETIME = timedelta(days=365)
Drafted: TypeAlias = Metadata[Root] | Metadata[Targets]


@dataclass(frozen=True)
class Base:
    """What is trusted: the root, every role below it, and the version of every role that ever was in a release."""

    root: bytes | None = None
    targets: Mapping[str, bytes] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def read_root(self) -> Root | None:
        """Return the root, None before the founding."""
        return None if self.root is None else _check.parse(ROOT, self.root, Root).signed

    def read(self, role: str) -> Targets | None:
        """Return a role's metadata, None where there is none."""
        data = self.targets.get(role)
        return None if data is None else _check.parse(role, data, Targets).signed

    def holdings(self) -> dict[str, Holding]:
        """Return who signs each role."""
        return holdings_of(self.read_root(), self.read(TARGETS))


@dataclass(frozen=True)
class Wish:
    """What authors want of the next release.

    Attributes:
        holdings: who signs a role from now on; None takes a team away, with its policies.
        changes: documents, each at a path of a role that is there then.
        renew: roles that are signed again for their expiry alone; a team's name stands for its bins too.
        root_fields: fields of the root that are Edict's own, such as the hub's authorities; None takes one away.
    """

    holdings: Mapping[str, Holding | None] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    renew: frozenset[str] = frozenset()
    root_fields: Mapping[str, Any] = field(default_factory=dict)


def draft(base: Base, wish: Wish, now: datetime) -> dict[str, Drafted]:
    """Make the next version of what a wish changes, unsigned.

    Args:
        base: what is trusted.
        wish: what is wanted.
        now: for expiries.

    Returns:
        metadata by role, the roles in the order in which they vouch for each other; empty where nothing changes.

    Raises:
        TrustError: EDICT0214 when a document has no role to stand in, or a team the name of a bin.
    """
    drafting = _Drafting(base, wish, now)
    root = drafting.root()
    drafting.targets(root)
    return drafting.made


class _Drafting:
    def __init__(self, base: Base, wish: Wish, now: datetime) -> None:
        self._base = base
        self._wish = wish
        self._now = now
        self._changes: dict[str, list[Change]] = {}
        for change in wish.changes:
            self._changes.setdefault(change.path.rpartition("/")[0], []).append(change)
        self.made: dict[str, Drafted] = {}

    def root(self) -> Root:
        before = self._base.read_root()
        after = copy.deepcopy(before) or Root(version=1, consistent_snapshot=True)
        put_in_root(after, holdings_of(before, None), self._wish.holdings)
        for name, value in self._wish.root_fields.items():
            after.unrecognized_fields[name] = value
            if value is None:
                del after.unrecognized_fields[name]
        if after != before or ROOT in self._wish.renew:
            after.version = before.version + 1 if before else 1
            after.expires = until(self._now, ROOT_LIFETIME)
            self.made[ROOT] = Metadata(after)
        return after

    def targets(self, root: Root) -> None:
        before = self._base.read(TARGETS)
        top = copy.deepcopy(before) or Targets(delegations=Delegations({}, {}))
        put_in_targets(top, self._wish.holdings)
        if before is None or top.delegations != before.delegations or self._due(root, TARGETS):
            self._make(TARGETS, top)
        holdings = holdings_of(None, top)
        for owner in self._changes.keys() - holdings.keys():
            raise _check.shape(TARGETS, top.version, f"it delegates to no role {owner!r}")
        for role, holding in holdings.items():
            if team_of(role) is None:
                self._flat(top, role)
            else:
                self._team(top, role, holding, holdings)

    def _flat(self, top: Targets, role: str) -> None:
        before = self._base.read(role)
        after = copy.deepcopy(before) or Targets()
        for change in self._changes.get(role, ()):
            put(after.targets, change)
        if before is None or after.targets != before.targets or self._due(top, role):
            self._make(role, after)

    def _team(self, top: Targets, role: str, holding: Holding, holdings: Mapping[str, Holding]) -> None:
        before = self._base.read(role)
        changes = self._changes.get(role, [])
        if before is not None and not changes and role not in {*self._wish.holdings, *self._wish.renew}:
            return
        present = bins_of(before)
        documents = self._documents(present)
        for change in changes:
            put(documents, change)
        bits = present.bit_length if present else FIRST_BITS
        if changes:
            loads = {name: self._load(name) for name in holdings if team_of(name) is not None}
            bits = bits_for(role, {**loads, role: Load(len(documents), bits)})
        bins = SuccinctRoles(holding.keyids, holding.threshold, bits, role)
        keys = {key.keyid: key for key in holding.keys}
        after = Targets(delegations=Delegations(keys, succinct_roles=bins))
        if before is None or after.delegations != before.delegations or self._due(top, role):
            self._make(role, after)
        self._bins(role, after, bins, documents, same=present is not None and present.bit_length == bits)

    def _bins(
        self, role: str, delegator: Targets, bins: SuccinctRoles, documents: Mapping[str, TargetFile], *, same: bool
    ) -> None:
        content: dict[str, dict[str, TargetFile]] = {name: {} for name in bins.get_roles()}
        for path, entry in documents.items():
            content[bins.get_role_for_target(path)][path] = entry
        for name, entries in content.items():
            before = self._base.read(name) if same else None
            renewed = role in self._wish.renew
            if before is None or before.targets != entries or renewed or self._due(delegator, name, owner=role):
                self._make(name, Targets(targets=entries))

    def _due(self, delegator: Root | Targets, role: str, owner: str = "") -> bool:
        """Tell whether a role must be signed again though it says the same."""
        if role in self._wish.renew:
            return True
        data = self._base.targets.get(role)
        if data is None or (owner or role) not in self._wish.holdings:
            return False
        metadata = _check.parse(role, data, Targets)
        return not delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)

    def _documents(self, bins: SuccinctRoles | None) -> dict[str, TargetFile]:
        found: dict[str, TargetFile] = {}
        for name in bins.get_roles() if bins else ():
            metadata = self._base.read(name)
            found |= metadata.targets if metadata else {}
        return found

    def _load(self, role: str) -> Load:
        bins = bins_of(self._base.read(role))
        return Load(len(self._documents(bins)), bins.bit_length if bins else FIRST_BITS)

    def _make(self, role: str, signed: Targets) -> None:
        present = self._base.read(role)
        highest = max(self._base.versions.get(role, 0), present.version if present else 0)
        signed.version = highest + 1
        signed.expires = until(self._now, TARGETS_LIFETIME)
        self.made[role] = Metadata(signed)
