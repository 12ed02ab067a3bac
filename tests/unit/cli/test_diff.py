"""`edict diff` as a person and a program see it: rows, JSON, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edict.policy.space import Ground
from edict.policy.space.addresses import EVERY_ADDRESS, addresses_in
from edict_cli.main import run
from edict_cli.region_words import addresses_in_words

BARE = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: NAME}
spec:
  tier: Admin
  priority: 10
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  egress:
"""
FEDERATED = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {name: NAME}
spec:
  placement: {clusterSelector: {matchLabels: {env: prod}}}
  policy:
    tier: Admin
    priority: 10
    subject: {namespaces: {}}
    egress:
"""
DENY = "  - {action: Deny, to: [{networks: [10.0.0.0/8]}]}\n"
ALLOW = (
    "  - {name: dns, action: Accept, to: [{networks: [10.0.0.53/32]}], "
    "protocols: [{udp: {destinationPort: {number: 53}}}]}\n"
)
OBSERVE = ("  policy:\n", "  mode: Observe\n  policy:\n")


@pytest.fixture
def put(tmp_path: Path) -> Any:
    def write(name: str, *parts: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("".join(parts).replace("NAME", "p"))
        return str(path)

    return write


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["diff", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def of_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    _, out, _ = asked(capsys, *arguments, "-o", "json")
    found: list[dict[str, Any]] = json.loads(out)["changes"]
    return found


def test_the_same_rules_in_another_file_and_kind_are_no_difference(
    put: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = put("a.yaml", BARE, ALLOW, DENY), put("b/b.yaml", "# moved\n", BARE, ALLOW, DENY)
    assert asked(capsys, one, str(Path(other).parent)) == (0, "", "No verdict changes.\n")


def test_a_row_is_a_set_of_connections_with_an_example(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = asked(capsys, put("a.yaml", BARE, DENY), put("b.yaml", BARE, ALLOW, DENY))
    assert code == 1
    head, row = out.splitlines()
    assert head.split() == ["VERDICT", "DIRECTION", "SUBJECT", "PEER", "PROTOCOLS", "OLD", "NEW", "EXAMPLE"]
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "changes",
        "egress",
        "pods app=web in namespace!=edict-system",
        "anyone at 10.0.0.53/32",
        "UDP 53",
        "Deny (p egress[0])",
        "Accept (p egress[0] dns)",
        "example/subject (10.244.0.10; pod app=web) to 10.0.0.53 53/UDP",
    ]


def test_the_json_is_for_programs(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    new = put("b.yaml", BARE, ALLOW, DENY)
    (change,) = of_json(capsys, put("a.yaml", BARE, DENY), new)
    assert set(change) == {"direction", "verdict", "old", "new", "parts"}
    assert change["new"] == {
        "outcome": "Accept",
        "rule": {"policy": "p", "rule": "egress[0]", "name": "dns", "action": "Accept", "where": f"{new}:9"},
        "passed": None,
    }
    (part,) = change["parts"]
    assert set(part) == {"clusters", "subject", "peer", "protocols", "example", "connection"}
    assert part["connection"] == {
        "source": {
            "kind": "pod",
            "address": "10.244.0.10",
            "namespace": "example",
            "namespaceLabels": {"kubernetes.io/metadata.name": "example"},
            "labels": {"app": "web"},
            "serviceAccount": "default",
        },
        "destination": {"kind": "outside", "address": "10.0.0.53"},
        "protocol": "udp",
        "port": 53,
    }


def test_a_placement_is_a_difference_on_the_clusters_that_lose_it(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old = put("a.yaml", FEDERATED, "  ", DENY)
    new = put("b.yaml", FEDERATED.replace("env: prod", "env: dev"), "  ", DENY)
    found = of_json(capsys, old, new)
    assert [part["clusters"] for change in found for part in change["parts"]] == ["env=prod", "env=dev"]
    code, out, _ = asked(capsys, old, new, "--cluster", "env=prod,region=eu")
    assert (code, out.count("Deny (p egress[0])"), "CLUSTERS" in out) == (1, 1, False)
    assert asked(capsys, old, new, "--cluster", "none")[:2] == (0, "")


def test_two_policies_of_one_name_are_an_error(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = put("a.yaml", BARE, DENY), put("b.yaml", BARE, DENY, "---\n", BARE, ALLOW)
    code, _, said = asked(capsys, old, new)
    assert (code, "EDICT0151" in said) == (2, True)


def test_a_set_may_hold_nothing_and_that_is_said(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = put("a.yaml", "# nothing\n"), put("b.yaml", BARE, DENY)
    code, out, said = asked(capsys, old, new)
    assert (code, "Deny (p egress[0])" in out, said) == (1, True, f"{old}: there is no policy in it.\n")


def test_a_policy_that_only_observes_decides_nothing(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    enforced = put("a.yaml", FEDERATED, "  ", DENY)
    observed = put("b.yaml", FEDERATED.replace(*OBSERVE), "  ", DENY)
    assert [change["new"]["outcome"] for change in of_json(capsys, enforced, observed)] == ["local, else Accept"]


def test_facts_tell_networks_from_pods(put: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = put("a.yaml", BARE, DENY), put("b.yaml", BARE, ALLOW, DENY)
    facts = put("facts.yaml", "podCIDRs: [10.244.0.0/16]\nnodeCIDRs: [172.18.0.0/16]\n")
    (change,) = of_json(capsys, old, new, "--facts", facts)
    assert [part["peer"] for part in change["parts"]] == ["outside at 10.0.0.53/32"]


def test_one_side_comes_from_standard_input(
    put: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put("a.yaml", BARE, DENY)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(path).read_bytes())))
    assert asked(capsys, "-", path)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-", "-"], "EDICT0601"),
        (["gone.yaml", "gone.yaml"], "EDICT0603"),
        (["GOOD", "GOOD", "--cluster", "prod"], "EDICT0610"),
        (["GOOD", "GOOD", "--agent-namespace", "A B"], "EDICT0619"),
        (["GOOD", "BAD"], "EDICT0125"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    arguments: list[str], code: str, put: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"GOOD": put("good.yaml", BARE, DENY), "BAD": put("bad.yaml", BARE, DENY.replace("10.0.0.0", "10.0.0.1"))}
    exit_code, out, err = asked(capsys, *(names.get(word, word) for word in arguments))
    assert (exit_code, out) == (2, "")
    assert code in err


def test_the_output_is_the_same_in_every_process(put: Any) -> None:
    old, new = put("a.yaml", BARE, DENY), put("b.yaml", FEDERATED, "  ", ALLOW, "  ", DENY)
    program = "import sys; from edict_cli.main import run; sys.exit(run(sys.argv[1:]))"
    said = {
        subprocess.run(
            [sys.executable, "-c", program, "diff", old, new, "-o", "json"],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=False,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert b"changes" in said.pop()


@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        (["0.0.0.0/0", "::/0"], [], ""),
        (["0.0.0.0/0", "::/0"], ["10.0.0.0/8"], "every address but 10.0.0.0/8"),
        (["10.0.0.0/8"], ["10.1.0.0/16"], "10.0.0.0/8 but 10.1.0.0/16"),
        (["10.0.0.0/8", "fd00::/8"], [], "10.0.0.0/8, fd00::/8"),
    ],
)
def test_networks_are_said_in_few_words(inside: list[str], outside: list[str], words: str) -> None:
    assert addresses_in_words(addresses_in(inside) - addresses_in(outside), Ground().every) == words
    assert Ground().every == EVERY_ADDRESS
