"""`edict hub recover`: bring back what the hub has lost with its etcd."""

from __future__ import annotations

import click

from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.recovering import Recovered
from edict_cli.recovering import recover as give_back
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace


@click.command("recover", short_help="Bring back what a restored etcd has lost.")
@click.option("--from-agents", is_flag=True, help="Also ask the connected agents for the releases that they verified.")
@click.option("--renumber", is_flag=True, help="Sign what this workspace has under a number that nobody has used.")
@forms()
@pass_session
def recover(session: Session, *, from_agents: bool, renumber: bool, form: Form) -> None:
    """Give the hub the newest signed release, after its etcd was restored from an old backup or lost.

    Agents never go back: they keep what they have and refuse an older release with EDICT0207. The hub takes what
    verifies from its own pinned root, from this workspace and with --from-agents from the agents, and goes on from the
    newest. Run it in the workspace that published last. Nothing has to be done in a cluster, and running it twice
    changes nothing.

    Where somebody published to the hub before the recovery, two releases may have one number: the hub refuses to choose
    (EDICT0414). Run it with --renumber in the workspace whose release is right.

    \b
    Examples:
      edict hub recover --from-agents
      edict hub recover --renumber
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    with workspace.locked(), progress("recovering"):
        found = give_back(workspace, from_agents=from_agents, renumber=renumber)
    emit(form, found, Sheet(["missing"] if found.missing else [], [[path] for path in found.missing]))
    note(_told(found))
    if found.missing:
        note("Nobody had these documents. Run it where they were signed, or sign and publish them again.")


def _told(found: Recovered) -> str:
    if not found.changed:
        return f"Nothing newer was found: release {found.release} is the newest that verifies."
    whose = {"caller": "from this workspace", "etcd": "from etcd"}.get(found.source, f"from cluster {found.source}")
    return f"The hub serves release {found.release}, {whose}. `edict status` shows the clusters going on."
