"""`edict cluster approve`: pin the key that a cluster signs its receipts with."""

from __future__ import annotations

import click

from edict.errors import UsageError
from edict.ids import ClusterName
from edict_cli import arguments, inventory, signing
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.receipt_keys import Approval, approval
from edict_cli.session import Session, pass_session
from edict_cli.signing import Signed
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import publish, show


@click.command("approve", short_help="Pin the key that a cluster signs its receipts with.")
@click.argument("name")
@click.option("--fingerprint", help="Approve without a question when the key has this fingerprint (SHA256:...).")
@click.option("--yes", is_flag=True, help="Approve without a question, whatever the key.")
@click.option("--publish", "at_once", is_flag=True, help="Publish at once.")
@forms()
@pass_session
def approve(session: Session, *, name: str, fingerprint: str | None, form: Form, yes: bool, at_once: bool) -> None:
    """Show the receipt key of the enrolled cluster NAME and sign it into the inventory.

    Compare the fingerprint with the one that the agent prints in its log: the hub that relays the key could have
    put its own in the place. From then on only receipts of this key count. Where another key is pinned so far, the
    new one may be endorsed by it: the command checks that and says so.

    \b
    Example:
      edict cluster approve fra1 --fingerprint SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with HubClient(workspace) as hub, progress("asking for the cluster's key"):
        document, found = approval(workspace, hub, cluster)
    note(f"{cluster} signs its receipts with {found.fingerprint}")
    if found.shown != found.pinned:
        _decide(session, cluster, found, fingerprint, yes=yes)
    elif fingerprint not in {None, found.fingerprint}:
        raise _other_fingerprint(cluster, found, fingerprint)
    with workspace.locked():
        signed = inventory.put(workspace, inventory.with_key(document, found.shown))
    done(workspace, form, signed, at_once=at_once)


def _decide(session: Session, cluster: ClusterName, found: Approval, fingerprint: str | None, *, yes: bool) -> None:
    if found.endorsed:
        note(
            f"The key is endorsed by the pinned key, {found.pinned_fingerprint}: the cluster asked for another itself."
        )
    elif found.pinned:
        note(
            f"WARNING: the key is not endorsed by the pinned key, {found.pinned_fingerprint}. "
            f"Approve it only if {cluster}'s agent has lost its identity or was installed anew."
        )
    if fingerprint is not None:
        if fingerprint != found.fingerprint:
            raise _other_fingerprint(cluster, found, fingerprint)
        return
    if yes:
        return
    if not session.interactive:
        raise UsageError(
            Code.NOT_CONFIRMED,
            "there is nobody to compare the fingerprint",
            where=f"cluster {cluster}",
            remedy="give --fingerprint from the agent's log, or --yes",
        )
    if not click.confirm("Is that the fingerprint in the agent's own log?", err=True):
        raise UsageError(Code.NOT_CONFIRMED, "the key was not approved", where=f"cluster {cluster}")


def _other_fingerprint(cluster: ClusterName, found: Approval, expected: str | None) -> UsageError:
    return UsageError(
        Code.FINGERPRINT,
        f"the key has fingerprint {found.fingerprint}, not {expected}",
        where=f"cluster {cluster}",
        remedy="read the fingerprint in the agent's own log; if that is the expected one, do not trust this hub",
    )


def done(workspace: Workspace, form: Form, signed: Signed, *, at_once: bool) -> None:
    """Print what was signed, or publish it."""
    if at_once:
        show(form, publish(workspace, refresh=False, allow_lockout=False, ask=False))
        return
    emit(form, signed, Sheet(["change", "document"], [[signed.change.value, signed.document]]))
    if signed.change is not signing.Difference.UNCHANGED:
        note("`edict publish` makes it part of the next release.")
