"""What `edict lint` found, apart from how it is printed. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from edict.errors import DocumentError, printable
from edict.policy.findings import Found, all_findings
from edict.policy.origin import Where
from edict_cli.checking import not_yet
from edict_cli.policy_files import Gathered


class Severity(enum.StrEnum):
    """Whether publish would refuse it."""

    ERROR = "error"
    WARNING = "warning"


class LintFinding(msgspec.Struct, frozen=True):
    """One finding, with its place in parts.

    ``subject`` is ``Kind name``, ``path`` the field in the document, ``line`` is 1-based; each is empty, and ``line``
    null, where it is not known.
    """

    severity: Severity
    code: str
    subject: str
    path: str
    file: str
    line: int | None
    what: str
    remedy: str

    @property
    def place(self) -> str:
        """The printed place, which begins with what an editor opens."""
        file = f"{self.file}:{self.line}" if self.line is not None else self.file
        return " ".join(part for part in (file, self.subject, self.path) if part)

    @property
    def message(self) -> str:
        """What is wrong and what to do, in one line."""
        return f"{self.what.rstrip('.')}." + (f" Try: {self.remedy}" if self.remedy else "")


class LintReport(msgspec.Struct, frozen=True):
    """Every finding in the order of file and line, and the files that were read."""

    files: tuple[str, ...]
    findings: tuple[LintFinding, ...]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def lint(found: Gathered, inventory: Gathered) -> LintReport:
    """Return every finding of the files: what cannot be read, what publish refuses, what an author should know.

    Args:
        found: the files to judge.
        inventory: files whose clusters count, and whose errors do.
    """
    clusters = [*found.clusters, *inventory.clusters]
    told: list[Found] = [*found.errors, *inventory.errors, *all_findings(found.policies, clusters)]
    told += [finding for policy in found.policies for finding in not_yet(policy)]
    files = dict.fromkeys(printable(file) for file in (*found.files, *inventory.files))
    return LintReport(tuple(files), tuple(sorted(_findings(told), key=lambda each: _order(list(files), each))))


def _findings(told: Iterable[Found]) -> Iterable[LintFinding]:
    for each in told:
        where = Where.of(each.where)
        yield LintFinding(
            severity=Severity.ERROR if isinstance(each, DocumentError) else Severity.WARNING,
            code=each.code,
            subject=printable(where.subject),
            path=printable(where.path),
            file=printable(where.file),
            line=where.line,
            what=printable(each.what),
            remedy=printable(each.remedy),
        )


def _order(files: list[str], finding: LintFinding) -> tuple[int, int, str, str, str]:
    file = files.index(finding.file) if finding.file in files else len(files)
    return (file, finding.line or 0, finding.path, finding.code, finding.what)
