"""`edict get waivers`: what is waived, where, until when, by whom."""

from __future__ import annotations

import click

from edict.trust.custom import WaiverCustom
from edict.trust.roles import policy_path_of
from edict_cli import release, waivers
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace


@click.command("waivers", short_help="What is waived, where, until when, by whom.")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML, Form.NAME)
@pass_session
def show_waivers(session: Session, *, form: Form) -> None:
    """List the waivers of the newest release, those that end first at the top, and whether each counts.

    A waiver ends by itself, on every cluster by its own clock; one beyond the limits of those who sign waivers, or of a
    policy or rule that is not there, waives nothing. `edict status` shows what clusters themselves say.
    """
    workspace = Workspace(session)
    with HubClient(workspace) as hub, progress("fetching the release"):
        state = release.newest(workspace, hub)
        signed = [target.custom for target in state.documents.values() if isinstance(target.custom, WaiverCustom)]
        waived = {policy_path_of(copy.policy) for copy in signed}
        targets = [target for path, target in state.documents.items() if target.kind == "Waiver" or path in waived]
        entries = waivers.entries(state, release.documents(workspace, hub, targets), session.now())
    rows = [
        [
            entry.waiver,
            entry.policy,
            entry.rule or "-",
            str(len(entry.clusters)),
            f"{entry.expires:%Y-%m-%d %H:%M} UTC",
            entry.approver,
            entry.state,
            ",".join(entry.clusters) or "-",
            entry.reason,
        ]
        for entry in entries
    ]
    columns = ["waiver", "policy", "rule", "clusters", "ends", "approver", "state", "waived on", "reason"]
    emit(
        form, entries, Sheet(columns, rows, frozenset({"waived on", "reason"})), names=[each.waiver for each in entries]
    )
    if not entries:
        note("Nothing is waived.")
