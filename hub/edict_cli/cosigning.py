"""Taking another author's file into what is pending here, and adding the signatures that this workspace can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edict.errors import UsageError
from edict.trust.cosigning import Signing, encoded, parsed, same
from edict.trust.roles import SNAPSHOT
from edict_cli import preparing
from edict_cli.codes import Code
from edict_cli.exchange import unfit
from edict_cli.reviewing import Review
from edict_cli.store.pending import Wanted
from edict_cli.store.workspace import Workspace


def take(workspace: Workspace, found: Review, source: str) -> None:
    """Sign what a reviewed file asks for, with the keys that are here, and keep all of it as pending.

    Documents are written first, the pending release last but for the snapshot, which means nothing without it.

    Args:
        workspace: locked by the caller.
        found: what was shown.
        source: the file's name, for errors.

    Raises:
        UsageError: EDICT0613 where it and what is pending here want different things of one role; EDICT0632.
    """
    mine = workspace.pending.roles()
    extra = mine.keys() - found.files.keys()
    if found.snapshot is not None and extra:
        raise _conflict(workspace, next(iter(sorted(extra))), "is pending here and no part of the file's snapshot")
    signing = Signing(found.base, {**mine, **found.files})
    merged = {role: _merged(workspace, signing, role, data, mine.get(role)) for role, data in found.files.items()}
    if found.snapshot is not None and merged != found.files:
        raise unfit(source, "its snapshot describes metadata with other signatures than are needed")
    made = preparing.signed_here(workspace, signing, merged)
    snapshot = None if found.snapshot is None else _snapshot(workspace, signing, found.snapshot)
    for content, _ in found.documents.values():
        workspace.documents.put(content)
    workspace.pending.put(_joined(workspace.pending.wanted(), found.wanted), {**mine, **made})
    if snapshot is not None:
        workspace.pending.keep_snapshot(snapshot)


def adds(workspace: Workspace, found: Review) -> bool:
    """Tell whether a file asks for anything that is not pending here already, or can be signed here."""
    mine = workspace.pending.wanted()
    if _joined(mine, found.wanted) != mine:
        return True
    return any(mine_ for mine_ in signable(workspace, found).values())


def signable(workspace: Workspace, found: Review) -> Mapping[str, int]:
    """Return how many signatures this workspace can add for each owner whose metadata still lacks some."""
    signing = Signing(found.base, found.files)
    files = {**found.files, **({} if found.snapshot is None else {SNAPSHOT: found.snapshot})}
    lacking = signing.lacking(files)
    can: dict[str, int] = {}
    for owner in dict.fromkeys(one.owner for one in lacking):
        wanted = {key.keyid for one in lacking if one.owner == owner for key in one.unsigned}
        can[owner] = sum(key.keyid in wanted for key in workspace.keys.publics(owner))
    return can


def _merged(workspace: Workspace, signing: Signing, role: str, data: bytes, mine: bytes | None) -> bytes:
    """Return a file with every good signature of both copies that is needed, and no other."""
    sent = parsed(role, data)
    if mine is not None and not same(parsed(role, mine), sent):
        raise _conflict(workspace, role, "is pending here with other content")
    signatures, sent.signatures = sent.signatures, {}
    bare = encoded(sent)
    sent.signatures = signatures
    taken = signing.merged(role, bare, data)
    return taken if mine is None else signing.merged(role, taken, mine)


def _snapshot(workspace: Workspace, signing: Signing, data: bytes) -> bytes:
    mine = workspace.pending.snapshot()
    sent = parsed(SNAPSHOT, data)
    if mine is not None:
        held = parsed(SNAPSHOT, mine)
        if held.signed_bytes != sent.signed_bytes and held.signed.version >= sent.signed.version:
            raise _conflict(workspace, f"release {sent.signed.version}", "was signed here with other content")
    signatures, sent.signatures = sent.signatures, {}
    merged = signing.merged(SNAPSHOT, encoded(sent), data)
    sent.signatures = signatures
    if mine is not None and parsed(SNAPSHOT, mine).signed_bytes == sent.signed_bytes:
        merged = signing.merged(SNAPSHOT, merged, mine)
    return preparing.signed_here(workspace, signing, {SNAPSHOT: merged})[SNAPSHOT]


def _joined(mine: Wanted, theirs: Wanted) -> Wanted:
    return replace(
        mine,
        documents={**mine.documents, **theirs.documents},
        holdings={**mine.holdings, **theirs.holdings},
        renew=mine.renew | theirs.renew,
        root_fields={**mine.root_fields, **theirs.root_fields},
    )


def _conflict(workspace: Workspace, what: str, why: str) -> UsageError:
    return UsageError(
        Code.CONFLICT,
        f"{what} {why}",
        where=f"{workspace.folder}/pending",
        remedy="publish what is pending here first, or drop it with `edict sign --drop`, then take the file again",
    )
