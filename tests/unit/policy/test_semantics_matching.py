"""What the reference says each kind of peer and protocol matches: literal verdicts."""

from __future__ import annotations

import pytest

from edict.policy.matching import domain_matches
from edict.policy.world import Flow, Request
from tests.unit.policy.meaning import API, DB, EAST_DB, HOST, OUTSIDE, WEB, WEST_DB, egress, ingress, tcp

DENIED = "Deny Admin p0"


def denies(peer: str, protocols: str = "[]") -> str:
    return f"{{egress: [{{action: Deny, to: [{peer}], protocols: {protocols}}}]}}"


def admits(peer: str, protocols: str = "[]") -> str:
    return f"{{ingress: [{{action: Deny, from: [{peer}], protocols: {protocols}}}]}}"


def to(address: str, peer: str) -> bool:
    """Is an address, spoken to by the web pod, the peer?"""
    return egress(tcp(WEB if ":" not in address else "fd00::1", address), denies(peer)) == f"{DENIED} egress[0]"


def by(address: str, peer: str) -> bool:
    """Is an address, which speaks to the web pod, the peer?"""
    return ingress(tcp(address, WEB), admits(peer)) == f"{DENIED} ingress[0]"


@pytest.mark.parametrize(
    ("peer", "inside", "outside"),
    [
        ("{namespaces: {}}", [DB, API], [OUTSIDE, HOST, WEST_DB]),
        ("{namespaces: {matchLabels: {team: bank}}}", [API], [DB, OUTSIDE]),
        ("{namespaces: {matchExpressions: [{key: env, operator: DoesNotExist}]}}", [DB], [API, OUTSIDE, HOST, WEST_DB]),
        ("{namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [shop]}]}}", [API], [DB, OUTSIDE]),
        ("{namespaces: {matchExpressions: [{key: team, operator: In, values: [bank, x]}]}}", [API], [DB]),
        ("{namespaces: {matchExpressions: [{key: env, operator: Exists}]}}", [API], [DB, OUTSIDE]),
        ("{pods: {podSelector: {matchLabels: {app: db}}}}", [DB], [API, WEST_DB, OUTSIDE]),
        (
            "{pods: {podSelector: {matchLabels: {app: db}}, namespaceSelector: {matchLabels: {team: bank}}}}",
            [],
            [DB, API, WEST_DB],
        ),
        ("{pods: {podSelector: {matchLabels: {app: probe}}}}", [], [HOST]),
        ("{networks: [10.0.0.0/30]}", [DB, API], [OUTSIDE, "10.0.0.9"]),
        ("{networks: [203.0.113.0/24, 192.0.2.0/24]}", [OUTSIDE, HOST], [DB]),
        ("{networks: [{cidr: 10.0.0.0/8, except: [10.0.0.2/31]}]}", [WEST_DB, "10.0.0.9"], [DB, API]),
        ("{networks: [{cidr: 10.0.0.0/8, except: [10.0.0.2/31]}, 10.0.0.2/32]}", [DB], [API]),
        ("{serviceAccounts: {names: [db, x]}}", [DB], [API, WEST_DB, OUTSIDE]),
        ("{serviceAccounts: {names: [default], namespaceSelector: {matchLabels: {team: bank}}}}", [API], [DB, WEB]),
        ("{clusters: {names: [west]}}", [WEST_DB], [DB, EAST_DB, OUTSIDE]),
        ("{clusters: {names: [west, east]}}", [WEST_DB, EAST_DB], [DB]),
        (
            "{clusters: {names: [east,west], pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: {}}}}",
            [WEST_DB],
            [EAST_DB, DB],
        ),
        ("{clusters: {names: [west], pods: {podSelector: {matchLabels: {app: x}}}}}", [], [WEST_DB]),
    ],
)
def test_a_peer_of_either_direction(peer: str, inside: list[str], outside: list[str]) -> None:
    """Pods of other clusters are no pod peers, and a host-networked pod is its node."""
    for match in (to, by):
        assert [address for address in inside if not match(address, peer)] == []
        assert [address for address in outside if match(address, peer)] == []


@pytest.mark.parametrize(
    ("peer", "inside", "outside"),
    [
        ("{nodes: {}}", [HOST, "192.0.2.2", "fd00:2:0:0::1"], [DB, OUTSIDE, "192.0.2.3"]),
        ("{nodes: {matchLabels: {role: worker}}}", [HOST, "fd00:2::1"], ["192.0.2.2", DB]),
        ("{networks: ['fd00:2::/32']}", ["fd00:2:0:0::1"], ["fd00::1", OUTSIDE]),
        ("{domainNames: [api.example.com]}", [OUTSIDE], ["203.0.113.8", DB]),
        ("{domainNames: ['*.example.com']}", [OUTSIDE, "203.0.113.8"], ["203.0.113.9"]),
        ("{domainNames: [EXAMPLE.com.]}", ["203.0.113.8"], [OUTSIDE]),
    ],
)
def test_a_peer_of_egress_alone(peer: str, inside: list[str], outside: list[str]) -> None:
    assert [address for address in inside if not to(address, peer)] == []
    assert [address for address in outside if to(address, peer)] == []


def test_ingress_networks_match_the_source() -> None:
    assert by(OUTSIDE, "{networks: [203.0.113.0/24]}")
    assert not by("8.8.8.8", "{networks: [203.0.113.0/24]}")
    assert not by("8.8.8.8", "{networks: [10.0.0.1/32]}")


def test_any_peer_of_a_rule_is_enough() -> None:
    rule = "{egress: [{action: Deny, to: [{networks: [8.8.8.8/32]}, {namespaces: {matchLabels: {team: bank}}}]}]}"
    assert egress(tcp(WEB, API), rule) == egress(tcp(WEB, "8.8.8.8"), rule) == f"{DENIED} egress[0]"
    assert egress(tcp(WEB, DB), rule) == "Accept default"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("kubernetes.io", "kubernetes.io", True),
        ("kubernetes.io", "www.kubernetes.io", False),
        ("kubernetes.io", "my-kubernetes.io", False),
        ("*.kubernetes.io", "www.kubernetes.io", True),
        ("*.kubernetes.io", "latest.blog.kubernetes.io", True),
        ("*.kubernetes.io", "kubernetes.io", False),
        ("*.kubernetes.io", ".kubernetes.io", False),
        ("*.kubernetes.io", "my-kubernetes.io", False),
        ("*.kubernetes.io", "wikipedia.org", False),
        ("*.Kubernetes.io.", "BLOG.kubernetes.io", True),
    ],
)
def test_domain_names_are_upstream_s(pattern: str, name: str, *, matches: bool) -> None:
    assert domain_matches(pattern, name) is matches


TCP80, TCP81, UDP80 = tcp(WEB, DB, 80), tcp(WEB, DB, 81), Flow(WEB, DB, "udp", 80)
SCTP80, GRE = Flow(WEB, DB, "sctp", 80), Flow(WEB, DB, "gre")
PING, UNREACHABLE = Flow(WEB, DB, "icmp", icmp_type=8, icmp_code=0), Flow(WEB, DB, "icmp", icmp_type=3, icmp_code=1)
PING6 = Flow("fd00::1", "fd00::2", "icmpv6", icmp_type=128, icmp_code=0)
ALL = [TCP80, TCP81, UDP80, SCTP80, GRE, PING, UNREACHABLE, PING6]


@pytest.mark.parametrize(
    ("protocols", "matched"),
    [
        ("[]", ALL),
        ("[{tcp: {}}]", [TCP80, TCP81]),
        ("[{tcp: {destinationPort: {number: 80}}}]", [TCP80]),
        ("[{tcp: {destinationPort: {range: {start: 81, end: 90}}}}]", [TCP81]),
        ("[{udp: {destinationPort: {range: {start: 1, end: 80}}}}]", [UDP80]),
        ("[{sctp: {}}, {udp: {destinationPort: {number: 81}}}]", [SCTP80]),
        ("[{icmp: {}}]", [PING, UNREACHABLE]),
        ("[{icmp: {type: 8}}]", [PING]),
        ("[{icmp: {type: 3, code: 1}}]", [UNREACHABLE]),
        ("[{icmp: {type: 3, code: 0}}]", []),
        ("[{icmp: {family: IPv6}}]", [PING6]),
        ("[{icmp: {family: IPv6, type: 8}}]", []),
    ],
)
def test_a_protocol_matches_what_it_says(protocols: str, matched: list[Flow]) -> None:
    rule = denies("{networks: [0.0.0.0/0, '::/0']}", protocols)
    assert [flow for flow in ALL if egress(flow, rule) == f"{DENIED} egress[0]"] == matched


def test_a_named_port_is_what_the_destination_pod_calls_so() -> None:
    """Each pod has its own number for a name: the subject on ingress, the peer on egress."""
    out, into = (
        denies("{namespaces: {}}", "[{destinationNamedPort: http}]"),
        admits("{namespaces: {}}", "[{destinationNamedPort: http}]"),
    )
    for source, destination, port in ((DB, WEB, 8080), (DB, API, 9090)):
        assert egress(tcp(source, destination, port), out) == f"{DENIED} egress[0]"
        assert ingress(tcp(source, destination, port), into) == f"{DENIED} ingress[0]"
    for flow in (tcp(DB, WEB, 9090), tcp(WEB, DB, 8080), Flow(DB, WEB, "udp", 8080)):
        assert egress(flow, out) == ingress(flow, into) == "Accept default"


SAFE = "{http: [{methods: [GET, HEAD], paths: [/status]}, {hosts: [api.example.com]}]}"
HTTP = (
    "{egress: [{action: Accept, to: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}], "
    + SAFE[1:-1]
    + "}, {action: Deny, to: [{namespaces: {}}]}]}"
)


@pytest.mark.parametrize(
    ("request_", "accepted"),
    [
        (Request("GET", "/status", "x"), True),
        (Request("HEAD", "/status?verbose=1", "x"), True),
        (Request("POST", "/status", "x"), False),
        (Request("GET", "/status/", "x"), False),
        (Request("GET", "/", "x"), False),
        (Request("DELETE", "/", "API.example.com"), True),
        (Request("DELETE", "/", "api.example.com:8443"), True),
        (Request("DELETE", "/", "www.api.example.com"), False),
        (None, False),
    ],
)
def test_an_accept_with_http_matches_only_such_a_request(request_: Request | None, *, accepted: bool) -> None:
    flow = Flow(WEB, DB, "tcp", 80, request=request_)
    assert egress(flow, HTTP) == ("Accept Admin p0 egress[0]" if accepted else f"{DENIED} egress[1]")
    assert egress(Flow(WEB, DB, "tcp", 81, request=request_), HTTP) == f"{DENIED} egress[1]"


def test_http_is_spoken_over_tcp_alone() -> None:
    all_pods = "to: [{namespaces: {}}]"
    rule = f"{{egress: [{{action: Accept, {all_pods}, http: [{{methods: [GET]}}]}}, {{action: Deny, {all_pods}}}]}}"
    said = [egress(Flow(WEB, DB, one, 80, request=Request("GET", "/", "x")), rule) for one in ("tcp", "udp")]
    assert said == ["Accept Admin p0 egress[0]", f"{DENIED} egress[1]"]


def test_a_host_that_names_a_port_is_that_port_s_alone() -> None:
    rule = HTTP.replace("api.example.com", "'api.example.com:8080'")
    for host, verdict in (
        ("api.example.com:8080", "Accept Admin p0 egress[0]"),
        ("api.example.com", f"{DENIED} egress[1]"),
    ):
        assert egress(Flow(WEB, DB, "tcp", 80, request=Request("PUT", "/", host)), rule) == verdict
