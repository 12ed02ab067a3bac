"""Another author's metadata beside the draft that is made here of the same wish: word for word, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tuf.api.metadata import Metadata, Snapshot

from edict.errors import UsageError
from edict.trust import authoring
from edict.trust.cosigning import Signing, parsed, same
from edict.trust.describing import alive
from edict.trust.drafting import Base, Drafted
from edict.trust.roles import ROOT, SNAPSHOT
from edict_cli.codes import Code
from edict_cli.exchange import unfit
from edict_cli.store.metadata import signed
from edict_cli.store.workspace import Workspace

SLACK = timedelta(days=1)
"""How much later than here the other author's clock may be."""
PUBLISHED = "nothing, if what it asks for is published already; else "
MOST_NUMBERS = 1000
"""How far above the last release the next one's number may lie; numbers of failed publishes are used up."""


def match(role: str, drafted: Drafted | Metadata[Snapshot], data: bytes, source: str, now: datetime) -> None:
    """Hold one metadata file against the draft that was made here.

    Raises:
        UsageError: EDICT0632 where they differ in more than an expiry within bounds; EDICT0633 where the file has
            another version, and so builds on another release.
    """
    sent = parsed(role, data)
    if sent.signed.version != drafted.signed.version and role != SNAPSHOT:
        raise UsageError(
            Code.EXCHANGE_BASE,
            f"it has version {sent.signed.version} of {role}, and the next one here is {drafted.signed.version}",
            where=source,
            remedy=f"{PUBLISHED if sent.signed.version < drafted.signed.version else ''}"
            "fetch the newest release on both sides with `edict sign --rebase`, and have the file written again",
        )
    if not same(sent, drafted):
        raise unfit(source, f"its {role} says something that does not follow from what it can be seen to ask for")
    latest = drafted.signed.expires + SLACK
    if not latest - (latest - now) / 2 <= sent.signed.expires <= latest:
        raise unfit(source, f"its {role} expires at {sent.signed.expires:%Y-%m-%dT%H:%M:%SZ}, too early or too late")
    if sent.unrecognized_fields:
        raise unfit(source, f"its {role} has a field beside what is signed")


def check_snapshot(workspace: Workspace, base: Base, files: Mapping[str, bytes], data: bytes, source: str) -> None:
    """Hold a snapshot against the one that would be made here of the very same bytes.

    Raises:
        UsageError: EDICT0632 also where what it describes lacks signatures; EDICT0633.
    """
    lacking = Signing(base, files).lacking(files)
    if lacking:
        raise unfit(source, f"it has a snapshot though {lacking[0].owner} lacks signatures")
    state = workspace.repository.state()
    version = parsed(SNAPSHOT, data).signed.version
    if not state.release < version <= state.release + MOST_NUMBERS:
        raise UsageError(
            Code.EXCHANGE_BASE,
            f"it is release {version}, and release {state.release} is the last one that is known here",
            where=source,
            remedy="fetch the newest release with `edict sign --rebase`",
        )
    targets = alive({**base.targets, **{role: one for role, one in files.items() if role != ROOT}})
    before = None if state.snapshot is None else signed(state.snapshot, Snapshot, SNAPSHOT)
    drafted = authoring.draft_snapshot(targets, version=version, now=workspace.session.now(), before=before)
    match(SNAPSHOT, drafted, data, source, workspace.session.now())
