"""`edict operator`: the certificates of the people who use the hub's administrative calls."""

from __future__ import annotations

from pathlib import Path

import click

from edict.errors import UsageError
from edict.ids import is_dns_label
from edict.pki import csr
from edict.pki.ca import CertificateAuthority
from edict.pki.names import Role
from edict_cli import believed
from edict_cli.codes import Code
from edict_cli.founding import OPERATOR, operator_files
from edict_cli.output import Form, Sheet, emit, forms, note
from edict_cli.session import Session, pass_session
from edict_cli.store import files
from edict_cli.store.workspace import Workspace


@click.group("operator", short_help="Make operators' certificates.")
def command() -> None:
    """Manage the certificates with which people call the hub; they need the CA's key in the workspace's hub folder.

    \b
    Each role may do all that the one before it may; the hub judges it at every call:
      viewer     read the release, its documents, and what clusters prove
      auditor    read every receipt and all signed metadata that is kept
      operator   publish, make enrolment tokens, ban clusters, recover a hub
    None of them can author policy: that takes the keys that sign.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@command.command("renew", short_help="Make a new certificate for this workspace.")
@forms()
@pass_session
def renew(session: Session, *, form: Form) -> None:
    """Replace this workspace's own certificate, of the role operator; it lasts 30 days."""
    workspace = Workspace(session)
    _issue(workspace, workspace.operator, Role.OPERATOR, OPERATOR, form)


@command.command("issue", short_help="Make a certificate for somebody else.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default="viewer",
    show_default=True,
    help="What it may do: see `edict operator --help`.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for key, certificate, CA.")
@forms()
@pass_session
def issue(session: Session, *, name: str, role: str, out: Path, form: Form) -> None:
    """Make an operator's key and certificate for NAME in a new folder.

    \b
    Example:
      edict operator issue ada --role auditor --out ada
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    if not is_dns_label(name):
        raise UsageError(Code.NAME, f"{name!r} is no operator's name", where="NAME", remedy="write it like ada")
    if out.exists():
        raise UsageError(Code.ALREADY_THERE, "there is something already", where=str(out), remedy="name a new folder")
    files.make_folder(out, files.PRIVATE_FOLDER)
    _issue(workspace, out, Role(role), name, form)


def _issue(workspace: Workspace, folder: Path, role: Role, name: str, form: Form) -> None:
    key = workspace.hub / "ca.key"
    authority = CertificateAuthority.load(
        files.read(workspace.hub / "ca.crt"), files.read_private(key), key_at=str(key)
    )
    operator_files(folder, authority, role, name, workspace.session.now(), known_by=believed.known(workspace))
    end = csr.not_after(files.read(folder / "operator.crt"))
    data = {"folder": str(folder), "role": role.value, "name": name, "notAfter": end}
    emit(form, data, Sheet(["name", "role", "valid until"], [[name, role.value, f"{end:%Y-%m-%d}"]]))
    note(f"Written to {folder}.")
