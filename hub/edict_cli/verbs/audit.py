"""`edict audit`: the evidence of a federation in one file, and its judgement without the hub."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from edict.errors import UsageError
from edict.trust.audit.chain import Asked, Head
from edict.trust.audit.history import Trusted
from edict.trust.audit.lines import read
from edict.trust.audit.report import Report
from edict.trust.audit.verifier import Audit
from edict_cli import arguments, audit_options, audit_table
from edict_cli.codes import Code
from edict_cli.exporting import Exporter
from edict_cli.hub import HubClient
from edict_cli.output import Form, emit, forms, note, progress, stdout
from edict_cli.session import Session, pass_session
from edict_cli.store import files
from edict_cli.store import seen as seen_store
from edict_cli.store.workspace import Workspace

FINDINGS, PARTIAL = 1, 3
TELL_EVERY = 500
"""Lines between two words of progress."""


@click.group("audit", short_help="Export the evidence; verify it offline.")
def command() -> None:
    """Write down what every cluster signed, and prove it later with nothing but the trust root."""


@command.command("export", short_help="Write the signed history and every receipt into one file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new file.")
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="Only receipts of this one; repeatable.")
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="RELEASE", help="Begin with this release.")
@forms()
@pass_session
def export(session: Session, *, out: Path, clusters: tuple[str, ...], since: int, form: Form) -> int:
    """Write roots, every release with its documents, and the receipts of the clusters into one file.

    All of it is verified on the way, from the workspace's trust root, and held against what the workspace has seen: its
    newest release, and where each chain of receipts ended when it was last looked at. The file is written whole even
    where something does not hold: that is what it shows. A certificate of the role auditor is enough.

    \b
    Exit code: 0 everything holds, 3 something does not, and is named, 2 an error.

    \b
    Example:
      edict audit export --out 2026-q2.jsonl --since 412
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    workspace = Workspace(session)
    only = [arguments.cluster_name(name) for name in dict.fromkeys(clusters)]
    roots = workspace.repository.roots() or [(0, workspace.repository.root())]
    trusted = Trusted.file(roots[0][1])
    if out.exists():
        raise UsageError(Code.ALREADY_THERE, "there is something already", where=str(out), remedy="name a new file")
    with HubClient(workspace) as hub, progress("fetching the history") as tell, _new_file(out) as sink:
        report = Exporter(hub, sink, trusted, _known(workspace, since), only=only, tell=tell).run()
    _print(report, form)
    note(f"Written to {out}. Verify it anywhere: edict audit verify {out} --root-sha256 {report.root}")
    return 0 if report.holds else PARTIAL


@command.command("verify", short_help="Judge an export offline.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), help="The trust root, root.json as authors handed it out.")
@click.option("--root-sha256", metavar="HEX", help="Or its SHA-256, as it stands in every enrolment token.")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="CLUSTER=SEQUENCE:SHA256",
    help="A cluster's newest receipt, as its owner read it in the cluster; repeatable.",
)
@click.option(
    "--release",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="The newest release, as its publisher knows it.",
)
@click.option("--at", metavar="TIME", help="Also say how every policy and rule stood then, such as 2026-05-01T12:00Z.")
@forms(Form.TABLE, Form.WIDE, Form.JSON, Form.YAML)
def verify(
    *,
    file: Path,
    root: Path | None,
    root_sha256: str | None,
    heads: tuple[str, ...],
    release: int,
    at: str | None,
    form: Form,
) -> int:
    """Prove an export: every root, release and receipt, from one trust root, whatever has expired since.

    Needs neither hub nor workspace nor network. A tail that was never written is not missed by itself: let each
    cluster's owner read the newest receipt, and give it with --head:

    \b
      kubectl -n edict-system get configmap edict-agent-status -o jsonpath='{.data.receipt-head}'

    \b
    Exit code: 0 everything holds, 1 something does not, and is named, 2 an error.

    \b
    Examples:
      edict audit verify 2026-q2.jsonl --root root.json
      edict audit verify 2026-q2.jsonl --root root.json --at 2026-05-01T12:00Z -o json
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    trusted = audit_options.trusted(root, root_sha256)
    asked = Asked(
        at=audit_options.moment(at) if at is not None else None,
        heads=dict(map(audit_options.head, heads)),
        release=release,
    )
    with _opened(file) as source, progress(f"verifying {file.name}") as tell:
        report = _judged(source, Audit(trusted, asked), tell)
    _print(report, form)
    if not form.structured:
        _caution(report, asked)
    return 0 if report.holds else FINDINGS


def _known(workspace: Workspace, since: int) -> Asked:
    """Return what the workspace knows, which the hub cannot take back."""
    seen = seen_store.load(workspace.folder / "seen.json")
    heads = {name: Head(one.sequence, one.digest) for name, one in seen.items()}
    return Asked(since=since, heads=heads, release=workspace.repository.state().release)


def _judged(source: BinaryIO, audit: Audit, tell: Callable[[str], None]) -> Report:
    total = os.fstat(source.fileno()).st_size or 1
    for number, line in enumerate(read(source)):
        audit.take(line)
        if number % TELL_EVERY == 0:
            tell(f"verifying: {min(100, 100 * source.tell() // total)} %")
    return audit.report()


def _print(report: Report, form: Form) -> None:
    emit(form, report, audit_table.clusters(report))
    if form.structured:
        return
    for sheet in (audit_table.states(report), audit_table.findings(report)):
        if sheet.rows:
            click.echo()
            stdout().print(sheet.render(wide=form is Form.WIDE), soft_wrap=True)
    note(audit_table.headline(report))


def _caution(report: Report, asked: Asked) -> None:
    """Say what was not judged."""
    if report.since:
        note(f"The export begins with release {report.since}: nothing is said of what came before.")
    if report.only:
        note(f"The export is of {', '.join(report.only)} alone: nothing is said of other clusters.")
    unheld = [row.cluster for row in report.clusters if row.cluster not in asked.heads and row.receipts]
    if unheld:
        note(f"Without --head a missing tail is not seen: {', '.join(unheld)}.")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as source:
            yield source
    except OSError as error:
        raise files.unusable(file, error) from None


@contextmanager
def _new_file(out: Path) -> Iterator[BinaryIO]:
    """Open a file that is put in place when it is whole; only its owner reads it."""
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE)
        with os.fdopen(handle, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(out)
    except OSError as error:
        raise files.unusable(out, error) from None
    finally:
        temporary.unlink(missing_ok=True)
