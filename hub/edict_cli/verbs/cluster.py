"""`edict cluster`: the signed inventory; beside it who may enrol and connect, and whose receipts count."""

from __future__ import annotations

from typing import Literal

import click

from edict.policy.documents import ManagedCluster, ManagedClusterSpec, ObjectMeta
from edict.trust.roles import cluster_path
from edict_cli import arguments, inventory, signing
from edict_cli.output import Form, forms
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.cluster_approve import approve, done
from edict_cli.verbs.cluster_ban import ban, unban
from edict_cli.verbs.cluster_floor import clear_floor
from edict_cli.verbs.cluster_token import reenrol, token


@click.group("cluster", short_help="Add clusters, let them enrol, pin their receipt keys, ban them.")
def command() -> None:
    """Manage the signed inventory of clusters.

    \b
    The way of a cluster:
      edict cluster add fra1 --plugin cilium --label env=prod && edict publish
      edict cluster token fra1            a one-time token for its agent
      edict cluster approve fra1          compare the fingerprint, pin the key of its receipts
      edict publish
      edict cluster reenrol fra1          a token for an agent whose identity is lost
      edict cluster ban fra1 --reason ... cut it off at once; unban and reenrol let it back
      edict cluster clear-floor fra1      after its lost memory was looked into
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
    done(workspace, form, signed, at_once=at_once)


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
    done(workspace, form, signed, at_once=at_once)


for each in (token, reenrol, approve, ban, unban, clear_floor):
    command.add_command(each)
