"""From documents to signed pending metadata, always made from the last known release: signing twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum

import msgspec

from edict.errors import UsageError
from edict.ids import Digest
from edict.policy.parse import load_one
from edict.trust.holding import Holding
from edict.trust.roles import INVENTORY, WAIVERS, team_of, waiver_path
from edict.trust.state import TrustState
from edict_cli import limiting, waivers
from edict_cli.codes import Code
from edict_cli.preparing import documents_of, holdings_after, prepare, still_wanted
from edict_cli.store.workspace import Workspace


class Difference(StrEnum):
    """What signing a document changed."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


class Signed(msgspec.Struct, frozen=True):
    """One document, and what signing it changed against what was signed or published before."""

    document: str
    """Its path: ``policies/<team>/<name>``, ``inventory/<cluster>`` or ``waivers/<waiver>``."""
    change: Difference
    digest: str


def sign(workspace: Workspace, contents: Mapping[str, bytes | None]) -> list[Signed]:
    """Sign documents into the pending release, or take them out.

    Args:
        workspace: locked by the caller.
        contents: the canonical bytes of each document by its path; None takes it away.

    Raises:
        UsageError: EDICT0608 for a team that the federation does not have or of which no key is here, EDICT0612 when a
            document to be taken away is not there, EDICT0630 before the federation is founded.
        TrustError: EDICT0215 when a policy or a waiver says what its role may not say.
        DocumentError: EDICT0153 for a waiver that has ended.
    """
    base = workspace.repository.base(workspace.repository.state())
    before = workspace.pending.wanted()
    holdings = holdings_after(base, before)
    _check_owners(holdings, contents)
    parsed = {path: load_one(content, path) for path, content in contents.items() if content is not None}
    limiting.within(parsed, holdings)
    waivers.check(parsed, limiting.limits_of(waiver_path(""), holdings), workspace.session.now())
    published = documents_of(base.targets)
    wanted = dict(before.documents)
    outcome = []
    for path, content in contents.items():
        digest = None if content is None else workspace.documents.put(content)
        held = before.documents.get(path, published.get(path))
        if digest is None and held is None:
            raise _absent(path)
        outcome.append(Signed(path, difference(held, digest), digest or ""))
        wanted[path] = digest
        if published.get(path) == digest:
            del wanted[path]
    changed = {owner_of_path(item.document) for item in outcome if item.change is not Difference.UNCHANGED}
    if changed:
        _check_keys(workspace, changed, holdings)
        prepare(workspace, base, replace(before, documents=wanted))
    return outcome


def paths(workspace: Workspace) -> set[str]:
    """Return the paths of all documents that are published as far as this workspace knows, or pending."""
    present = documents_of(workspace.repository.base(workspace.repository.state()).targets)
    after = {**present, **workspace.pending.wanted().documents}
    return {path for path, digest in after.items() if digest is not None}


def rebase(workspace: Workspace, state: TrustState) -> None:
    """Sign everything that is pending again, on top of a newer verified release, and keep that release.

    What others signed on top of the release before they must sign again.
    """
    base = workspace.repository.base(state)
    prepare(workspace, base, still_wanted(base, workspace.pending.wanted()))
    workspace.repository.advance(state)


def owner_of_path(path: str) -> str:
    """Return the owner that signs a path: ``inventory``, ``waivers`` or ``policies/<team>``."""
    return path.rpartition("/")[0]


def difference(held: Digest | None, digest: Digest | None) -> Difference:
    """Return what putting a document in the place of another is."""
    if digest is None:
        return Difference.REMOVED
    if held is None:
        return Difference.ADDED
    return Difference.UNCHANGED if held == digest else Difference.CHANGED


def _check_owners(holdings: Mapping[str, Holding], contents: Iterable[str]) -> None:
    for path in contents:
        owner = owner_of_path(path)
        if owner == WAIVERS and owner not in holdings:
            raise UsageError(
                Code.NO_TEAM,
                "nobody may sign waivers in this federation",
                where=path,
                remedy="have the targets role delegate waivers with `edict trust delegate`",
            )
        if owner not in holdings:
            teams = sorted(team for team in map(team_of, holdings) if team is not None)
            remedy = f"use one of {', '.join(teams)}, or add it with `edict trust delegate`"
            raise UsageError(
                Code.NO_TEAM,
                f"the federation has no team {team_of(owner) or owner!r}",
                where=path,
                remedy=remedy if teams else "add it with `edict trust delegate`",
            )


def _check_keys(workspace: Workspace, owners: Iterable[str], holdings: Mapping[str, Holding]) -> None:
    """Refuse to leave something pending that nobody here can sign at all."""
    for owner in sorted(owners):
        known = {key.keyid for key in holdings[owner].keys}
        if not any(key.keyid in known for key in workspace.keys.publics(owner)):
            workspace.keys.signer(owner)
            raise UsageError(
                Code.KEY,
                f"none of the keys of {owner} that this workspace holds signs for it any more",
                where=owner,
                remedy="`edict trust status` shows which keys do",
            )


def _absent(path: str) -> UsageError:
    listing = {INVENTORY: "clusters", WAIVERS: "waivers"}.get(owner_of_path(path), "policies")
    return UsageError(
        Code.NO_POLICY, "there is no such document", where=path, remedy=f"`edict get {listing}` lists what there is"
    )
