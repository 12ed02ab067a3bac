"""`edict translate`: what a cluster would be given, without one."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from edict.errors import UsageError
from edict_agent.translate import Dialect, Facts, Plan, translate
from edict_cli import preview
from edict_cli.codes import Code
from edict_cli.facts_file import read_facts
from edict_cli.output import note, progress
from edict_cli.policy_files import only_policies
from edict_cli.policy_options import agent_namespace_option, facts_option, files_option, team_option
from edict_cli.store.settings import checked_team

NOT_EXACT = 1
PLUGINS = {Dialect.CILIUM_TIERS: "cilium", Dialect.CILIUM: "cilium", Dialect.CALICO: "calico"}
"""The plugin of a dialect; the others are any plugin's."""


@click.command("translate", short_help="Show the objects that a cluster would be given.")
@files_option()
@click.option(
    "--dialect",
    required=True,
    type=click.Choice([dialect.value for dialect in Dialect]),
    help="What the cluster speaks.",
)
@facts_option
@team_option
@agent_namespace_option
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print.",
)
def command(
    *, files: tuple[Path, ...], dialect: str, facts_file: Path | None, team: str, agent_namespace: str, form: str
) -> int:
    """Translate policies as an agent would, and say of every rule how exactly. Needs no cluster, hub or key.

    Every policy is taken as placed on the cluster; a bare ClusterNetworkPolicy may stand among them. The YAML goes to
    `kubectl apply` as it is: what is said of the rules stands in comments. A policy that the dialect cannot say exactly
    is refused whole and has no objects.

    \b
    The facts, all optional; one that is not given is unknown, which never makes a rule exact:
      cniVersion: 1.20.2
      podCIDRs: [10.244.0.0/16]
      nodeCIDRs: [172.18.0.0/16]
      clusterName: fra1
      options: {enable-l7-proxy: "true"}

    \b
    Exit code: 0 every rule is exact, 1 some rule is not, 2 an error.

    \b
    Examples:
      edict translate -f deny-metadata.yaml --dialect calico
      edict translate -f policies/ --dialect cilium --facts fra1.yaml | kubectl apply --dry-run=server -f -
      edict translate -f policies/ --dialect cilium -o json | jq '.rules[] | select(.fidelity != "exact")'
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    facts = Facts() if facts_file is None else read_facts(facts_file)
    if facts.plugin and PLUGINS.get(Dialect(dialect), facts.plugin) != facts.plugin:
        raise UsageError(
            Code.COMMAND_LINE,
            f"the facts are of a cluster with {facts.plugin}, which does not speak {dialect}",
            where="--dialect, --facts",
            remedy="give the facts of another cluster, or another dialect",
        )
    policies = [preview.placed(source) for source in only_policies(files, checked_team(team))]
    with progress("translating"):
        plan = translate(Dialect(dialect), policies, facts, agent_namespace)
        shown = _json(plan) if form == "json" else preview.as_yaml(plan)
        names, rules = preview.lacking(plan, policies, facts, agent_namespace)
    click.echo(shown, nl=False)
    if names:
        plural = "rules are" if rules > 1 else "rule is"
        note(f"{rules} more {plural} exact where the facts are known: {', '.join(names)}. Try: --facts FILE")
    return 0 if preview.exact(plan) == preview.total(plan) else NOT_EXACT


def _json(plan: Plan) -> str:
    return msgspec.json.format(msgspec.json.encode(preview.preview(plan)), indent=2).decode() + "\n"
