"""`edict cluster token` and `reenrol`: a one-time token with which an agent gets an identity."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import click

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.token import SECRET_BYTES, Token
from edict.trust.roles import cluster_path
from edict_cli import arguments, inventory, release
from edict_cli.believed import hub_is_known_by
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace

MAX_TTL = timedelta(days=7)
_TTL = click.option("--ttl", default="1h", show_default=True, help="How long it can be used: 30m, 1h, 2d.")


@click.command("token", short_help="Make a one-time token for a cluster's agent.")
@click.argument("name")
@_TTL
@forms()
@pass_session
def token(session: Session, *, name: str, ttl: str, form: Form) -> None:
    """Print a token with which the agent of the published cluster NAME can enrol once.

    The secret is made here; the hub is told its hash alone. The token pins the hub's CA and the trust root, so that
    the agent needs to believe nothing that the hub says. The token alone is printed on standard output.

    \b
    Example:
      (umask 077; edict cluster token fra1 --ttl 30m > token)
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    _print(session, name, ttl, form)


@click.command("reenrol", short_help="Make a token for an agent whose identity is lost.")
@click.argument("name")
@_TTL
@click.option(
    "--new-receipt-key", is_flag=True, help="The agent signs its receipts with a new key, endorsed by the old one."
)
@forms()
@pass_session
def reenrol(session: Session, *, name: str, ttl: str, form: Form, new_receipt_key: bool) -> None:
    """Print a token with which the agent of the cluster NAME gets a new identity in the place of the old one.

    Needed when the agent's identity Secret is lost, or its certificate ended more than 30 days ago: until then the
    agent re-enrols by itself, with its old key. It is a token as `edict cluster token` makes; give it to the agent
    and start the agent anew. It enrols with it at once, also while its old certificate is still good.

    \b
    The key of its receipts:
      the Secret is there       it stays; nothing has to be approved
      --new-receipt-key         a new key, endorsed by the old one; `edict cluster approve` says so
      the Secret is lost        a new key that nothing endorses; compare its fingerprint in the agent's log
    A new key needs `edict cluster approve NAME` and `edict publish`; until then the cluster is Unknown. What the old
    key signed stays evidence of the releases in which it was pinned.

    Somebody else may have the old identity? `edict cluster ban NAME` and `unban` first: a token alone revokes nothing
    of what was issued; after a ban only what is issued later counts.

    \b
    Example:
      (umask 077; edict cluster reenrol fra1 > token)
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    _print(session, name, ttl, form, new_receipt_key=new_receipt_key)


def _print(session: Session, name: str, ttl: str, form: Form, *, new_receipt_key: bool = False) -> None:
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    expires = session.now() + arguments.duration(ttl, where="--ttl", most=MAX_TTL)
    text = _made(workspace, cluster, expires, new_receipt_key=new_receipt_key).encode()
    if form.structured:
        emit(form, {"cluster": cluster, "token": text, "expires": expires}, Sheet([]))
    else:
        click.echo(text)
    note(f"Valid until {expires:%Y-%m-%d %H:%M} UTC, once. Anybody who has it can enrol as {cluster}.")


def _made(workspace: Workspace, cluster: ClusterName, expires: datetime, *, new_receipt_key: bool) -> Token:
    with HubClient(workspace) as hub, progress("telling the hub the token's hash"):
        state = release.newest(workspace, hub)
        if cluster_path(cluster) not in state.documents:
            raise inventory.unknown(cluster)
        made = Token(
            cluster=cluster,
            hub=workspace.settings.hub,
            enrol=workspace.settings.enrol,
            trust_domain=workspace.settings.trust_domain,
            secret=secrets.token_bytes(SECRET_BYTES),
            ca_pem=hub_is_known_by(workspace, state.root),
            root_sha256=digest_of(state.root),
            root_version=state.root_version,
            new_receipt_key=new_receipt_key,
        )
        request = pb.CreateTokenRequest(
            cluster=cluster, secret_sha256=made.secret_sha256, expires_unix=int(expires.timestamp())
        )
        hub.create_token(request)
        banned = any(one.name == cluster and one.banned for one in hub.status().clusters)
    if banned:
        note(f"Warning: {cluster} is banned, and no token lets it in. Try: `edict cluster unban {cluster}` first")
    return made
