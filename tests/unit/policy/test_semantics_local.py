"""What the reference says of the cluster's own NetworkPolicies, and how they are read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from edict.errors import DocumentError
from edict.policy.local import network_policy
from edict.policy.origin import Origin
from edict.policy.world import Flow
from tests.unit.policy.meaning import API, DB, HOST, OUTSIDE, WEB, WEST_DB, egress, ingress, local, tcp

ISOLATED = "Deny NetworkPolicy shop/np"
ALLOWED = "Accept NetworkPolicy shop/np"


def allowed_from(peer: str, source: str) -> bool:
    verdict = ingress(tcp(source, WEB), local(f"{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"))
    assert verdict in {ISOLATED, f"{ALLOWED} ingress[0]"}
    return verdict != ISOLATED


@pytest.mark.parametrize(
    ("peer", "inside", "outside"),
    [
        ("{podSelector: {}}", [DB], [API, WEST_DB, OUTSIDE, HOST]),
        ("{podSelector: {matchLabels: {app: db}}}", [DB], [WEB, API, WEST_DB]),
        ("{namespaceSelector: {}}", [DB, API], [WEST_DB, OUTSIDE, HOST]),
        ("{namespaceSelector: {matchLabels: {env: prod}}}", [API], [DB]),
        ("{namespaceSelector: {matchLabels: {env: prod}}, podSelector: {matchLabels: {app: db}}}", [], [API, DB]),
        ("{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}", [DB], [API]),
        ("{ipBlock: {cidr: 203.0.113.0/24}}", [OUTSIDE], [DB, "8.8.8.8"]),
        ("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/29]}}", ["203.0.113.9"], [OUTSIDE]),
        ("{ipBlock: {cidr: 203.0.113.5/24}}", ["203.0.113.200"], [DB]),
        ("{ipBlock: {cidr: 10.0.0.0/8}}", [DB, API, WEST_DB], [OUTSIDE]),
        ("{podSelector: {}}, {ipBlock: {cidr: 203.0.113.0/24}}", [DB, OUTSIDE], [API]),
    ],
)
def test_a_peer(peer: str, inside: list[str], outside: list[str]) -> None:
    assert [address for address in inside if not allowed_from(peer, address)] == []
    assert [address for address in outside if allowed_from(peer, address)] == []


@pytest.mark.parametrize(
    ("ports", "allowed"),
    [
        ("[]", ["tcp/80", "tcp/8080", "udp/80", "sctp/8080", "gre/0", "icmp/0"]),
        ("[{}]", ["tcp/80", "tcp/8080"]),
        ("[{port: 80}]", ["tcp/80"]),
        ("[{port: 80, protocol: UDP}]", ["udp/80"]),
        ("[{port: 81, endPort: 9000}]", ["tcp/8080"]),
        ("[{port: http}]", ["tcp/8080"]),
        ("[{port: http, protocol: UDP}]", []),
        ("[{port: sql}]", []),
        ("[{protocol: SCTP}, {port: 80}]", ["tcp/80", "sctp/8080"]),
    ],
)
def test_ports(ports: str, allowed: list[str]) -> None:
    """A name is what the destination pod calls the port; no protocol is TCP; no ports are every protocol."""
    own = local(f"{{podSelector: {{}}, ingress: [{{ports: {ports}}}]}}")
    asked = ["tcp/80", "tcp/8080", "udp/80", "sctp/8080", "gre/0", "icmp/0"]
    flows = {one: Flow(API, WEB, one.partition("/")[0], int(one.partition("/")[2])) for one in asked}
    assert [one for one, flow in flows.items() if ingress(flow, own) == f"{ALLOWED} ingress[0]"] == allowed


def test_a_named_port_of_egress_is_the_peer_s() -> None:
    own = local("{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}")
    assert egress(tcp(DB, API, 9090), own) == f"{ALLOWED} egress[0]"
    assert egress(tcp(DB, API, 8080), own) == egress(tcp(DB, OUTSIDE, 8080), own) == ISOLATED


@pytest.mark.parametrize(
    ("spec", "into", "out"),
    [
        ("{podSelector: {}}", ISOLATED, "Accept default"),
        ("{podSelector: {}, policyTypes: []}", ISOLATED, "Accept default"),
        ("{podSelector: {}, egress: []}", ISOLATED, "Accept default"),
        ("{podSelector: {}, egress: [{}]}", ISOLATED, f"{ALLOWED} egress[0]"),
        ("{podSelector: {}, policyTypes: [Egress]}", "Accept default", ISOLATED),
        ("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", "Accept default", ISOLATED),
        ("{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", ISOLATED, "Accept default"),
        ("{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}]}", f"{ALLOWED} ingress[0]", ISOLATED),
        ("{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]}", ISOLATED, ISOLATED),
        ("{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress]}", "Accept default", "Accept default"),
    ],
)
def test_whom_it_isolates_in_which_direction(spec: str, into: str, out: str) -> None:
    assert (ingress(tcp(API, WEB), local(spec)), egress(tcp(WEB, API), local(spec))) == (into, out)


def test_it_is_for_its_own_namespace() -> None:
    assert ingress(tcp(WEB, API), local("{podSelector: {}}")) == "Accept default"
    assert ingress(tcp(WEB, API), local("{podSelector: {}}", "bank")) == "Deny NetworkPolicy bank/np"


def test_several_add_up() -> None:
    one = local("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}", name="one")
    two = local("{podSelector: {}, ingress: [{ports: [{port: 1}]}, {ports: [{port: 80}]}]}", name="two")
    assert ingress(tcp(DB, WEB), one, two) == "Accept NetworkPolicy shop/one ingress[0]"
    assert ingress(tcp(API, WEB), one, two) == "Accept NetworkPolicy shop/two ingress[1]"
    assert ingress(tcp(API, WEB, 443), two, one) == "Deny NetworkPolicy shop/one, shop/two"


MANIFEST = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: np
  namespace: shop
  uid: 0b9b7d2e-1c1a-4b0a-9d6e-7f3f1c1f2a10
  creationTimestamp: null
  managedFields: [{manager: kubectl}]
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, {podSelector: {}}]
      ports: [{port: 80, protocol: TCP, endPort: 90}]
status: {}
"""


def test_what_a_server_prints_is_read() -> None:
    policy = network_policy(yaml.safe_load(MANIFEST))
    assert policy.id == "shop/np"
    assert policy.spec.ingress[0].from_[0].ip_block.except_ == ("10.1.0.0/16",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("before", "after", "code", "place"),
    [
        ("v1\n", "v2\n", "EDICT0105", "NetworkPolicy np apiVersion np.yaml"),
        ("kind: NetworkPolicy", "kind: Policy", "EDICT0105", "Policy np apiVersion np.yaml"),
        ("policyTypes: [Ingress]", "types: []", "EDICT0107", "spec.types"),
        ("{podSelector: {}}", "{pods: {}}", "EDICT0107", "spec.ingress[0].from[1].pods"),
        ("{podSelector: {}}", "{}", "EDICT0121", "spec.ingress[0].from[1]"),
        ("except: [10.1.0.0/16]}", "}, podSelector: {}", "EDICT0121", "spec.ingress[0].from[0]"),
        ("policyTypes: [Ingress]", "policyTypes: [ingress]", "EDICT0109", "spec.policyTypes"),
        ("protocol: TCP", "protocol: tcp", "EDICT0109", "spec.ingress[0].ports[0].protocol"),
        ("10.0.0.0/8", "10.0.0.0/40", "EDICT0125", "spec.ingress[0].from[0].ipBlock.cidr"),
        ("10.1.0.0/16", "11.0.0.0/16", "EDICT0125", "spec.ingress[0].from[0].ipBlock.except[0]"),
        ("10.1.0.0/16", "'fd00::/16'", "EDICT0125", "spec.ingress[0].from[0].ipBlock.except[0]"),
        ("10.1.0.0/16", "10.0.0.0/8", "EDICT0125", "spec.ingress[0].from[0].ipBlock.except[0]"),
        ("port: 80", "port: 0", "EDICT0109", "spec.ingress[0].ports[0].port"),
        ("port: 80", "port: '80'", "EDICT0126", "spec.ingress[0].ports[0].port"),
        ("port: 80", "port: http", "EDICT0128", "spec.ingress[0].ports[0].endPort"),
        ("endPort: 90", "endPort: 79", "EDICT0126", "spec.ingress[0].ports[0].endPort"),
        ("{app: web}", "{'a b': web}", "EDICT0124", "spec.podSelector.matchLabels.a b"),
        ("podSelector: {matchLabels: {app: web}}", "ingress: []", "EDICT0108", "spec"),
    ],
)
def test_what_is_not_known_is_refused(before: str, after: str, code: str, place: str) -> None:
    assert before in MANIFEST
    text = MANIFEST.replace(before, after, 1)
    if after == "ingress: []":
        text = text[: text.index("  policyTypes")]
    manifest: dict[str, Any] = yaml.safe_load(text)
    with pytest.raises(DocumentError) as caught:
        network_policy(manifest, Origin("np.yaml"))
    assert caught.value.code == code
    assert place in caught.value.where
