"""`edict trust status`."""

from __future__ import annotations

import click

from edict_cli.limiting import in_words
from edict_cli.output import Form, Sheet, emit, forms, note
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.trust_status import PendingEntry, RoleEntry, status

FINDINGS = 1


@click.command("status", short_help="Show roles, keys, thresholds, expiries, limits, and who is missing.")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
@pass_session
def show(session: Session, *, form: Form) -> int:
    """Show who signs what in the last known release, and which signatures what is pending still needs.

    No hub is asked. A key that is marked with * is here. What expires within 30 days, or a snapshot within two, is
    warned of. `-o wide` shows whole fingerprints.

    \b
    Exit code: 0 all is well, 1 something expires soon or has expired, 2 an error.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    found = status(Workspace(session))
    rows = [_row(one, wide=form is Form.WIDE) for one in found.roles]
    emit(form, found, Sheet(["role", "version", "expires", "threshold", "keys (* here)", "limits"], rows))
    if not found.founded:
        note("The federation is not founded: its founders have not all signed.")
    for line in dict.fromkeys(map(_pending, found.pending)):
        note(line)
    if found.pending and not any(entry.needed for entry in found.pending):
        note("What is pending has all its signatures; `edict publish` makes it the next release.")
    warned = [one for one in found.roles if one.warning]
    for one in warned:
        remedy = "`edict publish --refresh`" if one.role == "snapshot" else f"`edict trust renew {one.role}`"
        note(f"Warning: {one.role} {one.warning}. Try: {remedy}")
    return FINDINGS if warned else 0


def _pending(entry: PendingEntry) -> str:
    if not entry.needed:
        return f"pending  {entry.role} version {entry.version}"
    keys = f" ({entry.keys})" if entry.keys else ""
    return f"pending  {entry.role}{keys} needs {entry.needed} more of {', '.join(entry.missing)}"


def _row(one: RoleEntry, *, wide: bool) -> list[str]:
    keys = [f"{key.fingerprint if wide else key.fingerprint[:19]}{'*' if key.here else ''}" for key in one.keys]
    return [
        one.role,
        str(one.version or "-"),
        f"{one.expires:%Y-%m-%d}" if one.expires else "-",
        f"{one.threshold} of {len(one.keys)}",
        " ".join(keys),
        in_words(one.limits) or "-",
    ]
