"""`edict sign`: documents into the pending release."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from edict.errors import TrustError, UsageError
from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy, Waiver
from edict.policy.parse import Parsed, is_bare_upstream, load, to_yaml, wrap_upstream
from edict.policy.validate import policy_id
from edict.trust.roles import cluster_path, policy_path, waiver_path
from edict.trust.state import TrustState
from edict_cli import exchange, limiting, preparing, release, signing, trusting, waivers
from edict_cli.arguments import placement as read_placement
from edict_cli.arguments import team_and_name, waiver_name
from edict_cli.checking import warnings
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.signing import Difference, Signed
from edict_cli.store import files as stored
from edict_cli.store.settings import checked_team
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.sign_exchange import conclude, cosign

STDIN = "stdin"


@click.command("sign", short_help="Sign documents into the pending release.")
@click.option(
    "-f", "--file", "files", multiple=True, type=click.Path(path_type=Path), help="A YAML file, - is stdin; repeatable."
)
@click.option("--team", help="Whose policies these are; the default is in workspace.yaml.")
@click.option("--placement", help="For a bare ClusterNetworkPolicy: all, or key=value[,...] of clusters.")
@click.option("--remove", multiple=True, metavar="TEAM/NAME", help="Take a policy out; repeatable.")
@click.option("--remove-waiver", multiple=True, metavar="NAME", help="Take a waiver out; repeatable.")
@click.option("--rebase", is_flag=True, help="Sign what is pending again, on top of the hub's newest release.")
@click.option("--drop", is_flag=True, help="Forget everything that is pending.")
@click.option("--in", "source", type=click.Path(path_type=Path), help="Look at and sign what another author wrote.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what is pending for another author to sign.")
@click.option("--yes", is_flag=True, help="With --in: sign without being asked.")
@forms(Form.TABLE, Form.JSON, Form.YAML, Form.NAME)
@pass_session
def command(
    session: Session,
    *,
    files: tuple[Path, ...],
    team: str | None,
    placement: str | None,
    remove: tuple[str, ...],
    remove_waiver: tuple[str, ...],
    form: Form,
    rebase: bool,
    drop: bool,
    source: Path | None,
    out: Path | None,
    yes: bool,
) -> None:
    """Check documents and sign them, offline, into the pending release. `edict publish` sends it.

    A policy is signed with its team's key, a ManagedCluster with the inventory's, a Waiver with that of the role
    waivers. What is signed is the canonical form of a document; signing the same again changes nothing.

    Where a role needs several signatures, authors on several machines exchange one file: --out writes it; --in shows
    what another author's file would change, checks it against the trusted release that is known here, asks, and adds
    the signatures that this workspace can give. Whoever imports the last signature publishes.

    \b
    Examples:
      edict sign -f deny-metadata.yaml -f allow-dns.yaml --team payments
      edict sign -f upstream.yaml --placement env=prod,region=eu
      edict sign --remove payments/deny-metadata
      edict sign -f deny-metadata.yaml --out release.edict             the first author
      edict sign --in release.edict --out release.edict                the second
      edict sign --in release.edict && edict publish                   the first again
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    asked = bool(files or remove or remove_waiver)
    if source is not None and (asked or rebase or drop):
        raise UsageError(
            Code.COMMAND_LINE, "--in stands alone, or with --out", where="edict sign", remedy="run the command twice"
        )
    if not (asked or rebase or drop or source is not None or out is not None):
        raise UsageError(Code.COMMAND_LINE, "there is nothing to sign", where="edict sign", remedy="give -f FILE")
    with workspace.locked():
        if drop:
            workspace.pending.drop()
            note("Nothing is pending any more.")
            if trusting.restore_timestamp_key(workspace):
                note(f"{workspace.hub}/{trusting.TIMESTAMP_KEY} is the key again that the trust root names.")
        if rebase:
            _rebase(workspace)
        if source is not None:
            cosign(workspace, source, form, ask=not yes)
        elif asked:
            contents: dict[str, bytes | None] = {}
            sources = [each for path in files for each in _add(contents, workspace, path, team, placement)]
            _remove(contents, remove, remove_waiver)
            _sign(workspace, contents, sources, form)
        if out is not None:
            exchange.write(out, exchange.pending_of(workspace))
            note(f"Wrote {out}: another author signs it with `edict sign --in {out.name} --out {out.name}`.")
        if source is not None:
            conclude(workspace)


def _sign(workspace: Workspace, contents: dict[str, bytes | None], sources: list[PolicySource], form: Form) -> None:
    for finding in warnings(sources):
        note(finding.diagnostics())
    base = workspace.repository.base(workspace.repository.state())
    holdings = preparing.holdings_after(base, workspace.pending.wanted())
    owned = {policy_path(source.team, source.document.metadata.name): source.document for source in sources}
    for text in limiting.narrowings(owned, holdings):
        note(text)
    with progress("signing"):
        outcome = signing.sign(workspace, contents)
    for finding in waivers.absent(contents, signing.paths(workspace)):
        note(finding.diagnostics())
    rows = [[item.change.value, item.document] for item in outcome]
    emit(form, outcome, Sheet(["change", "document"], rows), names=[item.document for item in outcome])
    _tell(workspace, outcome)


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
            is_waiver = isinstance(document, Waiver)
            target = (waiver_path if is_waiver else cluster_path)(document.metadata.name)
        if target in contents:
            raise _twice(target, str(path))
        contents[target] = to_yaml(document)


def _remove(contents: dict[str, bytes | None], remove: Iterable[str], remove_waiver: Iterable[str]) -> None:
    """Add what is to be taken out to what is to be signed."""
    gone = [policy_path(*team_and_name(name, where="--remove")) for name in remove]
    for target in (*gone, *(waiver_path(waiver_name(name)) for name in remove_waiver)):
        if contents.setdefault(target, None) is not None:
            raise _twice(target, "--remove")


def _twice(target: str, where: str) -> UsageError:
    return UsageError(Code.COMMAND_LINE, f"{target} is given twice", where=where, remedy="keep one of them")


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
            _fetch(workspace, hub, state)
    empty = not workspace.pending.roles()
    note(f"{'The newest release is' if empty else 'What is pending builds on release'} {state.release}.")


def _fetch(workspace: Workspace, hub: HubClient, state: TrustState) -> None:
    """Get the documents of a release, with which a change of another author is compared; it counts without them."""
    try:
        release.contents(workspace, hub, state.documents.values())
    except TrustError as error:
        note(error.diagnostics().replace("Error", "Warning", 1))


def _tell(workspace: Workspace, outcome: list[Signed]) -> None:
    changed = sum(item.change is not Difference.UNCHANGED for item in outcome)
    if not changed:
        note("Nothing changed.")
        return
    standings = preparing.standings_of(workspace.repository.base(), workspace.pending.roles())
    complete = all(one.complete for one in standings)
    note(f"Signed {changed} of {len(outcome)}{'; `edict publish` makes them the next release' if complete else ''}.")
    if not complete:
        note(preparing.below(standings, "pending").diagnostics().replace("Error", "Note", 1))
