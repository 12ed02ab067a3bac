"""Small policies of every shape: few labels, few addresses, few ports, so that rules meet often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy, FederatedNetworkPolicySpec, ObjectMeta, Placement
from edict.policy.model import (
    API_VERSION,
    Action,
    EgressPeer,
    EgressRule,
    Icmp,
    IngressPeer,
    IngressRule,
    LabelSelector,
    LabelSelectorRequirement,
    Mode,
    NamespacedPod,
    NetworkExcept,
    Operator,
    PolicySpec,
    Port,
    PortRange,
    Protocol,
    ServiceAccountPeer,
    Subject,
    Tier,
    TransportMatch,
)
from edict_agent.translate import PlacedPolicy

KEYS = ("a", "b", "kubernetes.io/metadata.name")
VALUES = ("x", "y", "edict-system")
NETWORKS = (
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.244.0.0/16",
    "10.244.0.0/30",
    "203.0.113.0/24",
    "203.0.113.128/25",
    "203.0.113.7/32",
    "fd00::/8",
    "fd00:1::/32",
)
EXCEPTED = (
    NetworkExcept(cidr="0.0.0.0/0", except_=("10.0.0.0/8",)),
    NetworkExcept(cidr="203.0.113.0/24", except_=("203.0.113.0/25",)),
    NetworkExcept(cidr="fd00::/8", except_=("fd00:1::/32",)),
)


@st.composite
def _requirements(draw: st.DrawFn) -> LabelSelectorRequirement:
    operator = draw(st.sampled_from(Operator))
    takes_values = operator in {Operator.IN, Operator.NOT_IN}
    values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True)) if takes_values else []
    return LabelSelectorRequirement(key=draw(st.sampled_from(KEYS)), operator=operator, values=tuple(values))


selectors = st.builds(
    LabelSelector,
    match_labels=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=1),
    match_expressions=st.lists(_requirements(), max_size=2).map(tuple),
)
pods = st.builds(NamespacedPod, pod_selector=selectors, namespace_selector=selectors)
subjects = st.one_of(st.builds(Subject, namespaces=selectors), st.builds(Subject, pods=pods))
networks = st.lists(
    st.one_of(st.sampled_from(NETWORKS), st.sampled_from(EXCEPTED)), min_size=1, max_size=3, unique_by=repr
).map(tuple)
everything = st.just(("0.0.0.0/0", "::/0"))
_intervals = st.one_of(
    st.just(UNSET),
    st.sampled_from((52, 53, 80)).map(lambda number: Port(number=number)),
    st.sampled_from(((50, 60), (53, 80), (1, 65535))).map(
        lambda ends: Port(range=PortRange(start=ends[0], end=ends[1]))
    ),
)
_families = st.sampled_from(("IPv4", "IPv6"))
_types = st.sampled_from((0, 3, 8))
_typed_icmp = st.builds(Icmp, family=_families, type=_types)
_transports = st.builds(TransportMatch, destination_port=_intervals)
protocols = st.one_of(
    st.builds(Protocol, tcp=_transports),
    st.builds(Protocol, udp=_transports),
    st.builds(Protocol, sctp=_transports),
    st.builds(Protocol, destination_named_port=st.just("http")),
    st.builds(
        Protocol,
        icmp=st.builds(
            Icmp,
            family=_families,
            type=st.one_of(st.just(UNSET), _types),
            code=st.just(UNSET),
        ),
    ),
)
_protocol_lists = st.lists(protocols, max_size=2).map(tuple)
_often_all = st.one_of(st.just(Subject(namespaces=LabelSelector())), subjects)
_outside = st.sampled_from(
    (
        ("0.0.0.0/0",),
        ("203.0.113.0/24",),
        ("203.0.113.128/25", "2001::/16"),
        EXCEPTED[1:2],
        (NetworkExcept(cidr="0.0.0.0/0", except_=("10.244.0.0/16", "172.18.0.0/16")),),
    )
)
_inside = st.one_of(pods, st.just(LabelSelector()), everything)
_anywhere = st.one_of(_inside, _outside)
"""Where a connection may go to; where it comes from outside, no dialect can say exactly."""
_plain_protocols = st.one_of(
    st.builds(Protocol, tcp=_transports),
    st.builds(Protocol, udp=_transports),
    st.builds(Protocol, icmp=_typed_icmp),
)
ingress_peers = st.one_of(
    st.builds(IngressPeer, namespaces=selectors),
    st.builds(IngressPeer, pods=pods),
    st.builds(IngressPeer, networks=st.one_of(networks, everything)),
)
egress_peers = st.one_of(
    st.builds(EgressPeer, namespaces=selectors),
    st.builds(EgressPeer, pods=pods),
    st.builds(EgressPeer, networks=st.one_of(networks, everything)),
    st.builds(EgressPeer, nodes=selectors),
    st.builds(EgressPeer, domain_names=st.just(("a.example",))),
    st.builds(EgressPeer, service_accounts=st.just(ServiceAccountPeer(names=("default",)))),
)
ingress_rules = st.builds(
    IngressRule,
    action=st.sampled_from(Action),
    from_=st.lists(ingress_peers, min_size=1, max_size=2).map(tuple),
    protocols=_protocol_lists,
)
egress_rules = st.builds(
    EgressRule,
    action=st.sampled_from(Action),
    to=st.lists(egress_peers, min_size=1, max_size=2).map(tuple),
    protocols=_protocol_lists,
)
specs = st.builds(
    PolicySpec,
    tier=st.sampled_from(Tier),
    priority=st.integers(0, 3),
    subject=subjects,
    ingress=st.lists(ingress_rules, max_size=2).map(tuple),
    egress=st.lists(egress_rules, max_size=3).map(tuple),
)


@st.composite
def sayable_policies(draw: st.DrawFn) -> list[PlacedPolicy]:
    """Draw policies of what dialects can say, so that few are refused: to check meaning, not refusals."""
    names = draw(st.lists(st.sampled_from(("p", "q", "r")), unique=True, min_size=1, max_size=3))
    priorities = draw(st.permutations(range(len(names))))
    return [
        _placed(name, draw(_sayable_specs(priority)), Mode.ENFORCE)
        for name, priority in zip(names, priorities, strict=True)
    ]


@st.composite
def _sayable_specs(draw: st.DrawFn, priority: int) -> PolicySpec:
    tier = draw(st.sampled_from((Tier.ADMIN, Tier.ADMIN, Tier.BASELINE)))
    direction = draw(st.sampled_from(("ingress", "egress", "egress")))
    if tier is Tier.BASELINE and draw(st.booleans()):
        rules = [(draw(st.sampled_from((Action.DENY, Action.DENY, Action.ACCEPT))), [draw(everything)], ())]
    else:
        rules = draw(
            st.lists(
                st.tuples(
                    st.sampled_from((Action.ACCEPT, Action.DENY, Action.DENY, Action.PASS)),
                    st.lists(_inside if direction == "ingress" else _anywhere, min_size=1, max_size=2),
                    st.lists(_plain_protocols, max_size=2).map(tuple),
                ),
                min_size=1,
                max_size=2,
            )
        )
    if direction == "ingress":
        made = tuple(IngressRule(action=a, from_=_peers(IngressPeer, p), protocols=q) for a, p, q in rules)
        return PolicySpec(tier=tier, priority=priority, subject=draw(_often_all), ingress=made)
    out = tuple(EgressRule(action=a, to=_peers(EgressPeer, p), protocols=q) for a, p, q in rules)
    return PolicySpec(tier=tier, priority=priority, subject=draw(_often_all), egress=out)


def _peers(kind: Callable[..., Any], whom: list[Any]) -> tuple[Any, ...]:
    return tuple(
        kind(pods=one)
        if isinstance(one, NamespacedPod)
        else kind(namespaces=one)
        if isinstance(one, LabelSelector)
        else kind(networks=one)
        for one in whom
    )


@st.composite
def plain_policies(draw: st.DrawFn) -> list[PlacedPolicy]:
    """Draw Admin policies of one rule each, Denies before Accepts: exact wherever their peers and protocols are."""
    actions = sorted(
        draw(st.lists(st.sampled_from((Action.DENY, Action.ACCEPT)), min_size=1, max_size=2)), reverse=True
    )
    made = []
    for priority, action in enumerate(actions):
        peers = _peers(EgressPeer, draw(st.lists(_anywhere, min_size=1, max_size=2)))
        rule = EgressRule(action=action, to=peers, protocols=draw(st.lists(_plain_protocols, max_size=2).map(tuple)))
        spec = PolicySpec(tier=Tier.ADMIN, priority=priority, subject=draw(_often_all), egress=(rule,))
        made.append(_placed(f"p{priority}", spec, Mode.ENFORCE))
    return made


@st.composite
def local_policies(draw: st.DrawFn) -> list[PlacedPolicy]:
    """Draw policies of what NetworkPolicies can say: isolation in Baseline, Accepts and at times a Pass in Admin."""
    made = []
    for priority in range(draw(st.integers(2, 4))):
        tier = Tier.ADMIN if priority else Tier.BASELINE
        rules = draw(
            st.lists(
                st.tuples(
                    st.just(Action.DENY)
                    if tier is Tier.BASELINE
                    else st.sampled_from((Action.ACCEPT, Action.ACCEPT, Action.PASS)),
                    everything if tier is Tier.BASELINE else _inside,
                    st.just(()) if tier is Tier.BASELINE else st.lists(_plain_protocols, max_size=1).map(tuple),
                ),
                min_size=1,
                max_size=2,
            )
        )
        one, more = rules[0], rules[1:]
        spec = PolicySpec(
            tier=tier,
            priority=priority,
            subject=draw(subjects if draw(st.booleans()) else _often_all),
            egress=(EgressRule(action=one[0], to=_peers(EgressPeer, [one[1]]), protocols=one[2]),),
            ingress=tuple(
                IngressRule(action=action, from_=_peers(IngressPeer, [whom]), protocols=spoken)
                for action, whom, spoken in more
            ),
        )
        made.append(_placed(f"p{priority}", spec, Mode.ENFORCE))
    return made


@st.composite
def placed_policies(draw: st.DrawFn) -> list[PlacedPolicy]:
    """Draw up to four policies with names of their own."""
    names = draw(st.lists(st.sampled_from(("p", "q", "r", "s")), unique=True, max_size=4))
    return [_placed(name, draw(specs), draw(st.sampled_from(Mode))) for name in names]


def document(name: str, spec: PolicySpec, mode: Mode = Mode.ENFORCE) -> FederatedNetworkPolicy:
    """Return the document around a policy."""
    return FederatedNetworkPolicy(
        api_version=API_VERSION,
        metadata=ObjectMeta(name=name),
        spec=FederatedNetworkPolicySpec(placement=Placement(cluster_selector=LabelSelector()), policy=spec, mode=mode),
    )


def _placed(name: str, spec: PolicySpec, mode: Mode) -> PlacedPolicy:
    return PlacedPolicy(team="team", name=name, digest=Digest("0" * 64), document=document(name, spec, mode))
