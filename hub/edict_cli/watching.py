"""`edict status -w`: the fleet as it changes, until Ctrl-C; a lost connection is made again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import click
import msgspec
from rich.live import Live

from edict.errors import EdictError, HubError, UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_cli import release
from edict_cli.codes import Code, Hub
from edict_cli.conformance import ClusterView
from edict_cli.fleet import Fleet, FleetView
from edict_cli.fleet_table import headline, lines, sheet
from edict_cli.hub import HubClient
from edict_cli.output import Form, as_json, note, stdout
from edict_cli.store.workspace import Workspace

TICK_SECONDS = 1.0
Show = Callable[[FleetView], None]


def watch(workspace: Workspace, fleet: Fleet, only: Sequence[ClusterName], form: Form) -> int:
    """Show the fleet until Ctrl-C; returns the exit code.

    Raises:
        UsageError: EDICT0601 for a form that cannot be watched.
        HubError: the hub is gone and does not come back.
    """
    if form not in {Form.TABLE, Form.WIDE, Form.JSON}:
        raise UsageError(Code.COMMAND_LINE, f"-w cannot be shown as {form}", where="edict status", remedy="-o table")
    console = stdout()
    with suppress(KeyboardInterrupt):
        if form is not Form.JSON and console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                _follow(workspace, fleet, only, _on_terminal(workspace, live, form))
        else:
            _follow(workspace, fleet, only, _as_lines(workspace, form))
    return 0


def _follow(workspace: Workspace, fleet: Fleet, only: Sequence[ClusterName], show: Show) -> None:
    while True:
        with HubClient(workspace) as hub:
            try:
                _stream(workspace, hub, fleet, only, show)
            except HubError as error:
                if error.code != f"EDICT{Hub.LOST:04d}":
                    raise
                note("The hub was lost; connecting again.")


def _stream(workspace: Workspace, hub: HubClient, fleet: Fleet, only: Sequence[ClusterName], show: Show) -> None:
    state, trouble = release.newest_or_known(workspace, hub)
    arrived: queue.SimpleQueue[pb.StatusResponse | EdictError | None] = queue.SimpleQueue()

    def receive() -> None:
        try:
            for response in hub.watch(only):
                arrived.put(response)
            arrived.put(None)
        except EdictError as error:
            arrived.put(error)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        with suppress(queue.Empty):
            item = arrived.get(timeout=TICK_SECONDS)
            if isinstance(item, EdictError):
                raise item
            if item is None:
                return
            fleet.take(item)
            if item.release != state.release or item.faults:
                state, trouble = release.newest_or_known(workspace, hub)
        show(fleet.view(state, trouble))


def _on_terminal(workspace: Workspace, live: Live, form: Form) -> Show:
    def show(view: FleetView) -> None:
        now = workspace.session.now()
        live.update(sheet(view, now, wide=form is Form.WIDE).render(wide=form is Form.WIDE), refresh=True)

    return show


def _as_lines(workspace: Workspace, form: Form) -> Show:
    shown: dict[str, ClusterView] = {}
    said: set[str] = set()

    def show(view: FleetView) -> None:
        now = workspace.session.now()
        for cluster in view.clusters:
            timeless = msgspec.structs.replace(cluster, last_seen=None)
            if shown.get(cluster.cluster) != timeless:
                shown[cluster.cluster] = timeless
                if form is Form.JSON:
                    click.echo(as_json(cluster))
                else:
                    click.echo("\n".join(lines(cluster, now, wide=form is Form.WIDE)))
        for text in headline(view, now):
            if text not in said:
                said.add(text)
                note(text)

    return show
