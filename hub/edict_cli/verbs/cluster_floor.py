"""`edict cluster clear-floor`: say that a cluster's lost memory was looked into."""

from __future__ import annotations

import click
import msgspec

from edict.errors import UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.policy.documents import ManagedCluster
from edict.trust.receipts import FLOOR_CLEARED
from edict_cli import arguments, inventory, release
from edict_cli.codes import Code
from edict_cli.evidence import evaluate
from edict_cli.hub import HubClient
from edict_cli.output import Form, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.cluster_approve import done


@click.command("clear-floor", short_help="Say that a cluster's FloorLost was looked into.")
@click.argument("name")
@click.option("--publish", "at_once", is_flag=True, help="Publish at once.")
@forms()
@pass_session
def clear_floor(session: Session, *, name: str, form: Form, at_once: bool) -> None:
    """Clear the FloorLost of the cluster NAME, for the one loss that its newest receipt names.

    An agent whose stored state is gone no longer knows which release is the oldest that it may accept: a stolen hub
    could show it an older one. It says so in every receipt until an author has looked into it. Find out who deleted its
    Secrets, and that the release it has now is the newest; then clear it. A later loss is told again.

    \b
    Example:
      edict cluster clear-floor fra1 --publish
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with HubClient(workspace) as hub, progress("asking for the cluster's receipts"):
        since = _lost_since(workspace, hub, cluster)
        document = inventory.present(workspace, hub, cluster)
    if document is None:
        raise inventory.unknown(cluster)
    if not since:
        note(f"{cluster} has not lost its floor: there is nothing to clear.")
        return
    note(f"{cluster} lost its floor at {since}.")
    with workspace.locked():
        signed = inventory.put(workspace, _cleared(document, since))
    done(workspace, form, signed, at_once=at_once)


def _lost_since(workspace: Workspace, hub: HubClient, cluster: ClusterName) -> str:
    """Return what the cluster's newest receipt says, which its own key has signed."""
    said = {status.name: status for status in hub.status([cluster]).clusters}
    state, _ = release.newest_or_known(workspace, hub)
    status = said.get(cluster, pb.ClusterStatus(name=cluster))
    view, _ = evaluate(state, cluster, status, now=workspace.session.now())
    if not view.sequence:
        raise UsageError(
            Code.NO_RECEIPT,
            f"no receipt of {cluster} can be believed: {view.reason}",
            where=f"receipts/{cluster}",
            remedy="wait until its agent reports; then run this again",
        )
    return view.floor_lost


def _cleared(document: ManagedCluster, since: str) -> ManagedCluster:
    annotations = {**document.metadata.annotations, FLOOR_CLEARED: since}
    return msgspec.structs.replace(
        document, metadata=msgspec.structs.replace(document.metadata, annotations=annotations)
    )
