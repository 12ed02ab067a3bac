"""`edict get`: what the verified release says, and what clusters prove."""

from __future__ import annotations

import click
import msgspec

from edict.errors import UsageError
from edict.policy.parse import to_yaml
from edict.trust.receipts import PolicyState, ReceiptBody, envelope_digest
from edict.trust.roles import policy_path
from edict.trust.state import Target
from edict_cli import arguments, catalogue, evidence, inventory, release
from edict_cli.codes import Code
from edict_cli.conformance import counted
from edict_cli.conformance_table import conformance_sheet
from edict_cli.fleet import Fleet
from edict_cli.fleet_table import ago
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.get_waivers import show_waivers

ALL_FORMS = (Form.TABLE, Form.WIDE, Form.JSON, Form.YAML, Form.NAME)
SHORT_DIGEST = 12


@click.group("get", short_help="Show clusters, policies, the release, receipts.")
def command() -> None:
    """Show what the newest release says, after verifying it from this workspace's trust root.

    \b
    Examples:
      edict get clusters
      edict get policies -o wide
      edict get policy payments/deny-metadata      how each rule stands on each cluster
      edict get receipts fra1
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@command.command("clusters", short_help="The signed inventory.")
@forms(*ALL_FORMS)
@pass_session
def clusters(session: Session, *, form: Form) -> None:
    """List the signed inventory: clusters, labels, whether a receipt key is pinned; and who is banned at the hub."""
    workspace = Workspace(session)
    with HubClient(workspace) as hub, progress("fetching the release"):
        state = release.newest(workspace, hub)
        targets = [target for target in state.documents.values() if target.kind == "ManagedCluster"]
        bans = {status.name: status.ban_reason for status in hub.status().clusters if status.banned}
        entries = catalogue.clusters(release.documents(workspace, hub, targets), bans)
    rows = [
        [
            entry.name,
            entry.plugin,
            entry.owner or "-",
            ",".join(f"{key}={value}" for key, value in sorted(entry.labels.items())) or "-",
            entry.receipt_key or "not approved",
            (entry.ban_reason or "no reason") if entry.banned else "-",
        ]
        for entry in entries
    ]
    sheet = Sheet(["cluster", "plugin", "owner", "labels", "receipt key", "banned"], rows)
    emit(form, entries, sheet, names=[entry.name for entry in entries])
    _tell_when_empty(entries, "There is no cluster yet. Try: edict cluster add NAME --plugin cilium")


@command.command("policies", short_help="The policies of the release.")
@forms(*ALL_FORMS)
@pass_session
def policies(session: Session, *, form: Form) -> None:
    """List the policies of the newest release in order of precedence, and on how many clusters each is placed."""
    workspace = Workspace(session)
    with HubClient(workspace) as hub, progress("fetching the release"):
        state = release.newest(workspace, hub)
        targets = [target for target in state.documents.values() if target.team]
        entries = catalogue.policies(state, release.documents(workspace, hub, targets))
    rows = [
        [
            entry.policy,
            entry.tier,
            str(entry.priority),
            entry.mode,
            str(entry.rules),
            str(len(entry.clusters)),
            ",".join(entry.clusters) or "-",
            entry.digest[:SHORT_DIGEST],
        ]
        for entry in entries
    ]
    columns = ["policy", "tier", "priority", "mode", "rules", "clusters", "placed on", "document"]
    sheet = Sheet(columns, rows, frozenset({"placed on", "document"}))
    emit(form, entries, sheet, names=[entry.policy for entry in entries])
    _tell_when_empty(entries, "There is no policy yet. Try: edict sign -f FILE, then edict publish")


@command.command("policy", short_help="One policy: how each rule stands on each cluster.")
@click.argument("policy", metavar="TEAM/NAME")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
@pass_session
def policy(session: Session, *, policy: str, form: Form) -> int:
    """Show the conformance of one policy, rule by rule, from the clusters' own receipts.

    A rule is exact, approximate or unsupported in a cluster's dialect; what is not exact says why. `-o wide` also
    prints the document. Exit code: 0 Compliant everywhere, 1 not, 3 a cluster is Unknown.
    """
    workspace = Workspace(session)
    team, name = arguments.team_and_name(policy, where="TEAM/NAME")
    fleet = Fleet(workspace, [], evidence.STALE_AFTER)
    with HubClient(workspace) as hub, progress("asking the hub"):
        state = release.newest(workspace, hub)
        target = _policy_target(state.documents.get(policy_path(team, name)), policy)
        fleet.take(hub.status())
        document = release.documents(workspace, hub, [target])[target.path]
    found = catalogue.conformance(fleet.view(state).clusters, policy)
    emit(form, {"document": document, "clusters": found}, conformance_sheet(found, target, document))
    if form is Form.WIDE:
        click.echo(f"---\n{to_yaml(document).decode()}", nl=False)
    _tell_when_empty(found, "It is placed on no cluster: compare its placement with `edict get clusters`.")
    states = {item.report.state for item in found}
    return 3 if PolicyState.UNKNOWN in states else int(bool(states - {PolicyState.COMPLIANT}))


@command.command("release", short_help="The newest release and its roles.")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
@pass_session
def show_release(session: Session, *, form: Form) -> None:
    """Show the newest release: its number, when it expires, and the version of every role.

    A team's documents are spread over sixteen roles; `-o wide` shows each of them.
    """
    workspace = Workspace(session)
    with HubClient(workspace) as hub, progress("fetching the release"):
        entry = catalogue.release(release.newest(workspace, hub))
    if not form.structured:
        until = f", accepted until {entry.expires:%Y-%m-%d %H:%M} UTC" if entry.expires else ""
        click.echo(f"Release {entry.release}: {entry.policies} policies, {entry.clusters} clusters{until}.")
    emit(form, entry, Sheet(["role", "version", "documents"], catalogue.role_rows(entry, bins=form is Form.WIDE)))


@command.command("receipts", short_help="What a cluster signed, receipt by receipt.")
@click.argument("name", metavar="CLUSTER")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
@pass_session
def receipts(session: Session, *, name: str, form: Form) -> None:
    """Show the chain of receipts of a cluster, each verified with the pinned key and against the one before.

    `-o wide` names the policies that a receipt is about.
    """
    workspace = Workspace(session)
    cluster = arguments.cluster_name(name)
    with HubClient(workspace) as hub, progress("asking the hub"):
        custom = evidence.clusters_of(release.newest(workspace, hub)).get(cluster)
        said = {status.name: status for status in hub.status([cluster]).clusters}.get(cluster)
    if custom is None:
        raise inventory.unknown(cluster)
    if not custom.receipt_key:
        raise UsageError(
            Code.NOT_ENROLLED,
            f"no receipt key is pinned for {cluster}, so that none of its receipts counts",
            where=f"cluster {cluster}",
            remedy=evidence.way_to_a_key(cluster, said),
        )
    chain = evidence.chain(cluster, custom.receipt_key, said) if said is not None else ()
    now = session.now()
    rows = [
        [
            str(body.sequence),
            ago(body.time, now),
            str(body.release),
            "base" if body.base else "",
            counted(body.policies) or "-",
            str(len(body.removed) or "-"),
            envelope_digest(envelope)[:SHORT_DIGEST],
            ", ".join([*(f"{report.policy} {report.state}" for report in body.policies), *_gone(body)]) or "-",
        ]
        for envelope, body in chain
    ]
    columns = ["sequence", "signed", "release", "kind", "changed", "removed", "digest", "policies"]
    emit(form, [msgspec.to_builtins(body) for _, body in chain], Sheet(columns, rows, frozenset({"policies"})))
    _tell_when_empty(rows, f"{cluster} has not sent a receipt.")


command.add_command(show_waivers)


def _gone(body: ReceiptBody) -> list[str]:
    return [f"{policy} removed" for policy in body.removed]


def _policy_target(target: Target | None, policy: str) -> Target:
    if target is None:
        raise UsageError(
            Code.NO_POLICY,
            f"the release has no policy {policy}",
            where=policy,
            remedy="`edict get policies` lists what there is; what is pending must be published first",
        )
    return target


def _tell_when_empty(entries: object, text: str) -> None:
    if not entries:
        note(text)
