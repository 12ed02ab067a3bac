"""`edict publish`: what is pending becomes the next release."""

from __future__ import annotations

import click

from edict.errors import UsageError, printable
from edict.trust.state import TrustState
from edict_cli import publishing, release, trust_changes, waivers
from edict_cli.checking import check_release, unplaced
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.planned import Plan
from edict_cli.publishing import Published
from edict_cli.session import Session, pass_session
from edict_cli.signing import Difference, Signed
from edict_cli.store.workspace import Workspace
from edict_cli.tracing import traced


@click.command("publish", short_help="Publish what was signed.")
@click.option("--refresh", is_flag=True, help="Renew the release's expiry, also when nothing is pending.")
@click.option("--allow-lockout", is_flag=True, help="Accept a policy that denies the agent's namespace by name.")
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
@forms()
@pass_session
def command(session: Session, *, form: Form, refresh: bool, allow_lockout: bool, yes: bool) -> None:
    """Publish everything that is pending as the next release.

    The hub's newest release is fetched and verified first. A release takes every team's newest signed documents;
    two policies of one tier with one priority are refused where a cluster has both and they may decide one
    connection differently. Warnings are of what changes, and of rules that could never match any more. Publishing
    twice is safe: when an answer was lost, the second run finds the release at the hub and says so.

    \b
    Examples:
      edict publish
      edict publish --refresh          renew the seven days for which clusters accept the release
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    ask = session.interactive and not yes
    show(form, publish(workspace, refresh=refresh, allow_lockout=allow_lockout, ask=ask), told=ask)


def publish(workspace: Workspace, *, refresh: bool, allow_lockout: bool, ask: bool) -> Published:
    """Publish; returns what that did.

    Raises:
        UsageError: EDICT0630 before the federation is founded, and what :func:`released` raises.
    """
    workspace.repository.root()  # before a hub is asked that cannot run yet
    with workspace.locked(), traced("publish") as traceparent, HubClient(workspace) as hub:
        return released(workspace, hub, refresh=refresh, allow_lockout=allow_lockout, ask=ask, traceparent=traceparent)


def released(
    workspace: Workspace, hub: HubClient, *, refresh: bool, allow_lockout: bool, ask: bool, traceparent: str
) -> Published:
    """Publish through a connected hub. Killed at any point, it is right to run again."""
    with progress("fetching the newest release"):
        state = release.newest(workspace, hub)
        planned = publishing.plan(workspace, state)
    if not refresh and (planned.found or (state.release and not planned.new)):
        publishing.finish(workspace, state)
        return _result(state, "found" if planned.found else "nothing", ())
    with progress("checking the release"):
        changed = {item.document for item in planned.changes if item.change is not Difference.REMOVED}
        documents = publishing.documents_after(workspace, hub, planned)
        findings = check_release(documents, changed, allow_lockout=allow_lockout)
        limits, now = publishing.limits_of_waivers(planned), workspace.session.now()
        waivers.check({path: documents[path] for path in changed}, limits, now)
        findings += waivers.findings(documents, limits, now)
    for text in (*(finding.diagnostics() for finding in findings), *unplaced(documents, changed)):
        note(text)
    wanted = workspace.pending.wanted()
    if ask:
        for line in trust_changes.lines(planned.base, wanted):
            note(printable(line))
        _confirm(planned)
    with progress(f"publishing release {planned.number}"):
        state = publishing.publish(workspace, hub, planned, traceparent=traceparent)
    publishing.finish(workspace, state)
    roles = dict(trust_changes.changed_roles(planned.base, wanted))
    return _result(state, "published" if planned.new else "refreshed", planned.changes, roles)


def show(form: Form, result: Published, *, told: bool = False) -> None:
    """Print what a publish did; to a person who was ``told`` the changes before, not a second time."""
    rows = [[change.value, role] for role, change in result.roles.items()]
    rows += [[item.change.value, item.document] for item in result.changes]
    emit(form, result, Sheet(["change", "role or document" if result.roles else "document"], [] if told else rows))
    match result.action:
        case "nothing":
            note(f"Nothing to publish: release {result.release} is the newest.")
        case "found":
            note(f"Release {result.release} has it already: it had arrived before. Nothing was sent.")
        case "refreshed":
            note(f"Release {result.release} renews the expiry: {result.expires:%Y-%m-%d %H:%M} UTC.")
        case _:
            note(f"Published release {result.release}. `edict status` shows the clusters taking it.")


def _confirm(planned: Plan) -> None:
    for item in planned.changes:
        note(f"{item.change}  {item.document}")
    if not click.confirm(f"Publish release {planned.number}?", err=True):
        raise UsageError(Code.NOT_CONFIRMED, "nothing was published; what is pending stays")


def _result(
    state: TrustState, action: str, changes: tuple[Signed, ...], roles: dict[str, Difference] | None = None
) -> Published:
    return Published(state.release, state.timestamp_version, action, state.expires, changes, roles or {})
