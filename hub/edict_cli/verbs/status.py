"""`edict status`: does every cluster enforce what was published."""

from __future__ import annotations

from datetime import timedelta

import click

from edict.ids import ClusterName
from edict_cli import arguments, release
from edict_cli.fleet import Fleet
from edict_cli.fleet_table import headline, sheet
from edict_cli.hub import HubClient
from edict_cli.output import Form, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.watching import watch

MOST = timedelta(days=30)


@click.command("status", short_help="Show what every cluster proves of itself.")
@click.option("-w", "--watch", "live", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--cluster", "names", multiple=True, metavar="NAME", help="Only this cluster; repeatable.")
@click.option("--stale-after", default="15m", show_default=True, help="Receipts older than this are silence.")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML, Form.NAME)
@pass_session
def command(session: Session, *, live: bool, names: tuple[str, ...], stale_after: str, form: Form) -> int:
    """Show one row for each cluster, from receipts that the cluster itself signed.

    A receipt counts when the key that is pinned in the signed inventory made it and the chain has no gap. Everything
    else is Unknown, never Compliant. The last-seen time alone is the hub's word. `-o wide` adds a row for each policy.

    Exit code: 0 everything is Compliant, 1 something is not, 3 a cluster is Unknown.

    \b
    Examples:
      edict status
      edict status -o wide --cluster fra1
      edict status -w
      edict status -o json | jq '.clusters[] | select(.state != "Compliant")'
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    only: list[ClusterName] = [arguments.cluster_name(name) for name in names]
    fleet = Fleet(workspace, only, arguments.duration(stale_after, where="--stale-after", most=MOST))
    if live:
        return watch(workspace, fleet, only, form)
    with HubClient(workspace) as hub, progress("asking the hub"):
        fleet.take(hub.status(only))
        state, trouble = release.newest_or_known(workspace, hub)
    view = fleet.view(state, trouble)
    now = session.now()
    emit(form, view, sheet(view, now, wide=form is Form.WIDE), names=[cluster.cluster for cluster in view.clusters])
    for line in headline(view, now):
        note(line)
    return view.exit_code
