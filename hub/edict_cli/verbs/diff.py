"""`edict diff`: which connections change their verdict between two sets of policies."""

from __future__ import annotations

from pathlib import Path

import click

from edict.errors import UsageError
from edict_agent.translate.facts import Facts, ground_of
from edict_cli import comparing
from edict_cli.arguments import labels
from edict_cli.codes import Code
from edict_cli.comparing import MAY_CHANGE
from edict_cli.facts_file import read_facts
from edict_cli.output import Form, emit, forms, note, progress
from edict_cli.policy_options import agent_namespace_option, facts_option

DIFFERENT = 1


@click.command("diff", short_help="Show which connections change their verdict.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--cluster", metavar="LABELS", help="Compare what one cluster gets: its labels, key=value[,...]; none for no label."
)
@facts_option
@agent_namespace_option
@forms()
def command(
    *, old: Path, new: Path, cluster: str | None, facts_file: Path | None, agent_namespace: str, form: Form
) -> int:
    """Say which connections OLD and NEW decide differently, and why. Needs no hub, cluster or key.

    OLD and NEW are each a YAML or JSON file, a folder of them, or - for standard input. A bare ClusterNetworkPolicy may
    stand among them; it is for every cluster. What is compared is meaning, not text: rules that move, are renamed or
    are written in another way and decide the same are no difference. Policies with mode Observe decide nothing.

    A verdict is one of: Accept and Deny, by the Admin tier; "local, else Accept" and "local, else Deny" where the Admin
    tier leaves it: the cluster's own NetworkPolicies decide for the pods that they select, and else what is said.

    A row is a set of connections, with one of them as an example. "may change" is said of a set of which it was not
    computed whether any connection in it changes; nothing is left out.

    A policy whose placement changes is a difference on the clusters that gain or lose it. With --cluster only what a
    cluster with those labels gets is compared. With --facts (podCIDRs, nodeCIDRs) networks are told from pods and
    nodes; without, a pod may have any address.

    \b
    Exit code: 0 no verdict changes, 1 some change or may change, 2 an error.

    \b
    Examples:
      edict diff published/ policies/
      edict diff old.yaml new.yaml --cluster env=prod,region=eu
      git show HEAD:deny-metadata.yaml | edict diff - deny-metadata.yaml -o json
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    if old == new == Path("-"):
        raise UsageError(
            Code.COMMAND_LINE, "standard input cannot be both sets", where="OLD NEW", remedy="give a file for one"
        )
    chosen = None if cluster is None else labels_of_cluster(cluster)
    ground = ground_of(Facts() if facts_file is None else read_facts(facts_file))
    before, after = (comparing.read_set(path, chosen) for path in (old, new))
    with progress("comparing"):
        found = comparing.compared(before, after, ground, agent_namespace)
    emit(form, found, comparing.sheet(found))
    unsure = sum(change.verdict == MAY_CHANGE for change in found.changes)
    if not found.changes:
        note("No verdict changes.")
    elif unsure:
        note(f"{unsure} of {len(found.changes)} pairs of rules may change a verdict: too much to compute.")
    return DIFFERENT if found.changes else 0


def labels_of_cluster(text: str) -> dict[str, str]:
    """Read ``none`` or ``key=value[,key=value]``.

    Raises:
        UsageError: EDICT0610.
    """
    remedy = "write key=value[,key=value], such as env=prod, or none for a cluster without labels"
    return {} if text == "none" else labels(text.split(","), where="--cluster", remedy=remedy)
