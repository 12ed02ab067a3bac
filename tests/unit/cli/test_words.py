"""What a person is told on the way: warnings, versions, where to go from here."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.parse import parse_all
from edict_cli.checking import warnings
from edict_cli.main import run
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import MemoryHub, cluster, policy, publish, put

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def warned(text: bytes) -> list[str]:
    parsed = parse_all(text, "f.yaml")[0]
    assert isinstance(parsed.document, FederatedNetworkPolicy)
    return [finding.diagnostics() for finding in warnings([PolicySource("net", parsed.document, parsed.origin)])]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_signed_without_a_warning(path: Path) -> None:
    assert warned(path.read_bytes()) == []


def test_what_agents_refuse_today_is_said_when_it_is_signed() -> None:
    observed = policy("one").replace(b"  policy:\n", b"  mode: Observe\n  policy:\n")
    assert ["spec.mode f.yaml:" in said and "EDICT0623" in said for said in warned(observed)] == [True]


def test_a_policy_for_no_cluster_is_told(
    workspace: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str]
) -> None:
    here = policy("here", selector="{matchLabels: {env: prod}}")
    nowhere = policy("nowhere", priority=11, selector="{matchLabels: {env: prdo}}")
    put(workspace, here, nowhere, inventory_fra1=cluster("fra1", labels="{env: prod}"))
    publish(workspace, hub)
    told = capsys.readouterr().err
    assert "net/nowhere" in told
    assert "net/here" not in told


def test_the_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("edict ")


def test_a_document_comes_from_standard_input(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(policy("one"))))
    assert run(["-C", str(workspace.folder), "sign", "-f", "-", "-o", "name"]) == 0
    assert capsys.readouterr().out == "policies/net/one\n"


def test_an_upstream_manifest_is_spoken_of_by_its_own_name(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "upstream.yaml"
    path.write_text(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: a}\n"
        "spec:\n  tier: Baseline\n  priority: 1\n"
        "  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: edict-system}}}\n"
        "  egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}]}]\n"
    )
    assert run(["-C", str(workspace.folder), "sign", "-f", str(path), "--placement", "all"]) == 0
    assert f"(ClusterNetworkPolicy a spec.egress[0] {path}:8)" in capsys.readouterr().err


def test_the_folder_that_one_is_in_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace.folder)
    monkeypatch.delenv("EDICT_WORKSPACE", raising=False)
    assert run(["sign", "-f", "-"]) == 2
    assert "Try: say -C ." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("removing", "listing"), [("cluster remove x", "clusters"), ("sign --remove net/x", "policies")]
)
def test_what_is_not_there_is_looked_up_where_it_would_be(
    workspace: Workspace, removing: str, listing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(workspace.folder), *removing.split()]) == 2
    assert f"`edict get {listing}`" in capsys.readouterr().err
