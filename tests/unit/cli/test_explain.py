"""`edict explain` walks a connection to the rule that decides it; it needs nothing but files, or a cluster to list."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from edict_cli.main import run

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "explain.md"
CLUSTER = """\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {app: web}, creationTimestamp: 2026-01-01T00:00:00Z}
    spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080, protocol: TCP}]}]}
    status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: db, namespace: shop, labels: {app: db}}
    spec: {serviceAccountName: db, containers: [], initContainers: [{restartPolicy: Always,
      ports: [{name: sql, containerPort: 5432}]}, {ports: [{name: never, containerPort: 1}]}]}
    status: {phase: Running, podIP: 10.0.0.2}
  - apiVersion: v1
    kind: Pod
    metadata: {name: done, namespace: shop}
    spec: {containers: []}
    status: {phase: Succeeded, podIP: 10.0.0.2}
  - apiVersion: v1
    kind: Pod
    metadata: {name: starting, namespace: shop}
    spec: {containers: []}
  - apiVersion: v1
    kind: Pod
    metadata: {name: probe, namespace: shop}
    spec: {hostNetwork: true, containers: []}
    status: {phase: Running, podIP: 192.0.2.1}
  - apiVersion: v1
    kind: Pod
    metadata: {name: stray, namespace: nowhere}
    spec: {containers: []}
    status: {phase: Running, podIP: 10.0.0.9}
  - {apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}}
---
apiVersion: v1
kind: NodeList
items:
  - metadata: {name: one, labels: {role: worker}}
    status: {addresses: [{type: Hostname, address: one}, {type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: sql}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: made-by-edict, namespace: shop, labels: {app.kubernetes.io/managed-by: edict}}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {name: out}
spec:
  placement: {clusterSelector: {}}
  policy:
    tier: Admin
    priority: 10
    subject: {namespaces: {matchLabels: {team: shop}}}
    egress:
      - action: Pass
        to: [{namespaces: {}}]
      - name: the API
        action: Accept
        to: [{domainNames: ["*.example.com"]}]
        protocols: [{tcp: {destinationPort: {number: 443}}}]
      - name: metadata
        action: Accept
        to: [{networks: [198.51.100.0/24]}]
        http: [{methods: [GET], hosts: [meta.example.com]}]
      - action: Deny
        to: [{networks: [0.0.0.0/0]}]
"""


class Run:
    """The command on one cluster and one policy."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""
        self.policy, self.world = self.file("policy.yaml", POLICY), self.file("cluster.yaml", CLUSTER)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def __call__(self, source: str, destination: str, port: str, *more: str, world: bool = True) -> int:
        files = ["-f", str(self.policy), *(["--world", str(self.world)] if world else [])]
        code = run(["explain", *files, "--from", source, "--to", destination, "--port", port, *more])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    def json(self, source: str, destination: str, port: str, *more: str) -> Any:
        code = self(source, destination, port, "-o", "json", *more)
        said = json.loads(self.out)
        assert code == (0 if said["verdict"] == "Accept" else 1)
        return said


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, capsys)


def by(end: Any) -> str:
    return " ".join(part for part in (end["verdict"], end["tier"], end["policy"], end["rule"]) if part)


def test_both_ends_are_walked_and_the_table_shows_every_step(cli: Run) -> None:
    assert cli("shop/web", "shop/db", "5432/TCP") == 0
    lines = [" ".join(line.split()) for line in cli.out.splitlines()]
    assert lines == [
        "END TIER POLICY RULE RESULT WHY",
        "egress of shop/web built-in edict/built-in - - does not select shop/web",
        "egress of shop/web Admin preview/out egress[0] Pass, leaves the tier matches",
        "egress of shop/web default - - Accept, decides no tier decided",
        "ingress of shop/db NetworkPolicy shop/db ingress[0] Accept, decides matches",
    ]
    assert cli.err.splitlines() == [
        "Left out, since they say nothing of connections: 1 Service.",
        "egress of shop/web: Accept by the default (default).",
        "ingress of shop/db: Accept by shop/db ingress[0] (NetworkPolicy).",
        "Accept: shop/web to shop/db, 5432/TCP.",
    ]
    guide = [" ".join(line.split()) for line in GUIDE.read_text().splitlines()]
    assert [line for line in [*lines, *cli.err.splitlines()[1:]] if line not in guide] == []


def test_one_end_that_denies_is_a_denial(cli: Run) -> None:
    said = cli.json("shop/web", "shop/db", "80")
    assert [by(end) for end in said["ends"]] == ["Accept default", "Deny NetworkPolicy shop/db"]
    assert said["verdict"] == "Deny"
    assert [by(end) for end in cli.json("shop/web", "shop/db", "80", "--direction", "egress")["ends"]] == [
        "Accept default"
    ]


def test_the_json_is_what_the_guide_says(cli: Run) -> None:
    assert cli.json("shop/web", "8.8.8.8", "53/udp") == {
        "from": {"name": "shop/web", "address": "10.0.0.1"},
        "to": {"name": "8.8.8.8", "address": "8.8.8.8"},
        "protocol": "udp",
        "port": 53,
        "verdict": "Deny",
        "ends": [
            {
                "direction": "egress",
                "pod": "shop/web",
                "verdict": "Deny",
                "tier": "Admin",
                "policy": "preview/out",
                "rule": "egress[3]",
                "steps": [
                    step("built-in", "edict/built-in", "", None, "NotSubject"),
                    step("Admin", "preview/out", "egress[0]", "Pass", "NoPeer"),
                    step("Admin", "preview/out", "egress[1]", "Accept", "NoPeer", name="the API"),
                    step("Admin", "preview/out", "egress[2]", "Accept", "NoPeer", name="metadata"),
                    step("Admin", "preview/out", "egress[3]", "Deny", "Matched"),
                ],
            }
        ],
        "icmpType": None,
        "icmpCode": None,
    }


def step(tier: str, policy: str, rule: str, action: str | None, why: str, *, name: str = "") -> dict[str, Any]:
    matched = why == "Matched"
    return {
        "tier": tier,
        "policy": policy,
        "rule": rule,
        "name": name,
        "action": action,
        "matched": matched,
        "why": why,
    }


def test_a_domain_name_has_the_address_that_is_given_or_looked_up(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (end,) = cli.json("shop/web", "API.example.com", "443", "--address", "203.0.113.7")["ends"]
    assert by(end) == "Accept Admin preview/out egress[1]"
    assert cli("shop/web", "localhost", "443") == 1
    assert "Deny by preview/out egress[3] (Admin)" in cli.err

    def offline(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    assert cli("shop/web", "api.example.com", "443") == 2
    assert "EDICT0625" in cli.err
    assert "--address" in cli.err


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        ("GET http://meta.example.com/x", "egress[2]"),
        ("GET http://META.example.com:80/x?y", "egress[2]"),
        ("PUT http://meta.example.com/x", "egress[3]"),
        ("GET /x", "egress[3]"),
    ],
)
def test_a_request_may_be_what_decides(cli: Run, request_: str, rule: str) -> None:
    (end,) = cli.json("shop/web", "198.51.100.1", "80", "--request", request_)["ends"]
    assert end["rule"] == rule


def test_an_address_may_be_asked_as_the_source(cli: Run) -> None:
    said = cli.json("203.0.113.7", "shop/db", "5432")
    assert [by(end) for end in said["ends"]] == ["Deny NetworkPolicy shop/db"]
    assert cli.json("10.0.0.1", "10.0.0.2", "5432")["from"] == {"name": "shop/web", "address": "10.0.0.1"}


def test_a_host_networked_pod_is_its_node_and_no_end(cli: Run) -> None:
    said = cli.json("shop/web", "shop/probe", "80")
    assert [end["pod"] for end in said["ends"]] == ["shop/web"]
    assert said["to"] == {"name": "shop/probe", "address": "192.0.2.1"}
    assert by(said["ends"][0]) == "Deny Admin preview/out egress[3]"
    assert cli("shop/probe", "8.8.8.8", "80") == 2
    assert "EDICT0626" in cli.err


def test_icmp_and_other_protocols_are_of_the_addresses_version(cli: Run) -> None:
    assert cli.json("shop/web", "8.8.8.8", "icmp/8")["protocol"] == "icmp"
    said = cli.json("shop/web", "8.8.8.8", "icmp/3/1")
    assert (said["protocol"], said["port"], said["icmpType"], said["icmpCode"]) == ("icmp", 0, 3, 1)
    assert "8.8.8.8, icmp/3/1." in cli.err
    assert cli.json("shop/web", "2001:db8::1", "ICMP/128/0")["protocol"] == "icmpv6"
    assert cli.json("shop/web", "8.8.8.8", "gre")["protocol"] == "gre"


@pytest.mark.parametrize(("to", "family", "kind"), [("8.8.8.8/32", "IPv4", 8), ("2001:db8::1/128", "IPv6", 128)])
def test_icmp_without_a_type_is_a_ping(cli: Run, to: str, family: str, kind: int) -> None:
    rule = {
        "action": "Deny",
        "to": [{"networks": [to]}],
        "protocols": [{"icmp": {"family": family, "type": kind, "code": 0}}],
    }
    cli.policy.write_text(POLICY.replace("    egress:\n", f"    egress:\n      - {json.dumps(rule)}\n"))
    address = to.split("/", maxsplit=1)[0]
    for port in ("icmp", f"icmp/{kind}"):
        assert cli.json("shop/web", address, port)["ends"][0]["rule"] == "egress[0]"
    assert cli.json("shop/web", address, "icmp/3")["ends"][0]["rule"] != "egress[0]"


def test_many_policies_that_do_not_select_the_pod_are_one_row(cli: Run) -> None:
    other = POLICY.replace("{team: shop}", "{team: other}")
    cli.policy.write_text(
        "---\n".join([POLICY, *(other.replace("name: out", f"name: a{index}") for index in range(4))])
    )
    assert cli("shop/web", "8.8.8.8", "53") == 1
    lines = [" ".join(line.split()) for line in cli.out.splitlines()]
    assert lines[2] == "egress of shop/web Admin 4 policies - - do not select shop/web"
    assert len(cli.json("shop/web", "8.8.8.8", "53")["ends"][0]["steps"]) == 9
    assert cli("shop/web", "8.8.8.8", "53", "-o", "wide") == 1
    assert len(cli.out.splitlines()) == len(lines) + 3


def test_without_a_policy_nothing_is_asked(cli: Run) -> None:
    cli.policy.write_text("# nothing\n")
    assert cli("shop/web", "8.8.8.8", "53") == 2
    assert "EDICT0618" in cli.err


def test_standard_input_is_one_of_the_two(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--from", "shop/web", "--to", "shop/db", "--port", "1"]
    assert run(["explain", "-f", "-", "--world", "-", *asked]) == 2
    assert "standard input cannot be both" in capsys.readouterr().err


def test_a_policy_that_observes_decides_nothing(cli: Run) -> None:
    cli.policy.write_text(POLICY.replace("  policy:", "  mode: Observe\n  policy:"))
    assert cli("shop/web", "8.8.8.8", "53") == 0
    assert "Decide nothing, since they only observe: preview/out." in cli.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("shop/wbe", "8.8.8.8", "80"), "EDICT0625", "there is no pod shop/wbe; shop has db, probe, starting, …"),
        (("other/web", "8.8.8.8", "80"), "EDICT0625", "there is no pod other/web."),
        (("shop/starting", "8.8.8.8", "80"), "EDICT0625", "has no address yet"),
        (("nowhere/stray", "8.8.8.8", "80"), "EDICT0625", "the namespace of the pod nowhere/stray is not there"),
        (("shop/web", "10.0.0.9", "80"), "EDICT0625", "the namespace of the pod nowhere/stray is not there"),
        (("shop/web", "no name", "80"), "EDICT0625", "'no name' is no pod"),
        (("shop/web", "a.example", "80", "--address", "a"), "EDICT0625", "'a' is no IP address"),
        (("shop/web", "8.8.8.8", "80", "--address", "8.8.8.8"), "EDICT0601", "is for a domain name"),
        (("shop/web", "1.2.3", "80"), "EDICT0625", "'1.2.3' is no pod"),
        (("shop/web", "010.0.0.1", "80"), "EDICT0625", "'010.0.0.1' is no pod"),
        (("shop/web", "shop/web", "80"), "EDICT0626", "shop/web would speak to itself"),
        (("shop/web", "10.0.0.1", "80"), "EDICT0626", "shop/web would speak to itself"),
        (("shop/db", "2001:db8::1", "80"), "EDICT0626", "no IP version in common"),
        (("8.8.8.8", "9.9.9.9", "80"), "EDICT0626", "no policy speaks of 8.8.8.8 to 9.9.9.9"),
        (("shop/web", "8.8.8.8", "80", "--direction", "ingress"), "EDICT0626", "no policy speaks of"),
        (("shop/web", "8.8.8.8", "0"), "EDICT0626", "'0' is nothing to speak"),
        (("shop/web", "8.8.8.8", "70000/TCP"), "EDICT0626", "is nothing to speak"),
        (("shop/web", "8.8.8.8", "80/ICMP"), "EDICT0626", "is nothing to speak"),
        (("shop/web", "8.8.8.8", "icmp/256"), "EDICT0626", "is nothing to speak"),
        (("shop/web", "8.8.8.8", "tcp"), "EDICT0626", "is nothing to speak"),
        (("shop/web", "8.8.8.8", "53/UDP", "--request", "GET /"), "EDICT0626", "is no HTTP request"),
        (("shop/web", "8.8.8.8", "80", "--request", "get /"), "EDICT0626", "is no HTTP request"),
        (("shop/web", "8.8.8.8", "80", "--context", "x"), "EDICT0601", "the cluster is given twice"),
        (("shop/web", "8.8.8.8", "80", "--agent-namespace", "A"), "EDICT0619", "is no namespace"),
    ],
)
def test_what_cannot_be_asked_is_an_error_with_a_remedy(
    cli: Run, arguments: tuple[str, ...], code: str, words: str
) -> None:
    assert cli(*arguments) == 2
    assert code in cli.err
    assert words in cli.err
    assert "Try: " in cli.err


def test_a_cluster_must_be_given_and_must_answer(cli: Run) -> None:
    assert cli("shop/web", "8.8.8.8", "80", world=False) == 2
    assert "no cluster is given" in cli.err
    nobody = cli.file(
        "kubeconfig",
        "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], "
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {token: x}}]}",
    )
    assert cli("shop/web", "8.8.8.8", "80", "--kubeconfig", str(nobody), world=False) == 2
    assert "EDICT0624" in cli.err
    assert cli("shop/web", "8.8.8.8", "80", "--kubeconfig", str(nobody), "--context", "b", world=False) == 2
    assert "EDICT0624" in cli.err


@pytest.mark.parametrize(
    ("before", "after", "code", "words"),
    [
        ("kind: List", "kind: [", "EDICT0603", "not YAML"),
        (CLUSTER, "[" * 100_000, "EDICT0603", "nested more than 100 levels deep"),
        (CLUSTER, '{"a":' * 50_000, "EDICT0603", "nested more than 100 levels deep"),
        (CLUSTER, "- a\n", "EDICT0603", "a manifest is a mapping"),
        ("phase: Succeeded", "phase: Running", "EDICT0123", "shop/db and shop/done both have the address 10.0.0.2"),
        ("labels: {app: db}}", "labels: {app: 1}}", "EDICT0109", "Pod db metadata.labels"),
        ("ports: [{port: sql}]", "ports: [{name: sql}]", "EDICT0107", "NetworkPolicy db spec.ingress[0].ports[0].name"),
    ],
)
def test_a_cluster_that_cannot_be_read_is_an_error(cli: Run, before: str, after: str, code: str, words: str) -> None:
    assert before in CLUSTER
    cli.world.write_text(CLUSTER.replace(before, after))
    assert cli("shop/web", "8.8.8.8", "80") == 2
    assert code in cli.err
    assert words in cli.err
