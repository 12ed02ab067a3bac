"""`edict sign`: documents into the pending release."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from edict.errors import UsageError
from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.parse import Parsed, is_bare_upstream, load, to_yaml, wrap_upstream
from edict.policy.validate import policy_id
from edict.trust.roles import cluster_path, policy_path
from edict_cli import release, signing
from edict_cli.arguments import placement as read_placement
from edict_cli.arguments import team_and_name
from edict_cli.checking import warnings
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.signing import Difference, Signed
from edict_cli.store import files as stored
from edict_cli.store.settings import checked_team
from edict_cli.store.workspace import Workspace

STDIN = "stdin"


@click.command("sign", short_help="Sign documents into the pending release.")
@click.option(
    "-f", "--file", "files", multiple=True, type=click.Path(path_type=Path), help="A YAML file, - is stdin; repeatable."
)
@click.option("--team", help="Whose policies these are; the default is in workspace.yaml.")
@click.option("--placement", help="For a bare ClusterNetworkPolicy: all, or key=value[,...] of clusters.")
@click.option("--remove", multiple=True, metavar="TEAM/NAME", help="Take a policy out; repeatable.")
@click.option("--rebase", is_flag=True, help="Sign what is pending again, on top of the hub's newest release.")
@forms(Form.TABLE, Form.JSON, Form.YAML, Form.NAME)
@pass_session
def command(
    session: Session,
    *,
    files: tuple[Path, ...],
    team: str | None,
    placement: str | None,
    remove: tuple[str, ...],
    form: Form,
    rebase: bool,
) -> None:
    """Check documents and sign them, offline, into the pending release. `edict publish` sends it.

    A policy is signed with its team's key, a ManagedCluster with the inventory's. What is signed is the canonical
    form of a document; signing the same again changes nothing.

    \b
    Examples:
      edict sign -f deny-metadata.yaml -f allow-dns.yaml --team payments
      edict sign -f upstream.yaml --placement env=prod,region=eu
      edict sign --remove payments/deny-metadata
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    if not files and not remove and not rebase:
        raise UsageError(Code.COMMAND_LINE, "there is nothing to sign", where="edict sign", remedy="give -f FILE")
    with workspace.locked():
        if rebase:
            _rebase(workspace)
        contents: dict[str, bytes | None] = {}
        sources = [source for path in files for source in _add(contents, workspace, path, team, placement)]
        for finding in warnings(sources):
            note(finding.diagnostics())
        for name in remove:
            contents[policy_path(*team_and_name(name, where="--remove"))] = None
        with progress("signing"):
            outcome = signing.sign(workspace, contents)
    rows = [[item.change.value, item.document] for item in outcome]
    emit(form, outcome, Sheet(["change", "document"], rows), names=[item.document for item in outcome])
    _tell(outcome)


def _add(
    contents: dict[str, bytes | None], workspace: Workspace, path: Path, team: str | None, placement: str | None
) -> Iterator[PolicySource]:
    """Add the documents of a file to what is to be signed, and yield its policies."""
    for parsed in _read(path, placement):
        document = parsed.document
        if isinstance(document, FederatedNetworkPolicy):
            owner = _team(workspace, team)
            policy_id(owner, document.metadata.name)
            target = policy_path(owner, document.metadata.name)
            yield PolicySource(owner, document, parsed.origin)
        else:
            target = cluster_path(document.metadata.name)
        if target in contents:
            raise UsageError(Code.COMMAND_LINE, f"{target} is given twice", where=str(path), remedy="keep one of them")
        contents[target] = to_yaml(document)


def _read(path: Path, placement: str | None) -> Iterator[Parsed]:
    source = STDIN if path == Path("-") else str(path)
    data = sys.stdin.buffer.read() if source == STDIN else stored.read(path)
    if placement is not None and is_bare_upstream(data, source):
        yield wrap_upstream(data, source, read_placement(placement))
        return
    parsed = load(data, source)
    if not parsed:
        raise UsageError(Code.NOTHING_SIGNED, "the file holds no document", where=source, remedy="write one in it")
    if placement is not None:
        raise UsageError(
            Code.COMMAND_LINE,
            "--placement is for a bare ClusterNetworkPolicy, and this document has its own",
            where=source,
            remedy="leave --placement out, or change spec.placement in the file",
        )
    yield from parsed


def _team(workspace: Workspace, asked: str | None) -> str:
    if asked is not None:
        return checked_team(asked)
    if not workspace.settings.team:
        raise UsageError(
            Code.NO_TEAM,
            "no team is named, and workspace.yaml has no default",
            where="--team",
            remedy="say --team NAME, or set team in workspace.yaml",
        )
    return workspace.settings.team


def _rebase(workspace: Workspace) -> None:
    with progress("fetching the newest release"), HubClient(workspace) as hub:
        state = release.newest(workspace, hub)
    if state.release:
        signing.rebase(workspace, state)
    note(f"What is pending builds on release {state.release}.")


def _tell(outcome: list[Signed]) -> None:
    changed = sum(item.change is not Difference.UNCHANGED for item in outcome)
    if changed:
        note(f"Signed {changed} of {len(outcome)}; `edict publish` makes them the next release.")
    elif outcome:
        note("Nothing changed.")
