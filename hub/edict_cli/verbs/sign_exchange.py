"""`edict sign --in`: what another author's file would change, shown, and signed once somebody has said yes."""

from __future__ import annotations

from pathlib import Path

import click

from edict.errors import UsageError
from edict_cli import cosigning, exchange, joining, preparing, reviewing, showing
from edict_cli.codes import Code
from edict_cli.output import Form, Sheet, emit, note, progress
from edict_cli.showing import Shown
from edict_cli.store.workspace import Workspace


def cosign(workspace: Workspace, source: Path, form: Form, *, ask: bool) -> None:
    """Judge, show and take another author's file.

    Args:
        workspace: locked by the caller.
        source: the file.
        form: how to print what it would change.
        ask: whether somebody must say yes first, where it asks for anything new or can be signed here.

    Raises:
        UsageError: EDICT0616 when nobody said yes; what :mod:`edict_cli.reviewing` raises.
    """
    with progress("checking the file"):
        found = reviewing.review(workspace, exchange.read(source), str(source))
        shown = showing.show(workspace, found)
    _print(form, shown)
    if ask and cosigning.adds(workspace, found):
        _confirm(workspace, shown)
    with progress("signing"):
        cosigning.take(workspace, found, str(source))


def conclude(workspace: Workspace) -> None:
    """Found the federation where its founders have all signed, and say what is to be done next."""
    if joining.complete(workspace):
        note("All founders have signed: the federation is founded.")
        if (workspace.hub / "hub.yaml").exists():
            note(f"Next: copy {workspace.hub} to the hub, start it there, then publish.")
        return
    roles = workspace.pending.roles()
    standings = preparing.standings_of(workspace.repository.base(), roles, workspace.pending.snapshot())
    if all(one.complete for one in standings):
        note("It has all signatures; `edict publish` makes it the next release.")
    else:
        note(preparing.below(standings, "pending").diagnostics().replace("Error", "Note", 1))


def _print(form: Form, shown: Shown) -> None:
    rows = [
        [
            f"{part.role}{f' ({part.keys})' if part.keys else ''}",
            str(part.version),
            str(part.files),
            f"{len(part.signed)} of {part.threshold}",
            str(part.here),
            " ".join(part.signed) or "-",
        ]
        for part in shown.roles
    ]
    for line in shown.text:
        note(line)
    if shown.release is not None:
        note(f"It has the snapshot that makes this release {shown.release}.")
    emit(form, shown, Sheet(["role", "version", "files", "signed", "to sign here", "by"], rows))


def _confirm(workspace: Workspace, shown: Shown) -> None:
    count = sum(part.here for part in shown.roles)
    question = f"Sign this with {count} key(s) of this workspace?" if count else "Keep this as pending here?"
    if not workspace.session.interactive:
        raise UsageError(
            Code.NOT_CONFIRMED,
            "somebody must look at this before it is signed, and nobody can be asked",
            remedy="run it on a terminal, or say --yes once you have read what it shows",
        )
    if not click.confirm(question, err=True):
        raise UsageError(Code.NOT_CONFIRMED, "nothing was signed; what is pending stays as it was")
