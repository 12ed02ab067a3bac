"""From documents to signed pending metadata, always made from the last known release: signing twice changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from edict.errors import UsageError
from edict.ids import Digest
from edict.policy.parse import load_one
from edict.trust import authoring
from edict.trust.roles import INVENTORY, team_of, team_role
from edict.trust.state import TrustState
from edict_cli.codes import Code
from edict_cli.store.metadata import digests_of
from edict_cli.store.pending import Wanted
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
    """Its path: ``policies/<team>/<name>`` or ``inventory/<cluster>``."""
    change: Difference
    digest: str


def sign(workspace: Workspace, contents: Mapping[str, bytes | None]) -> list[Signed]:
    """Sign documents into the pending release, or take them out.

    Args:
        workspace: locked by the caller.
        contents: the canonical bytes of each document by its path; None takes it away.

    Raises:
        UsageError: EDICT0608 for a team that the federation does not have or whose key is not here, EDICT0612 when a
            document to be taken away is not there.
    """
    state = workspace.repository.state()
    base = workspace.repository.targets(state)
    _check_owners(base, contents)
    published = documents_of(base)
    before = workspace.pending.wanted()
    wanted = dict(before)
    outcome = []
    for path, content in contents.items():
        digest = None if content is None else workspace.documents.put(content)
        held = before.get(path, published.get(path))
        if digest is None and held is None:
            raise _absent(path)
        outcome.append(Signed(path, _difference(held, digest), digest or ""))
        wanted[path] = digest
        if published.get(path) == digest:
            del wanted[path]
    owners = {owner_of_path(item.document) for item in outcome if item.change is not Difference.UNCHANGED}
    if owners:
        _store(workspace, base, wanted, owners)
    return outcome


def rebase(workspace: Workspace, state: TrustState) -> None:
    """Sign everything that is pending again, on top of a newer verified release, and keep that release.

    Raises:
        UsageError: EDICT0608 when a key that it needs is not here.
    """
    published = documents_of(state.targets)
    wanted = {path: digest for path, digest in workspace.pending.wanted().items() if published.get(path) != digest}
    _store(workspace, state.targets, wanted, {owner_of_path(path) for path in workspace.pending.wanted()})
    workspace.repository.advance(state)


def documents_of(targets: Mapping[str, bytes]) -> dict[str, Digest]:
    """Return the digest of every document of a set of roles, by path."""
    return {path: Digest(digest) for role, data in targets.items() for path, digest in digests_of(role, data).items()}


def owner_of_path(path: str) -> str:
    """Return the owner that signs a path: ``inventory`` or ``policies/<team>``."""
    return path.rpartition("/")[0]


def _store(workspace: Workspace, base: Mapping[str, bytes], wanted: Wanted, owners: set[str]) -> None:
    roles = {role: data for role, data in workspace.pending.roles().items() if _owner_of_role(role) not in owners}
    for owner in sorted(owners):
        changes = [_change(workspace, path, digest) for path, digest in wanted.items() if owner_of_path(path) == owner]
        if changes:
            signer = workspace.keys.signer(owner)
            roles |= authoring.change(base, owner, changes, signer, workspace.session.now())
    workspace.pending.put(wanted, roles)


def _change(workspace: Workspace, path: str, digest: Digest | None) -> authoring.Change:
    if digest is None:
        return authoring.Change(path, None, None)
    content = workspace.documents.get(digest)
    if content is None:
        raise UsageError(
            Code.WORKSPACE_DAMAGED,
            f"the pending document {path} is gone",
            where=f"{workspace.folder}/documents/{digest}.yaml",
            remedy="sign it again with `edict sign -f`",
        )
    return authoring.Change(path, content, load_one(content, path))


def _check_owners(base: Mapping[str, bytes], contents: Mapping[str, bytes | None]) -> None:
    owners = set(authoring.roles_of(base))
    for path in contents:
        owner = owner_of_path(path)
        if owner not in owners:
            teams = sorted(team for team in map(team_of, owners) if team is not None)
            raise UsageError(
                Code.NO_TEAM,
                f"the federation has no team {team_of(owner) or owner!r}",
                where=path,
                remedy=f"use one of {', '.join(teams)}" if teams else "make the federation with `edict init --team`",
            )


def _difference(held: Digest | None, digest: Digest | None) -> Difference:
    if digest is None:
        return Difference.REMOVED
    if held is None:
        return Difference.ADDED
    return Difference.UNCHANGED if held == digest else Difference.CHANGED


def _owner_of_role(role: str) -> str:
    """Return the owner of a role that names documents: of the bin ``policies/payments-3`` it is its team's."""
    return INVENTORY if role == INVENTORY else team_role(role.removeprefix("policies/").rpartition("-")[0])


def _absent(path: str) -> UsageError:
    listing = "clusters" if owner_of_path(path) == INVENTORY else "policies"
    return UsageError(
        Code.NO_POLICY, "there is no such document", where=path, remedy=f"`edict get {listing}` lists what there is"
    )
