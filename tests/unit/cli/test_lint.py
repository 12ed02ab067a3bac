"""`edict lint` reads every file, says everything that is wrong, and says it to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from edict.policy.codes import Code
from edict_cli.lint_reports import sarif
from edict_cli.linting import LintReport
from edict_cli.main import run
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import MemoryHub, policy, publish, put
from tests.unit.policy.documents import BASE, CLUSTER, UPSTREAM, changed

HOST_BITS = changed("10.0.0.0/8", "10.0.0.1/8").replace("deny-egress", "host-bits")
CONTROLS = changed("  policy:\n", "  controls: [CSI:5.3.2]\n  policy:\n").replace("deny-egress", "controls")
HOSTILE = changed("name: deny-egress", 'name: "a\\e[2J\\u202e]]>&<"')
ACCEPT = changed("action: Deny", "action: Accept")


class Lint:
    """The command in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def __call__(self, *files: Path, form: str = "json", more: Sequence[str] = ()) -> int:
        code = run(["lint", "-o", form, *(part for path in files for part in ("-f", str(path))), *more])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    @property
    def findings(self) -> list[dict[str, Any]]:
        return list(json.loads(self.out)["findings"])


@pytest.fixture
def lint(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lint:
    monkeypatch.chdir(tmp_path)
    return Lint(Path(), capsys)


def test_what_is_clean_is_silent(lint: Lint) -> None:
    assert lint(lint.file("a.yaml", BASE), lint.file("b.yaml", CLUSTER), form="table") == 0
    assert lint.out == ""
    assert lint.err == "0 errors, 0 warnings in 2 files.\n"


def test_a_bare_upstream_manifest_is_a_policy(lint: Lint) -> None:
    assert lint(lint.file("a.yaml", UPSTREAM), lint.file("b.yaml", ACCEPT)) == 1
    assert [(each["code"], each["subject"], each["path"]) for each in lint.findings] == [
        ("EDICT0140", "ClusterNetworkPolicy from-upstream", "spec.priority")
    ]


def test_one_fault_hides_no_other(lint: Lint) -> None:
    first = lint.file("a.yaml", f"{HOST_BITS}---\n{CONTROLS}---\nkind: [\n")
    second = lint.file("b.yaml", changed("tier: Admin", "teir: Admin"))
    assert lint(first, second) == 1
    assert [(each["file"], each["line"], each["severity"], each["code"]) for each in lint.findings] == [
        ("a.yaml", 17, "error", "EDICT0125"),
        ("a.yaml", 30, "warning", "EDICT0150"),
        ("a.yaml", 47, "error", "EDICT0101"),
        ("b.yaml", 9, "error", "EDICT0107"),
    ]
    assert lint.findings[0] == {
        "severity": "error",
        "code": "EDICT0125",
        "subject": "FederatedNetworkPolicy host-bits",
        "path": "spec.policy.egress[0].to[0].networks[0]",
        "file": "a.yaml",
        "line": 17,
        "what": "the network '10.0.0.1/8' has host bits set",
        "remedy": "write 10.0.0.0/8",
    }
    assert all(each["remedy"] for each in lint.findings)


def test_warnings_alone_are_no_failure(lint: Lint) -> None:
    assert lint(lint.file("a.yaml", CONTROLS)) == 0
    assert [each["severity"] for each in lint.findings] == ["warning"]
    assert lint.err == "0 errors, 1 warning in 1 file.\n"


def test_policies_of_different_files_tie(lint: Lint) -> None:
    one, other = lint.file("a.yaml", BASE), lint.file("b.yaml", ACCEPT.replace("deny-egress", "other"))
    assert lint(one, other, more=["--team", "payments"]) == 1
    assert [(each["code"], each["file"], each["path"]) for each in lint.findings] == [
        ("EDICT0140", "b.yaml", "spec.policy.priority")
    ]
    assert "payments/deny-egress and payments/other" in lint.findings[0]["what"]


def test_the_inventory_says_where_policies_meet(lint: Lint) -> None:
    prod = changed("clusterSelector: {}", "clusterSelector: {matchLabels: {env: prod}}")
    zone = changed("clusterSelector: {}", "clusterSelector: {matchLabels: {zone: a}}", ACCEPT)
    zone = zone.replace("deny-egress", "zone")
    files = (lint.file("a.yaml", prod), lint.file("b.yaml", zone))
    assert lint(*files) == 1, "some cluster could have both labels"
    inventory = lint.file(
        "c.yaml", f"{CLUSTER}---\n{CLUSTER.replace('berlin-1', 'two').replace('env: prod', 'zone: a')}"
    )
    assert lint(*files, more=["--inventory", str(inventory)]) == 0, "no cluster has"
    broken = lint.file("d.yaml", CLUSTER.replace("cilium", "calicium"))
    assert lint(*files, more=["--inventory", str(inventory), "--inventory", str(broken)]) == 1
    assert [(each["code"], each["file"]) for each in lint.findings] == [("EDICT0109", "d.yaml")]


@pytest.mark.parametrize(("asked", "codes"), [("mode: Observe", ["EDICT0623"]), ("onInexact: Stricter", [])])
def test_what_agents_refuse_today_is_a_warning(lint: Lint, asked: str, codes: list[str]) -> None:
    assert lint(lint.file("a.yaml", changed("  policy:\n", f"  {asked}\n  policy:\n"))) == 0
    assert [each["code"] for each in lint.findings] == codes


def test_standard_input_is_one_of_the_two(lint: Lint) -> None:
    assert lint(Path("-"), more=["--inventory", "-"]) == 2
    assert "standard input cannot be both" in lint.err


def test_a_lockout_is_an_error(lint: Lint) -> None:
    named = changed("namespaces: {}", "namespaces: {matchLabels: {kubernetes.io/metadata.name: edict-system}}")
    assert lint(lint.file("a.yaml", named)) == 1
    assert [each["code"] for each in lint.findings] == ["EDICT0141"]


def test_a_table_says_place_and_remedy(lint: Lint) -> None:
    assert lint(lint.file("a.yaml", HOST_BITS), form="table") == 1
    header, row = lint.out.splitlines()
    assert header.split() == ["SEVERITY", "CODE", "PLACE", "WHAT", "TRY"]
    assert row.startswith("error     EDICT0125  a.yaml:17 FederatedNetworkPolicy host-bits spec.policy.egress[0]")
    assert row.endswith("write 10.0.0.0/8")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["-f", "no-such-file"], "0603"),
        (["-f", "empty.yaml"], "0618"),
        (["-f", "empty"], "0618"),
        ([], "0601"),
        (["-f", "a.yaml", "-o", "html"], "0601"),
        (["-f", "a.yaml", "--team", "A b"], "0619"),
        (["-f", "a.yaml", "--inventory", "no-such-file"], "0603"),
    ],
)
def test_what_cannot_run_is_an_error(lint: Lint, more: list[str], code: str) -> None:
    lint.file("a.yaml", BASE)
    lint.file("empty.yaml", "# nothing\n")
    (lint.folder / "empty").mkdir()
    assert lint(more=more) == 2
    assert f"[EDICT{code}]" in lint.err
    assert lint.out == ""


REQUIRED = {
    "log": ("version", "runs"),
    "run": ("tool", "results"),
    "driver": ("name", "version", "rules"),
    "rule": ("id", "name"),
    "result": ("ruleId", "ruleIndex", "level", "message", "locations"),
}
"""What the schema of SARIF 2.1.0 requires, and what code scanning needs beside it."""


def checked_sarif(text: str) -> dict[str, Any]:
    """Return the one run of a log that has what SARIF 2.1.0 requires, of the types that it requires."""
    log = json.loads(text)
    run_ = log["runs"][0]
    driver = run_["tool"]["driver"]
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    for what, found in (("log", log), ("run", run_), ("driver", driver)):
        assert set(REQUIRED[what]) <= set(found)
    assert all(set(REQUIRED["rule"]) <= set(rule) for rule in driver["rules"])
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for result in run_["results"]:
        assert set(REQUIRED["result"]) == set(result)
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert isinstance(result["message"]["text"], str)
        for location in result["locations"]:
            assert {"physicalLocation", "logicalLocations"} >= set(location) > set()
            physical = location.get("physicalLocation", {"artifactLocation": {"uri": "x"}})
            assert isinstance(physical["artifactLocation"]["uri"], str)
            assert " " not in physical["artifactLocation"]["uri"]
            assert physical.get("region", {"startLine": 1})["startLine"] >= 1
    return dict(run_)


def test_sarif_has_what_the_standard_requires(lint: Lint) -> None:
    first = lint.file("a b.yaml", f"{HOST_BITS}---\n{CONTROLS}---\nkind: [\n")
    assert lint(first, lint.file("h.yaml", HOSTILE), form="sarif") == 1
    found = checked_sarif(lint.out)
    assert [(result["ruleId"], result["level"]) for result in found["results"]] == [
        ("EDICT0125", "error"),
        ("EDICT0150", "warning"),
        ("EDICT0101", "error"),
        ("EDICT0120", "error"),
    ]
    place = found["results"][0]["locations"][0]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "a%20b.yaml"}, "region": {"startLine": 17}}
    assert "Try: write 10.0.0.0/8" in found["results"][0]["message"]["text"]
    assert {rule["id"]: rule["name"] for rule in found["tool"]["driver"]["rules"]}["EDICT0125"] == "Network"


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    assert checked_sarif(sarif(LintReport((), ()), "1"))["results"] == []


def test_an_absolute_file_is_a_uri(lint: Lint, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(HOST_BITS)
    lint(path, form="sarif")
    location = checked_sarif(lint.out)["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == path.as_uri()


def test_junit_has_a_failure_for_each_error_and_a_case_for_each_clean_file(lint: Lint) -> None:
    first = lint.file("a.yaml", f"{HOST_BITS}---\n{CONTROLS}")
    assert lint(first, lint.file("h.yaml", HOSTILE), lint.file("ok.yaml", CLUSTER), form="junit") == 1
    root = ET.fromstring(lint.out)  # noqa: S314 - our own output
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "2")
    suites = {suite.get("name"): suite for suite in root}
    assert {name: (suite.get("tests"), suite.get("failures")) for name, suite in suites.items()} == {
        "a.yaml": ("2", "1"),
        "h.yaml": ("1", "1"),
        "ok.yaml": ("1", "0"),
    }
    failure = suites["a.yaml"][0].find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("EDICT0125", "the network '10.0.0.1/8' has host bits set")
    assert "a.yaml:17" in (failure.text or "")
    assert "Try: write 10.0.0.0/8" in (failure.text or "")
    assert suites["a.yaml"][1].find("failure") is None
    assert "EDICT0150" in (suites["a.yaml"][1].findtext("system-out") or "")
    assert len(suites["ok.yaml"][0]) == 0


@pytest.mark.parametrize("form", ["table", "json", "sarif", "junit"])
def test_what_a_document_says_does_not_steer_the_terminal(lint: Lint, form: str) -> None:
    assert lint(lint.file("h.yaml", HOSTILE), form=form) == 1
    assert {character for character in lint.out if not character.isprintable()} <= {"\n"}
    assert r"\x1b" in lint.out.replace("\\\\", "\\")


@pytest.mark.parametrize("form", ["table", "json", "sarif", "junit"])
def test_the_same_files_give_the_same_bytes(lint: Lint, form: str) -> None:
    path = lint.file("a.yaml", f"{HOST_BITS}---\n{CONTROLS}")
    lint(path, form=form)
    first = lint.out
    lint(path, form=form)
    assert lint.out == first


def test_an_unknown_framework_is_said_again_when_it_is_published(
    workspace: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str]
) -> None:
    put(workspace, policy("one").replace(b"  policy:\n", b"  controls: [CSI:5.3.2]\n  policy:\n"))
    publish(workspace, hub)
    assert (
        f"[EDICT{Code.FRAMEWORK:04d}] (FederatedNetworkPolicy one spec.controls[0] policies/net/one)"
        in capsys.readouterr().err
    )
