"""Lint findings in the forms that other programs read: SARIF 2.1.0 (code scanning) and JUnit XML (test reports)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import msgspec

from edict.policy.codes import Code as PolicyCode
from edict_cli.codes import Code
from edict_cli.linting import LintFinding, LintReport, Severity

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SUITE = "edict lint"


def sarif(report: LintReport, version: str) -> str:
    """Return the report as a SARIF 2.1.0 log with one run; ``version`` is that of the command."""
    codes = sorted({finding.code for finding in report.findings})
    driver = {
        "name": "edict",
        "version": version,
        "rules": [{"id": code, "name": _rule_name(code)} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in report.files],
        "results": [_result(finding, codes) for finding in report.findings],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode()


def junit(report: LintReport) -> str:
    """Return the report as JUnit XML: a suite for each file, a case for each finding, a failure for each error.

    A warning is a case that passes and says what it found; a file without findings is one case that passes.
    """
    root = ET.Element("testsuites", name=_SUITE)
    cases = 0
    for file in (*report.files, ""):
        found = [finding for finding in report.findings if finding.file == file]
        if not file and not found:
            continue
        failures = sum(finding.severity is Severity.ERROR for finding in found)
        count = max(len(found), 1)
        cases += count
        suite = ET.SubElement(
            root, "testsuite", name=file or _SUITE, tests=str(count), failures=str(failures), errors="0", skipped="0"
        )
        for finding in found:
            _case(suite, finding)
        if not found:
            ET.SubElement(suite, "testcase", classname=_SUITE, name=file)
    root.attrib |= {"tests": str(cases), "failures": str(report.errors), "errors": "0"}
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _case(suite: ET.Element, finding: LintFinding) -> None:
    name = f"{finding.code} {finding.place}".strip()
    case = ET.SubElement(suite, "testcase", classname=finding.file or _SUITE, name=name)
    if finding.line is not None:
        case.set("file", finding.file)
        case.set("line", str(finding.line))
    if finding.severity is Severity.ERROR:
        failure = ET.SubElement(case, "failure", type=finding.code, message=finding.what)
        failure.text = f"{finding.place}: {finding.message}"
    else:
        ET.SubElement(case, "system-out").text = f"Warning [{finding.code}] {finding.place}: {finding.message}"


def _result(finding: LintFinding, codes: list[str]) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if finding.file:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(finding.file)}}
        if finding.line is not None:
            location["physicalLocation"]["region"] = {"startLine": finding.line}
    if finding.path:
        named = f"{finding.subject}/{finding.path}".lstrip("/")
        location["logicalLocations"] = [{"fullyQualifiedName": named, "kind": "member"}]
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity.value,
        "message": {"text": finding.message},
        "locations": [location] if location else [],
    }


def _rule_name(code: str) -> str:
    """Return ``DuplicateKey`` for EDICT0103."""
    number = int(code.removeprefix("EDICT"))
    names = {int(member): member.name for family in (PolicyCode, Code) for member in family}
    return "".join(word.title() for word in names[number].split("_")) if number in names else code


def _uri(file: str) -> str:
    """Return a file as SARIF names it: relative to where the command ran, or an absolute URI."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
