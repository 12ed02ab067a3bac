"""`edict explain`: would a connection be accepted, and which rule says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from msgspec.structs import replace

from edict.errors import UsageError
from edict.policy.checks import PolicySource
from edict.policy.manifests import Manifest, observe
from edict.policy.model import Action, Mode
from edict.policy.rules import Direction
from edict_cli import asking, cluster_files
from edict_cli.codes import Code
from edict_cli.explaining import explain, headline, sheet
from edict_cli.output import Form, emit, forms, note, progress
from edict_cli.policy_files import only_policies
from edict_cli.policy_options import agent_namespace_option, files_option, team_option
from edict_cli.store.settings import checked_team

DENIED = 1
BOTH = "both"


@click.command("explain", short_help="Walk a connection to the rule that decides it.")
@files_option("Policies: a")
@click.option("--from", "source", required=True, metavar="NS/POD|IP", help="Who connects.")
@click.option("--to", "destination", required=True, metavar="NS/POD|IP|DOMAIN", help="To whom.")
@click.option(
    "--port", required=True, metavar="443/TCP", help="Destination port, or icmp (a ping), or another protocol."
)
@click.option("--request", metavar="'GET /PATH'", help="An HTTP request over it; a URL may name the host.")
@click.option("--address", metavar="IP", help="What the domain name stands for; looked up where it is not given.")
@click.option(
    "--direction",
    type=click.Choice([*(one.value for one in Direction), BOTH]),
    default=BOTH,
    show_default=True,
    help="Ask only one end: egress is the source's.",
)
@click.option(
    "--world",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The cluster: manifests that kubectl printed, or a folder of them; - is stdin; repeatable.",
)
@click.option("--context", metavar="NAME", help="Read the cluster itself, by a context of the kubeconfig.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Read the cluster itself, by this kubeconfig.")
@team_option
@agent_namespace_option
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
def command(
    *,
    files: tuple[Path, ...],
    source: str,
    destination: str,
    port: str,
    request: str | None,
    address: str | None,
    direction: str,
    world: tuple[Path, ...],
    context: str | None,
    kubeconfig: Path | None,
    team: str,
    agent_namespace: str,
    form: Form,
) -> int:
    """Say what becomes of one new connection, tier by tier, up to the rule that decides. Changes nothing.

    Each end that is a pod is asked: the source for its egress, the destination for its ingress; both must accept. The
    answer is the reference meaning of the policies, which every plugin is translated to. Every policy of the files is
    taken as placed on the cluster; one that only observes decides nothing.

    \b
    The cluster is read from its API server (--context, --kubeconfig; it only lists), or from files:
      kubectl get namespaces,pods,nodes,networkpolicies -A -o yaml > cluster.yaml

    The address is that of a pod, after a Service has chosen it. What a pod says to itself, and what its own node says
    to it, is not subject to policy.

    \b
    Exit code: 0 it is accepted, 1 it is denied, 2 an error.

    \b
    Examples:
      edict explain -f policies/ --world cluster.yaml --from shop/web --to shop/db --port 5432/TCP
      edict explain -f policies/ --context fra1 --from shop/web --to api.example.com --port 443
      edict explain -f policies/ --context fra1 --from 203.0.113.7 --to shop/web --port 443
      edict explain -f p.yaml --world c.yaml --from shop/web --to shop/api --port 80 --request 'GET /status'
      edict explain -f p.yaml --world c.yaml --from shop/web --to 10.0.0.7 --port icmp/8 -o json | jq .verdict
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    if Path("-") in files and Path("-") in world:
        raise UsageError(
            Code.COMMAND_LINE,
            "standard input cannot be both the policies and the cluster",
            where="--file, --world",
            remedy="give a file for one",
        )
    policies = _policies(files, checked_team(team))
    with progress("reading the cluster"):
        observed = observe(_manifests(world, context, kubeconfig))
    if observed.left_out:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(observed.left_out.items()))
        note(f"Left out, since they say nothing of connections: {kinds}.")
    places, known = asking.ends(observed.world, source, destination, address)
    directions = list(Direction)[::-1] if direction == BOTH else [Direction(direction)]
    flow = asking.flow(places, port, request)
    with progress("walking"):
        explained = explain(replace(observed, world=known), policies, places, flow, directions, agent_namespace)
    emit(form, explained, sheet(explained, wide=form is Form.WIDE))
    for line in headline(explained):
        note(line)
    return DENIED if explained.verdict is Action.DENY else 0


def _policies(files: tuple[Path, ...], team: str) -> list[PolicySource]:
    """Return the policies of the files, and tell which of them only observe."""
    policies = only_policies(files, team)
    observing = [one.id for one in policies if one.document.spec.mode is Mode.OBSERVE]
    if observing:
        note(f"Decide nothing, since they only observe: {', '.join(observing)}.")
    return policies


def _manifests(world: tuple[Path, ...], context: str | None, kubeconfig: Path | None) -> Iterable[Manifest]:
    live = context is not None or kubeconfig is not None
    if live == bool(world):
        raise UsageError(
            Code.COMMAND_LINE,
            "the cluster is given twice" if live else "no cluster is given",
            where="--world, --context, --kubeconfig",
            remedy="give --world FILE, or --context NAME to read the cluster itself",
        )
    if not live:
        return cluster_files.from_files(world)
    return cluster_files.from_server(context, kubeconfig)
