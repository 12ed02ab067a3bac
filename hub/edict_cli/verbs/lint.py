"""`edict lint`: everything that can be said of documents before anybody signs them."""

from __future__ import annotations

from pathlib import Path

import click

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.lint_reports import junit, sarif
from edict_cli.linting import LintReport, lint
from edict_cli.output import Form, Sheet, emit, note, progress
from edict_cli.policy_files import gather
from edict_cli.policy_options import files_option, team_option
from edict_cli.store.settings import checked_team
from edict_cli.verbs.version import own_version

FINDINGS = 1


@click.command("lint", short_help="Check documents before they are signed.")
@files_option()
@click.option(
    "--inventory",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file or folder of ManagedClusters that policies are placed on; repeatable.",
)
@team_option
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["table", "json", "yaml", "sarif", "junit"]),
    default="table",
    show_default=True,
    help="How to print.",
)
def command(*, files: tuple[Path, ...], inventory: tuple[Path, ...], team: str, form: str) -> int:
    """Check every document of the files, and the policies against each other. Needs no hub, cluster or key.

    An error is what `edict sign` or `edict publish` would refuse; a warning is what its author most likely did not
    mean. All files are read: a document that is wrong hides no other. ManagedClusters, among the files or in
    --inventory, say which policies can meet on a cluster; without any, policies meet where one cluster could have the
    labels of both.

    \b
    Exit code: 0 no error (there may be warnings), 1 an error was found, 2 it could not run.

    \b
    Examples:
      edict lint -f policies/ --inventory clusters.yaml
      edict lint -f policies/ -o sarif > edict.sarif         for code scanning
      edict lint -f policies/ -o junit > edict.xml           for a test report
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    if Path("-") in files and Path("-") in inventory:
        raise UsageError(
            Code.COMMAND_LINE,
            "standard input cannot be both the documents and the inventory",
            where="--file, --inventory",
            remedy="give a file for one",
        )
    with progress("reading the documents"):
        found = gather(files, checked_team(team))
    if not (found.policies or found.clusters or found.waivers or found.errors):
        raise UsageError(
            Code.NOTHING_SIGNED, "the files hold no document", where=str(files[0]), remedy="write one in it"
        )
    with progress("checking the policies against each other"):
        report = lint(found, gather(inventory, team))
    _show(report, form)
    return FINDINGS if report.errors else 0


def _show(report: LintReport, form: str) -> None:
    match form:
        case "sarif":
            click.echo(sarif(report, own_version()))
        case "junit":
            click.echo(junit(report))
        case _:
            rows = [[each.severity.value, each.code, each.place, each.what, each.remedy] for each in report.findings]
            emit(Form(form), report, Sheet(["severity", "code", "place", "what", "try"], rows))
    warnings = len(report.findings) - report.errors
    errors, files = _count(report.errors, "error"), _count(len(report.files), "file")
    note(f"{errors}, {_count(warnings, 'warning')} in {files}.")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
