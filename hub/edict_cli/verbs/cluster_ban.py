"""`edict cluster ban` and `unban`: cut a cluster off from the hub, and let it back."""

from __future__ import annotations

import click

from edict.errors import UsageError
from edict.ids import ClusterName
from edict_cli import arguments
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace


@click.command("ban", short_help="Cut a cluster off from the hub at once.")
@click.argument("name")
@click.option("--reason", required=True, help="Why, for the people who look at `edict status`.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@forms()
@pass_session
def ban(session: Session, *, name: str, reason: str, form: Form, yes: bool) -> None:
    """End the connections of the cluster NAME on every replica of the hub, and refuse new ones until `unban`.

    For a cluster whose agent, or whose keys, may be in other hands. It gets no release any more, the hub takes no
    receipts of it, and neither its certificate nor a token lets it in. What is enforced in the cluster goes on; the
    hub, and so `edict status`, hears nothing of it any more.

    \b
    Example:
      edict cluster ban fra1 --reason "its backup was found on a public share"
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    note(
        f"A ban cuts {cluster} off from every replica of the hub at once, until `edict cluster unban {cluster}`.\n"
        "What is enforced in the cluster goes on; the hub hears nothing of it any more: it will be Unknown."
    )
    _confirm(session, cluster, yes=yes)
    with HubClient(workspace) as hub, progress("telling the hub"):
        hub.ban(cluster, reason)
    emit(
        form, {"cluster": cluster, "banned": True, "reason": reason}, Sheet(["cluster", "state"], [[cluster, "banned"]])
    )


@click.command("unban", short_help="Let a banned cluster back.")
@click.argument("name")
@click.option("--same-keys", is_flag=True, help="It was banned by mistake: what was issued before counts again.")
@forms()
@pass_session
def unban(session: Session, *, name: str, form: Form, same_keys: bool) -> None:
    """End the ban of the cluster NAME: its agent may enrol again, with a token of `edict cluster reenrol NAME`.

    Certificates and tokens of before the ban stay worth nothing: somebody else may have a copy of them. Where nobody
    can, --same-keys lets the agent go on with what it has; it connects again by itself, within a minute or so.

    \b
    Example:
      edict cluster unban fra1
      (umask 077; edict cluster reenrol fra1 > token)
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with HubClient(workspace) as hub, progress("telling the hub"):
        hub.unban(cluster, same_keys=same_keys)
    emit(form, {"cluster": cluster, "banned": False}, Sheet(["cluster", "state"], [[cluster, "not banned"]]))
    if not same_keys:
        note(f"Its agent needs a token: `edict cluster reenrol {cluster}`. What it had before counts no more.")


def _confirm(session: Session, cluster: ClusterName, *, yes: bool) -> None:
    if yes:
        return
    if not session.interactive:
        raise UsageError(Code.NOT_CONFIRMED, "there is nobody to ask", where=f"cluster {cluster}", remedy="give --yes")
    if not click.confirm(f"Ban {cluster}?", err=True):
        raise UsageError(Code.NOT_CONFIRMED, "the cluster was not banned", where=f"cluster {cluster}")
