"""What every verb that changes trust prints: the roles as they will be, who is missing, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from edict.errors import printable
from edict.trust.holding import ROOT_ROLES
from edict.trust.roles import FLAT, team_role
from edict_cli import preparing, showing, trust_status, trusting
from edict_cli.output import Form, Sheet, emit, note
from edict_cli.store.settings import checked_team
from edict_cli.store.workspace import Workspace
from edict_cli.trust_status import PendingEntry


class Arranged(msgspec.Struct, frozen=True):
    """What a change did: each role in words, and how far the signatures of what is pending are."""

    changed: dict[str, tuple[str, ...]]
    pending: tuple[PendingEntry, ...]


def role_of(text: str) -> str:
    """Return the role that somebody means: a team may be named without ``policies/``.

    Raises:
        UsageError: EDICT0619.
    """
    return text if text in {*ROOT_ROLES, *FLAT} else team_role(checked_team(text.removeprefix("policies/")))


def tell(workspace: Workspace, form: Form, roles: Iterable[str]) -> None:
    """Print what changed."""
    base, wanted = workspace.repository.base(), workspace.pending.wanted()
    before = base.holdings()
    changed = {
        role: tuple(showing.holding_lines(role, before.get(role), wanted.holdings[role]))
        for role in roles
        if role in wanted.holdings
    }
    entries = trust_status.status(workspace).pending
    rows = [
        [f"{one.role}{f' ({one.keys})' if one.keys else ''}", str(one.version), f"{len(one.signed)} of {one.threshold}"]
        for one in entries
    ]
    for lines in changed.values():
        for line in lines:
            note(printable(line))
    emit(form, Arranged(changed, entries), Sheet(["pending role", "version", "signed"], rows))
    for line in trusting.resets(workspace):
        note(line)
    files = workspace.pending.roles()
    if not files:
        note("Nothing changes: it is so already.")
        return
    standings = preparing.standings_of(base, files)
    if all(one.complete for one in standings):
        note("`edict publish` makes this the next release.")
    else:
        note(preparing.below(standings, "pending").diagnostics().replace("Error", "Note", 1))
