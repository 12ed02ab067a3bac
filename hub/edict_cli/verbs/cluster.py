"""`edict cluster`: the signed inventory, enrolment tokens, receipt keys."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Literal

import click

from edict.errors import UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.token import SECRET_BYTES, Token
from edict.policy.documents import ManagedCluster, ManagedClusterSpec, ObjectMeta
from edict.trust.roles import cluster_path
from edict_cli import arguments, inventory, release, signing
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.inventory import Approval
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.signing import Signed
from edict_cli.store import files
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import publish, show

MAX_TTL = timedelta(days=7)


@click.group("cluster", short_help="Add clusters, let them enrol, pin their receipt keys.")
def command() -> None:
    """Manage the signed inventory of clusters.

    \b
    The way of a cluster:
      edict cluster add fra1 --plugin cilium --label env=prod && edict publish
      edict cluster token fra1            a one-time token for its agent
      edict cluster approve fra1          compare the fingerprint, pin the key of its receipts
      edict publish
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@command.command("add", short_help="Sign a cluster into the inventory.")
@click.argument("name")
@click.option("--plugin", required=True, type=click.Choice(["cilium", "calico", "other"]), help="Its network plugin.")
@click.option("--label", "pairs", multiple=True, metavar="K=V", help="Decides placement; repeatable.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--publish", "at_once", is_flag=True, help="Publish at once.")
@forms()
@pass_session
def add(
    session: Session,
    *,
    name: str,
    plugin: Literal["cilium", "calico", "other"],
    pairs: tuple[str, ...],
    owner: str,
    form: Form,
    at_once: bool,
) -> None:
    """Sign the cluster NAME into the inventory, or change it; a receipt key that is pinned stays.

    \b
    Example:
      edict cluster add fra1 --plugin cilium --label env=prod --label region=eu --owner platform
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    labels = arguments.labels(pairs, where="--label")
    with workspace.locked():
        spec = ManagedClusterSpec(plugin=plugin, owner=owner)
        spec = inventory.with_spec(inventory.present(workspace, None, cluster), spec)
        document = ManagedCluster(
            api_version="federation.edict.dev/v1alpha1", metadata=ObjectMeta(cluster, labels), spec=spec
        )
        signed = inventory.put(workspace, document)
    _done(workspace, form, signed, at_once=at_once)


@command.command("remove", short_help="Take a cluster out of the inventory.")
@click.argument("name")
@click.option("--publish", "at_once", is_flag=True, help="Publish at once.")
@forms()
@pass_session
def remove(session: Session, *, name: str, form: Form, at_once: bool) -> None:
    """Sign the cluster NAME out of the inventory: no policy is placed on it any more, and it cannot enrol again."""
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with workspace.locked():
        signed = signing.sign(workspace, {cluster_path(cluster): None})[0]
    _done(workspace, form, signed, at_once=at_once)


@command.command("token", short_help="Make a one-time token for a cluster's agent.")
@click.argument("name")
@click.option("--ttl", default="1h", show_default=True, help="How long it can be used: 30m, 1h, 2d.")
@forms()
@pass_session
def token(session: Session, *, name: str, ttl: str, form: Form) -> None:
    """Print a token with which the agent of the published cluster NAME can enrol once.

    The secret is made here; the hub is told its hash alone. The token pins the hub's CA and the trust root, so that
    the agent needs to believe nothing that the hub says. The token alone is printed on standard output.

    \b
    Example:
      edict cluster token fra1 --ttl 30m > token && chmod 600 token
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    expires = session.now() + arguments.duration(ttl, where="--ttl", most=MAX_TTL)
    with HubClient(workspace) as hub, progress("telling the hub the token's hash"):
        if cluster_path(cluster) not in release.newest(workspace, hub).documents:
            raise inventory.unknown(cluster)
        made = Token(
            cluster=cluster,
            hub=workspace.settings.hub,
            enrol=workspace.settings.enrol,
            trust_domain=workspace.settings.trust_domain,
            secret=secrets.token_bytes(SECRET_BYTES),
            ca_pem=files.read(workspace.operator / "ca.crt").decode(),
            root_sha256=digest_of(workspace.repository.root()),
        )
        request = pb.CreateTokenRequest(
            cluster=cluster, secret_sha256=made.secret_sha256, expires_unix=int(expires.timestamp())
        )
        hub.create_token(request)
    text = made.encode()
    if form.structured:
        emit(form, {"cluster": cluster, "token": text, "expires": expires}, Sheet([]))
    else:
        click.echo(text)
    note(f"Valid until {expires:%Y-%m-%d %H:%M} UTC, once. Anybody who has it can enrol as {cluster}.")


@command.command("approve", short_help="Pin the key that a cluster signs its receipts with.")
@click.argument("name")
@click.option("--fingerprint", help="Approve without a question when the key has this fingerprint (SHA256:...).")
@click.option("--yes", is_flag=True, help="Approve without a question, whatever the key.")
@click.option("--publish", "at_once", is_flag=True, help="Publish at once.")
@forms()
@pass_session
def approve(session: Session, *, name: str, fingerprint: str | None, form: Form, yes: bool, at_once: bool) -> None:
    """Show the receipt key of the enrolled cluster NAME and sign it into the inventory.

    Compare the fingerprint with the one that the agent prints in its log: the hub that relays the key could have
    put its own in the place. From then on only receipts of this key count.

    \b
    Example:
      edict cluster approve fra1 --fingerprint SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with HubClient(workspace) as hub, progress("asking for the cluster's key"):
        document, found = inventory.approval(workspace, hub, cluster)
    note(f"{cluster} signs its receipts with {found.fingerprint}")
    if found.shown != found.pinned:
        _decide(session, cluster, found, fingerprint, yes=yes)
    elif fingerprint not in {None, found.fingerprint}:
        raise _other_fingerprint(cluster, found, fingerprint)
    with workspace.locked():
        signed = inventory.put(workspace, inventory.with_key(document, found.shown))
    _done(workspace, form, signed, at_once=at_once)


def _decide(session: Session, cluster: ClusterName, found: Approval, fingerprint: str | None, *, yes: bool) -> None:
    if found.pinned:
        note(f"Another key is pinned for {cluster} so far; approve only if its agent was installed anew.")
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


def _done(workspace: Workspace, form: Form, signed: Signed, *, at_once: bool) -> None:
    if at_once:
        show(form, publish(workspace, refresh=False, allow_lockout=False, ask=False))
        return
    emit(form, signed, Sheet(["change", "document"], [[signed.change.value, signed.document]]))
    if signed.change is not signing.Difference.UNCHANGED:
        note("`edict publish` makes it part of the next release.")
