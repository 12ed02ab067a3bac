"""The parts of random policies by the kind of policy: selectors, peers and protocols."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET

from edict.policy.lockout import EVERY_NETWORK, NAMESPACE_NAME
from edict.policy.model import (
    ClusterPeer,
    EgressPeer,
    Icmp,
    IngressPeer,
    LabelSelector,
    LabelSelectorRequirement,
    NamespacedPod,
    NetworkExcept,
    Operator,
    Port,
    PortRange,
    Protocol,
    ServiceAccountPeer,
    Subject,
    TransportMatch,
)
from edict.policy.rules import Direction
from tests.engines.fuzz.worlds import ABROAD, ACCOUNTS, KEYS, NAMES, NODE_CIDRS, POD_CIDRS, VALUES


class Kind(enum.StrEnum):
    """*Common* is what every dialect with tiers should say exactly; *lenient* has besides what dialects say stricter,
    and lets them; *whole* is the language.
    """

    COMMON = "common"
    LENIENT = "lenient"
    WHOLE = "whole"


_V4, _V6 = ((POD_CIDRS[at], NODE_CIDRS[at]) for at in (0, 1))
_OFF_PODS = (
    ("203.0.113.0/24",),
    ("203.0.113.128/25", "2001:db8::/32"),
    ("203.0.113.7/32", "198.51.100.0/24"),
    (NetworkExcept(cidr="203.0.113.0/24", except_=("203.0.113.128/25",)),),
    (NetworkExcept(cidr="2001:db8::/32", except_=("2001:db8:1::/48",)), "8.8.8.8/32"),
    (NetworkExcept(cidr="0.0.0.0/0", except_=_V4),),
    (NetworkExcept(cidr="::/0", except_=_V6), NetworkExcept(cidr="0.0.0.0/0", except_=(*_V4, "203.0.113.0/25"))),
)
_ON_PODS = (
    ("10.0.0.0/8",),
    ("10.244.0.0/28",),
    ("0.0.0.0/0",),
    ("172.18.0.5/32",),
    (NetworkExcept(cidr="fd00::/8", except_=("fd00:1::/32",)),),
    (NetworkExcept(cidr="0.0.0.0/0", except_=("10.244.0.4/30",)), "::/0"),
)
_PORTS = (53, 60, 80, 8080)
_RANGES = ((53, 60), (54, 59), (60, 80), (1, 65535), (61, 8080))
_HOW = st.sampled_from((None, *Operator))
_NAMED = st.sampled_from((None, None, Operator.IN, Operator.NOT_IN, Operator.NOT_IN, Operator.EXISTS))
"""Nobody writes that a namespace has no name, and it would select nothing."""


def _selector(
    keys: tuple[str, ...], values: Callable[[str], tuple[str, ...]], counts: tuple[int, ...]
) -> st.SearchStrategy[LabelSelector]:
    """Return selectors of some requirements, each on a key of its own, so that none contradicts itself."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> LabelSelector:
        labels: dict[str, str] = {}
        expressions = []
        chosen = draw(st.permutations(keys))[: draw(st.sampled_from(counts))]
        for key in chosen:
            how = draw(_NAMED if key == NAMESPACE_NAME else _HOW)
            if how is None:
                labels[key] = draw(st.sampled_from(values(key)))
                continue
            several: tuple[str, ...] = ()
            if how in {Operator.IN, Operator.NOT_IN}:
                several = tuple(draw(st.lists(st.sampled_from(values(key)), min_size=1, max_size=2, unique=True)))
            expressions.append(LabelSelectorRequirement(key=key, operator=how, values=several))
        return LabelSelector(match_labels=labels, match_expressions=tuple(expressions))

    return draw_one()


def _values(key: str) -> tuple[str, ...]:
    return (*NAMES[:-1], *NAMES) if key == NAMESPACE_NAME else VALUES


namespaces = _selector((*KEYS, NAMESPACE_NAME), _values, (0, 1, 1, 1, 1, 1, 1, 2))
pod_labels = _selector(KEYS, _values, (0, 1, 1, 1, 1, 1, 1, 2))
_pods = st.builds(
    NamespacedPod,
    pod_selector=pod_labels,
    namespace_selector=_selector((*KEYS, NAMESPACE_NAME), _values, (0, 0, 0, 1)),
)
subjects = st.one_of(
    st.builds(Subject, namespaces=namespaces),
    st.builds(Subject, pods=_pods),
    st.just(Subject(namespaces=LabelSelector())),
)
_pod_peers: tuple[tuple[str, st.SearchStrategy[Any]], ...] = (("namespaces", namespaces), ("pods", _pods))
_everything: tuple[str, st.SearchStrategy[Any]] = ("networks", st.just(EVERY_NETWORK))
_off_pods: tuple[str, st.SearchStrategy[Any]] = ("networks", st.sampled_from(_OFF_PODS))
_on_pods: tuple[str, st.SearchStrategy[Any]] = ("networks", st.sampled_from(_ON_PODS))
_rare: tuple[tuple[str, st.SearchStrategy[Any]], ...] = (
    (
        "service_accounts",
        st.builds(ServiceAccountPeer, names=st.sampled_from((ACCOUNTS[:1], ACCOUNTS)), namespace_selector=namespaces),
    ),
    ("clusters", st.builds(ClusterPeer, names=st.just((ABROAD,)), pods=st.one_of(st.just(UNSET), _pods))),
)
_rare_egress: tuple[tuple[str, st.SearchStrategy[Any]], ...] = (
    ("nodes", _selector(KEYS, _values, (0, 1))),
    ("domain_names", st.sampled_from((("a.example",), ("*.b.example",), ("a.example", "b.example")))),
)


def _peers(direction: Direction, kind: Kind) -> st.SearchStrategy[Any]:
    outside = () if direction is Direction.INGRESS and kind is Kind.COMMON else (_off_pods,) * 3
    found = {
        Kind.COMMON: (),
        Kind.LENIENT: (_on_pods, _on_pods),
        Kind.WHOLE: (_on_pods, *_rare, *(_rare_egress if direction is Direction.EGRESS else ())),
    }[kind]
    peer = IngressPeer if direction is Direction.INGRESS else EgressPeer
    return _one_of(peer, (*_pod_peers, *_pod_peers, *_pod_peers, _everything, *outside, *found))


def _one_of(peer: Callable[..., Any], kinds: tuple[tuple[str, st.SearchStrategy[Any]], ...]) -> st.SearchStrategy[Any]:
    return st.one_of([st.builds(peer, **{kind: values}) for kind, values in kinds])


_transports = st.one_of(
    st.just(TransportMatch()),
    st.sampled_from(_PORTS).map(lambda number: TransportMatch(destination_port=Port(number=number))),
    st.sampled_from(_RANGES).map(
        lambda ends: TransportMatch(destination_port=Port(range=PortRange(start=ends[0], end=ends[1])))
    ),
)
_common_protocols = st.one_of(
    st.builds(Protocol, tcp=_transports),
    st.builds(Protocol, tcp=_transports),
    st.builds(Protocol, udp=_transports),
    st.builds(Protocol, sctp=_transports),
    st.builds(Protocol, icmp=st.builds(Icmp, family=st.sampled_from(("IPv4", "IPv6")), type=st.sampled_from((3, 8)))),
)
_rare_protocols = st.one_of(
    st.sampled_from(("web", "dns")).map(lambda name: Protocol(destination_named_port=name)),
    st.builds(
        Protocol,
        icmp=st.sampled_from((Icmp(), Icmp(family="IPv6"), Icmp(type=0), Icmp(type=3, code=1), Icmp(type=3, code=0))),
    ),
)
_icmp_codes = st.sampled_from((Protocol(icmp=Icmp(type=3, code=1)), Protocol(icmp=Icmp(type=3, code=0))))
PEERS = {(direction, kind): _peers(direction, kind) for direction in Direction for kind in Kind}
PROTOCOLS = {
    Kind.COMMON: _common_protocols,
    Kind.LENIENT: st.one_of(_common_protocols, _icmp_codes),
    Kind.WHOLE: st.one_of(_common_protocols, _common_protocols, _rare_protocols),
}
