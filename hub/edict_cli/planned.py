"""The next release before it is sent: its number, its contents, and its snapshot, signed by as many as must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tuf.api.metadata import Metadata, Snapshot

from edict.trust import authoring
from edict.trust.cosigning import Signing, encoded
from edict.trust.drafting import Base
from edict.trust.roles import SNAPSHOT
from edict.trust.state import TrustState
from edict_cli import preparing
from edict_cli.signing import Signed
from edict_cli.store.metadata import signed
from edict_cli.store.workspace import Workspace

REUSABLE = timedelta(days=4)
"""A kept snapshot that expires sooner is signed anew, under a number of its own; until then others may sign it too."""


@dataclass(frozen=True)
class Plan:
    """What a publish would do.

    Attributes:
        state: the hub's newest release, verified.
        base: what the pending changes build on.
        targets: every role of the next release below the root.
        new: the roles that the hub does not have, a new root among them.
        changes: documents, against the hub's newest.
        number: of the next release.
        found: the pending changes are in the hub's newest release already.
    """

    state: TrustState
    base: Base
    targets: Mapping[str, bytes]
    new: Mapping[str, bytes]
    changes: tuple[Signed, ...]
    number: int
    found: bool


def number_of(workspace: Workspace, state: TrustState, targets: Mapping[str, bytes]) -> int:
    """Return the number of the next release.

    A snapshot that may have left this machine has used its number up, unless it is for the very same content: a hub
    that said it failed could hold it, and show one cluster the one and another the other.
    """
    kept = workspace.pending.snapshot()
    if kept is None:
        return state.release + 1
    sent = signed(kept, Snapshot, "pending/snapshot.json")
    fresh = sent.expires - workspace.session.now() > REUSABLE
    if (
        fresh
        and sent.version == state.release + 1
        and sent.meta == _drafted(workspace, state, targets, sent.version).signed.meta
    ):
        return sent.version
    return max(state.release, sent.version) + 1


def _drafted(workspace: Workspace, state: TrustState, targets: Mapping[str, bytes], number: int) -> Metadata[Snapshot]:
    before = None if state.snapshot is None else signed(state.snapshot, Snapshot, "snapshot")
    return authoring.draft_snapshot(targets, version=number, now=workspace.session.now(), before=before)


def signed_snapshot(workspace: Workspace, planned: Plan) -> bytes:
    """Return the snapshot, kept before it leaves this machine; the one of an earlier run where it is for the same.

    Raises:
        UsageError: EDICT0608 when no key of the publisher is here, EDICT0631 when others must sign it too.
    """
    kept = workspace.pending.snapshot()
    if kept is None or signed(kept, Snapshot, "pending/snapshot.json").version != planned.number:
        kept = encoded(_drafted(workspace, planned.state, planned.targets, planned.number))
    signing = Signing(planned.base, planned.new)
    made = preparing.signed_here(workspace, signing, {SNAPSHOT: kept})[SNAPSHOT]
    if made != workspace.pending.snapshot():
        workspace.pending.keep_snapshot(made)
    standings = signing.standings(SNAPSHOT, made)
    if not any(one.signed for one in standings):
        workspace.keys.signer(SNAPSHOT)
    if signing.lacking({SNAPSHOT: made}):
        raise preparing.below(standings, f"{workspace.folder}/pending/snapshot.json")
    return made
