"""Changes of verdicts, connection by connection: a region is reported exactly where the reference semantics differs.

What is said of local NetworkPolicies is asked three ways: none selects the pod, they allow it, they do not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from random import Random

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edict.policy.changes import About, Change, Fact, Kind, Outcome, Placed, Region, Ruling, compare, example_of
from edict.policy.local import LocalEgressRule, LocalIngressRule, LocalMeta, LocalSpec, NetworkPolicy
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.matching import domain_matches, peer_matches, request_matches, subject_selects
from edict.policy.model import (
    Action,
    ClusterPeer,
    EgressPeer,
    EgressRule,
    Http,
    IngressPeer,
    IngressRule,
    LabelSelector,
    NamespacedPod,
    PolicySpec,
    Port,
    Protocol,
    ServiceAccountPeer,
    Subject,
    Tier,
    TransportMatch,
)
from edict.policy.rules import Direction, rules_of
from edict.policy.selectors import matches
from edict.policy.semantics import Decision, decide
from edict.policy.space import Ground
from edict.policy.space.addresses import addresses_in
from edict.policy.space.labels import Key, Labels, Owner
from edict.policy.world import LOCAL, Flow, NamedPort, Node, Pod, Request, World
from tests.property.strategies import egress_rules, ingress_rules, selectors, subjects

AGENT = DEFAULT_AGENT_NAMESPACE
KNOWN = Ground(pods=addresses_in(["10.244.0.0/16", "fd00:1::/32"]), nodes=addresses_in(["172.18.0.0/16"]))
NAMESPACES: dict[str, dict[str, str]] = {
    "x": {"a": "x"},
    "y": {"b": "y"},
    "other": {"a": "y", "b": "x"},
    AGENT: {},
    "east/x": {"a": "z"},
}
LABELS: tuple[dict[str, str], ...] = ({}, {"a": "x"}, {"a": "y", "b": "x"}, {"a": "z"})
_PORTS = ((), (NamedPort("http", "tcp", 80),), (NamedPort("http", "udp", 53), NamedPort("web", "tcp", 53)))
PODS = tuple(
    Pod(
        namespace,
        f"p{index}",
        labels,
        (f"10.244.{0 if index else 9}.{number * 8 + index + 1}", f"fd00:1::{number * 8 + index + 1:x}"),
        service_account=("default", "other")[index % 2],
        named_ports=_PORTS[(number + index) % 3],
        cluster=cluster,
    )
    for number, (cluster, namespace) in enumerate(
        [*((LOCAL, name) for name in ("x", "y", "other", AGENT)), ("east", "x"), ("west", "y")]
    )
    for index, labels in enumerate(LABELS)
)
NODES = (
    Node("one", {"a": "x"}, ("172.18.0.5",)),
    Node("two", {"b": "y"}, ("172.18.0.6",)),
)
NAMES = {"203.0.113.7": ("a.example",), "8.8.8.8": ("a.example", "www.b.example"), "10.1.1.1": ("b.example",)}
OUTSIDE = (*NAMES, "203.0.113.200", "fd00:2::1", "2001::1")
WORLD = World(NAMESPACES, PODS, NODES, NAMES)
ENDS = (*(address for pod in PODS for address in pod.addresses), *(node.addresses[0] for node in NODES), *OUTSIDE)
CLUSTERS: tuple[dict[str, str], ...] = ({}, {"a": "x"}, {"a": "y", "b": "x"})
REQUESTS = (None, Request("GET", "/a", "h"), Request("POST", "/b", "h"))
Asked = tuple[Mapping[str, str], Direction, Flow]

_peers = st.one_of(
    st.builds(ClusterPeer, names=st.sampled_from((("east",), ("east", "west")))),
    st.builds(ClusterPeer, names=st.just(("east",)), pods=st.builds(NamespacedPod, selectors, selectors)),
)
_accounts = st.builds(ServiceAccountPeer, names=st.sampled_from((("other",), ("default", "other"))))
_domains = st.sampled_from((("a.example",), ("*.b.example",), ("www.b.example", "b.example")))
_named = st.sampled_from((("http",), ("web",))).map(
    lambda names: tuple(Protocol(destination_named_port=name) for name in names)
)
_port_80 = st.just((Protocol(tcp=TransportMatch(destination_port=Port(number=80))),))
_https = st.sampled_from(((Http(methods=("GET",)),), (Http(paths=("/b",)), Http(paths=("/a",)))))
_ingress = st.one_of(
    ingress_rules,
    st.builds(
        IngressRule,
        action=st.sampled_from(Action),
        from_=st.one_of(
            st.builds(IngressPeer, clusters=_peers), st.builds(IngressPeer, service_accounts=_accounts)
        ).map(lambda peer: (peer,)),
        protocols=st.one_of(st.just(()), _named),
    ),
)
_egress = st.one_of(
    egress_rules,
    st.builds(
        EgressRule,
        action=st.sampled_from(Action),
        to=st.one_of(
            st.builds(EgressPeer, clusters=_peers),
            st.builds(EgressPeer, service_accounts=_accounts),
            st.builds(EgressPeer, domain_names=_domains),
        ).map(lambda peer: (peer,)),
        protocols=st.one_of(st.just(()), _named),
    ),
    st.builds(
        EgressRule,
        action=st.just(Action.ACCEPT),
        to=st.just((EgressPeer(namespaces=LabelSelector()),)),
        protocols=st.one_of(st.just(()), _port_80),
        http=_https,
    ),
)
_specs = st.builds(
    PolicySpec,
    tier=st.sampled_from(Tier),
    priority=st.integers(0, 3),
    subject=st.one_of(st.just(Subject(namespaces=LabelSelector())), subjects),
    ingress=st.lists(_ingress, max_size=2).map(tuple),
    egress=st.lists(_egress, max_size=3).map(tuple),
)
_placements = st.one_of(st.just(LabelSelector()), st.just(LabelSelector()), selectors)


@st.composite
def _policies(draw: st.DrawFn) -> list[Placed]:
    names = draw(st.lists(st.sampled_from("pqrs"), unique=True, min_size=1, max_size=3))
    return [Placed(name, draw(_specs), draw(_placements)) for name in names]


@st.composite
def _edits(draw: st.DrawFn) -> tuple[list[Placed], list[Placed]]:
    """Draw a set, and what a person might make of it: mostly one policy is changed in one respect."""
    old = draw(_policies())
    at = draw(st.integers(0, len(old) - 1))
    one = old[at]
    spec, fresh = one.spec, draw(_specs)
    changed = draw(
        st.sampled_from(
            (
                None,
                replace(one, name="t", spec=fresh),
                replace(one, clusters=draw(_placements)),
                replace(one, spec=replace(spec, priority=draw(st.integers(0, 3)))),
                replace(one, spec=replace(spec, tier=fresh.tier)),
                replace(one, spec=replace(spec, subject=fresh.subject)),
                replace(one, spec=replace(spec, ingress=spec.ingress[::-1], egress=spec.egress[::-1])),
                replace(one, spec=replace(spec, egress=(*spec.egress[1:], *spec.egress[:1]))),
                replace(one, spec=replace(spec, ingress=(*fresh.ingress, *spec.ingress))),
                replace(one, spec=replace(spec, egress=(*fresh.egress, *spec.egress))),
                replace(one, spec=replace(spec, ingress=spec.ingress[1:], egress=spec.egress[:-1])),
            )
        )
    )
    new = [*old[:at], *([] if changed is None else [changed]), *old[at + 1 :]]
    return (old, new) if draw(st.booleans()) else (new, old)


_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)  # to explain a failure takes far longer than to find it
_flows = st.integers(0, 2**32)


LOCAL_PODS = tuple(pod for pod in PODS if pod.cluster == LOCAL)


def connections(seed: int, policies: Sequence[Placed]) -> list[Asked]:
    """Return some connections by chance, and for each rule some that its subject and peers match."""
    random, found = Random(seed), []
    everywhere = [address for pod in LOCAL_PODS for address in pod.addresses]
    for direction in Direction:
        found += [_asked(random, direction, everywhere, ENDS) for _ in range(8)]
    for policy in policies:
        chosen = [pod for pod in LOCAL_PODS if subject_selects(policy.spec.subject, pod, WORLD)]
        subjects_ = [address for pod in chosen for address in pod.addresses]
        for rule in rules_of(policy.spec):
            ends = [end for end in ENDS if any(peer_matches(peer, end, WORLD) for peer in rule.peers)]
            if subjects_ and ends:
                found += [_asked(random, rule.direction, subjects_, ends) for _ in range(10)]
    return [one for one in found if one is not None]


def _asked(random: Random, direction: Direction, subjects_: Sequence[str], ends: Sequence[str]) -> Asked | None:
    here, there = random.choice(subjects_), random.choice(ends)
    version = ipaddress.ip_address(here).version
    if here == there or ipaddress.ip_address(there).version != version:
        return None
    source, destination = (here, there) if direction is Direction.EGRESS else (there, here)
    protocol = random.choice(("tcp", "tcp", "udp", "sctp", "icmp" if version == 4 else "icmpv6", "gre"))
    icmp = protocol.startswith("icmp")
    flow = Flow(
        source,
        destination,
        protocol,
        port=0 if icmp or protocol == "gre" else random.choice((1, 52, 53, 55, 80, 65535)),
        icmp_type=random.choice((0, 3, 8, 9)) if icmp else None,
        icmp_code=random.choice((0, 1)) if icmp else None,
        request=random.choice(REQUESTS) if protocol == "tcp" else None,
    )
    return random.choice(CLUSTERS), direction, flow


def _own(namespaces: set[str], *, allow: bool) -> list[NetworkPolicy]:
    """Return NetworkPolicies that select every pod, and allow everything or nothing."""
    return [
        NetworkPolicy(
            api_version="networking.k8s.io/v1",
            metadata=LocalMeta("np", namespace),
            spec=LocalSpec(
                pod_selector=LabelSelector(),
                policy_types=("Ingress", "Egress"),
                ingress=(LocalIngressRule(),) if allow else (),
                egress=(LocalEgressRule(),) if allow else (),
            ),
        )
        for namespace in sorted(namespaces)
    ]


def decisions(policies: Sequence[Placed], asked: Asked, world: World) -> list[Decision]:
    """Ask the reference: no local policy, one that allows, one that does not."""
    cluster, direction, flow = asked
    here = [(one.name, one.spec) for one in policies if matches(one.clusters, cluster)]
    spaces = {pod.namespace for pod in world.pods}
    said = [
        decide(here, own, world, direction, flow, AGENT)
        for own in ([], _own(spaces, allow=True), _own(spaces, allow=False))
    ]
    return [one for one in said if one is not None]


def outcome(said: Sequence[Decision]) -> str:
    return "".join("A" if one.allows else "D" for one in said)


OUTCOMES = {
    Outcome.ACCEPT: {"AAA"},
    Outcome.DENY: {"DDD"},
    Outcome.LOCAL_ACCEPT: {"AAD"},
    Outcome.LOCAL_DENY: {"DAD"},
    Outcome.LOCAL: {"AAD", "DAD"},
}


def has(labels: Labels, of: Mapping[Key, str]) -> bool:
    return all(
        values.absent if key not in of else (of[key] in values.listed) != values.others
        for key, values in labels.terms.items()
    )


def _labels_of(pod: Pod, world: World) -> dict[Key, str]:
    found = {Key(Owner.NAMESPACE, name): value for name, value in world.namespace_labels(pod).items()}
    found |= {Key(Owner.POD, name): value for name, value in pod.labels.items()}
    found |= {Key(Owner.ACCOUNT, "name"): pod.service_account}
    return found if pod.cluster == LOCAL else found | {Key(Owner.CLUSTER, "name"): pod.cluster}


def _other_end(address: str, world: World) -> tuple[Kind, dict[Key, str]]:
    pod = world.pod_at(address)
    if pod is not None:
        return (Kind.POD if pod.cluster == LOCAL else Kind.REMOTE), _labels_of(pod, world)
    for node in world.nodes_at(address):
        return Kind.NODE, {Key(Owner.NODE, name): value for name, value in node.labels.items()}
    return Kind.OUTSIDE, {}


def _is_so(fact: Fact, flow: Flow, other: str, world: World) -> bool:
    match fact.about:
        case About.DOMAIN:
            return any(domain_matches(fact.text, name) for name in world.names_of(other))
        case About.PORT:
            pod = world.pod_at(flow.destination)
            return pod is not None and NamedPort(fact.text, flow.protocol, flow.port) in pod.named_ports
        case About.HTTP:
            return request_matches(msgspec.json.decode(fact.text, type=list[Http]), flow)


def _speaks(region: Region, flow: Flow) -> bool:
    if flow.protocol in {"icmp", "icmpv6"}:
        types = region.spoken.icmp4 if flow.protocol == "icmp" else region.spoken.icmp6
        return (flow.icmp_type or 0) * 256 + (flow.icmp_code or 0) in types
    return region.spoken.others if flow.protocol == "gre" else flow.port in getattr(region.spoken, flow.protocol)


def inside(region: Region, asked: Asked, world: World) -> bool:
    cluster, direction, flow = asked
    ends = (flow.source, flow.destination) if direction is Direction.EGRESS else (flow.destination, flow.source)
    subject, (kind, labels) = world.pod_at(ends[0]), _other_end(ends[1], world)
    return (
        subject is not None
        and has(region.clusters, {Key(Owner.POD, name): value for name, value in cluster.items()})
        and has(region.subject, _labels_of(subject, world))
        and kind in region.kinds
        and has(region.labels, labels)
        and bool(addresses_in([ends[1]]) & region.addresses)
        and _speaks(region, flow)
        and all(_is_so(fact, flow, ends[1], world) for fact in region.so)
        and not any(_is_so(fact, flow, ends[1], world) for fact in region.not_so)
    )


def _agrees(ruling: Ruling, said: Sequence[Decision]) -> bool:
    """Tell whether the reference decides so, by that very rule where no local policy selects the pod."""
    rule = ruling.rule
    by_it = ruling.outcome is Outcome.LOCAL or (said[0].policy, said[0].rule) == (
        ("", "") if rule is None or rule.action is Action.PASS else (rule.policy, rule.rule)
    )
    return by_it and outcome(said) in OUTCOMES[ruling.outcome]


def check(
    old: list[Placed], new: list[Placed], asked: Sequence[Asked], changes: Sequence[Change], ground: Ground
) -> int:
    """Assert everything that is claimed of the changes; returns how many of the connections change."""
    differing = 0
    for one in asked:
        was, becomes = decisions(old, one, WORLD), decisions(new, one, WORLD)
        found = [
            change
            for change in changes
            for region in change.regions
            if change.direction is one[1] and inside(region, one, WORLD)
        ]
        certain = [change for change in found if change.is_certain]
        if outcome(was) == outcome(becomes):
            assert not certain, (one, certain)
            continue
        differing += 1
        assert any(_agrees(change.old, was) and _agrees(change.new, becomes) for change in found), (one, was, becomes)
        assert len(certain) <= 1, (one, certain)  # regions are disjoint
    for change in changes:
        assert change.regions
        if change.is_certain:
            for region in change.regions:
                made = example_of(region, change.direction, ground)
                of = (made.cluster, change.direction, made.flow)
                assert inside(region, of, made.world), (region, made)
                was, becomes = decisions(old, of, made.world), decisions(new, of, made.world)
                assert outcome(was) != outcome(becomes), (change, made)
                assert _agrees(change.old, was), (change, made, was)
                assert _agrees(change.new, becomes), (change, made, becomes)
    return differing


@settings(deadline=None, max_examples=80, phases=_PHASES)
@given(_edits(), st.sampled_from((Ground(), KNOWN)), _flows)
def test_a_verdict_changes_exactly_where_it_is_reported(
    sets: tuple[list[Placed], list[Placed]], ground: Ground, seed: int
) -> None:
    old, new = sets
    check(old, new, connections(seed, [*old, *new]), compare(old, new, ground), ground)


@settings(deadline=None, max_examples=25, phases=_PHASES)
@given(_policies(), _policies(), st.sampled_from((Ground(), KNOWN)), _flows)
def test_two_sets_of_nothing_in_common_differ_where_it_is_reported(
    old: list[Placed], new: list[Placed], ground: Ground, seed: int
) -> None:
    check(old, new, connections(seed, [*old, *new]), compare(old, new, ground), ground)


@settings(deadline=None, max_examples=40)
@given(_policies(), st.sampled_from((Ground(), KNOWN)))
def test_a_set_does_not_differ_from_itself(policies: list[Placed], ground: Ground) -> None:
    renamed = [replace(one, name=f"z{one.name}") for one in policies]
    assert compare(policies, policies, ground) == []
    assert compare(policies, renamed, ground) == []
