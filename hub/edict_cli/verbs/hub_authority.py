"""`edict hub authority`: replacing the CA of the hub's certificates, step by step, without cutting a cluster off."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec
from cryptography import x509

from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.names import Role
from edict_cli import believed, rotating
from edict_cli.authorities import Authorities
from edict_cli.authority_lines import fingerprint
from edict_cli.founding import OPERATOR, operator_files
from edict_cli.output import Form, Sheet, emit, forms, note, progress
from edict_cli.session import Session, pass_session
from edict_cli.store.workspace import Workspace

_FORCE = click.option("--force", is_flag=True, help="Go on although clusters would be cut off.")


class View(msgspec.Struct, frozen=True, rename="camel"):
    """One authority: who uses it, and for what."""

    name: str
    fingerprint: str
    not_after: datetime
    issues: bool
    hub_believes: bool
    listed: bool
    pending: bool


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """What a step did: the authority that it was about, and the version of the root that it made; 0 is none."""

    step: str
    authority: str
    root_version: int = 0


@click.group("authority", short_help="Replace the hub's certificate authority.")
def authority() -> None:
    """Replace the certificate authority (CA) that signs the hub's and the agents' certificates.

    Agents believe the authorities that authors list in the trust root; the hub cannot change them. Each step waits
    for the one before to have arrived everywhere, and refuses to cut a cluster off. The hub needs no restart.

    \b
    The steps:
      edict hub authority new       a new CA; the hub believes both, the next root lists both
      copy hub/ to the hub, edict publish
      edict hub authority switch    the new CA issues
      copy hub/ to the hub
      edict hub authority retire    the next root lists the new CA alone
      edict publish
      edict hub authority finish    the hub believes the new CA alone
      copy hub/ to the hub
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@authority.command("list", short_help="Show the authorities, and the next step.")
@forms()
@pass_session
def show(session: Session, *, form: Form) -> None:
    """Show every authority that this workspace knows of: which issues, which the hub and which the clusters believe."""
    workspace = Workspace(session)
    known = Authorities(workspace)
    views = _views(known)
    rows = [[view.name, *_marks(view), f"{view.not_after:%Y-%m-%d}", view.fingerprint[:23] + "…"] for view in views]
    heads = ["authority", "issues", "hub believes", "in the root", "in the next root", "valid until", "sha-256"]
    emit(form, views, Sheet(heads, rows), names=[view.name for view in views])
    if not known.listed:
        note("The root lists none: clusters believe the CA that their token pinned.")
    note(_next_step(known))


@authority.command("new", short_help="Make a new CA beside the present one.")
@forms()
@pass_session
def new(session: Session, *, form: Form) -> None:
    """Make a new CA, let the hub believe it beside the present one, and list both in the next trust root.

    Where the federation has an offline root CA (`edict init --offline-ca`), the new one is made below it.
    """
    workspace = Workspace(session)
    with workspace.locked(), progress("making a CA and the next root"):
        made, version = rotating.begin(workspace)
    _told(form, Step("new", made.name, version))
    note(f"Copy {workspace.hub}/ca.crt to the hub, then `edict publish` root {version}.")


@authority.command("switch", short_help="Let the new CA issue.")
@_FORCE
@forms()
@pass_session
def switch(session: Session, *, form: Form, force: bool) -> None:
    """Let the new CA issue the hub's, the agents' and this workspace's certificates.

    Refused while a cluster has not proven by its receipts that it has the root that lists the new CA.
    """
    workspace = Workspace(session)
    with workspace.locked(), progress("asking which root the clusters have"):
        made = rotating.switch(workspace, force=force)
        _renew_operator(workspace, made)
    _told(form, Step("switch", made.name))
    note(f"Copy {workspace.hub} to the hub, ca.crt first; other operators need `edict operator issue` before `finish`.")


@authority.command("retire", short_help="List the new CA alone in the root.")
@_FORCE
@forms()
@pass_session
def retire(session: Session, *, form: Form, force: bool) -> None:
    """List the issuing CA alone in the next trust root: with it clusters believe no other.

    Refused while an address of the hub does not serve under the issuing CA.
    """
    workspace = Workspace(session)
    with workspace.locked(), progress("connecting to every address of the hub"):
        version = rotating.retire(workspace, force=force)
    _told(form, Step("retire", chains.name_of(Authorities(workspace).at_hub[0]), version))
    note(f"`edict publish` root {version}.")


@authority.command("finish", short_help="Let the hub believe the new CA alone.")
@_FORCE
@forms()
@pass_session
def finish(session: Session, *, form: Form, force: bool) -> None:
    """Let the hub believe the issuing CA alone; certificates of the old one are then refused.

    Refused while a cluster has not proven that it has the newest root, or may still have a certificate of the old CA.
    """
    workspace = Workspace(session)
    with workspace.locked(), progress("asking which root the clusters have"):
        issuing = rotating.finish(workspace, force=force)
    _told(form, Step("finish", chains.name_of(issuing)))
    note(f"Copy {workspace.hub}/ca.crt to the hub.")


def _told(form: Form, step: Step) -> None:
    root = str(step.root_version) if step.root_version else "-"
    emit(form, step, Sheet(["step", "authority", "next root"], [[step.step, step.authority, root]]))


def _renew_operator(workspace: Workspace, made: CertificateAuthority) -> None:
    now, known = workspace.session.now(), believed.known(workspace)
    operator_files(workspace.operator, made, Role.OPERATOR, OPERATOR, now, known_by=known)


def _views(known: Authorities) -> list[View]:
    at_hub, upcoming, listed, pending = known.at_hub, known.next, known.listed, known.pending
    named = [certificate for text in (*listed, *(pending or ())) for certificate in chains.split(text.encode())]
    everything = [*at_hub, *([upcoming.certificate] if upcoming else []), *named]
    return [
        View(
            name=chains.name_of(each),
            fingerprint=fingerprint(each),
            not_after=each.not_valid_after_utc,
            issues=each == at_hub[0],
            hub_believes=each in at_hub,
            listed=_text(each) in listed,
            pending=_text(each) in (listed if pending is None else pending),
        )
        for each in dict.fromkeys(everything)
    ]


def _text(certificate: x509.Certificate) -> str:
    return chains.pem_of(certificate).decode()


def _marks(view: View) -> list[str]:
    marks = (view.issues, view.hub_believes, view.listed, view.pending)
    return ["yes" if mark else "-" for mark in marks]


def _next_step(known: Authorities) -> str:
    if known.pending is not None and known.pending != known.listed:
        return "Next: `edict publish` the root that is pending."
    if known.dropped is not None:
        return "Next: `edict hub authority new` lists the new CA again; the root that did was dropped."
    if known.next is not None:
        return "Next: `edict hub authority switch`, once every cluster has the root."
    if len(known.at_hub) == 1:
        return "No change is under way; `edict hub authority new` begins one."
    if len(known.listed) == 1:
        return "Next: `edict hub authority finish`, once every cluster has the root and a new certificate."
    return "Next: copy the hub's folder to the hub, then `edict hub authority retire`."
