"""Random policies over the random clusters, by their kind. *Whole* adds policies that are only observed, and ties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy, FederatedNetworkPolicySpec, ObjectMeta, Placement
from edict.policy.lockout import EVERY_NETWORK
from edict.policy.model import (
    API_VERSION,
    Action,
    EgressPeer,
    EgressRule,
    Http,
    IngressPeer,
    IngressRule,
    LabelSelector,
    Mode,
    OnInexact,
    PolicySpec,
    Protocol,
    Subject,
    Tier,
)
from edict.policy.rules import Direction
from edict.policy.validate import validate
from edict_agent.translate import PlacedPolicy
from tests.engines.fuzz.parts import PEERS, PROTOCOLS, Kind, subjects

TEAM = "team"
_ANY_ACTION = st.sampled_from((Action.ACCEPT, Action.DENY, Action.DENY, Action.PASS))
_ACTIONS = {
    Kind.COMMON: _ANY_ACTION,
    Kind.LENIENT: st.sampled_from((Action.ACCEPT, Action.ACCEPT, Action.DENY)),
    Kind.WHOLE: _ANY_ACTION,
}
_MANY = {
    Kind.COMMON: st.sampled_from((1, 1, 1, 1, 2)),
    Kind.LENIENT: st.sampled_from((1, 2, 3)),
    Kind.WHOLE: st.sampled_from((1, 1, 1, 1, 2)),
}
_SEVERAL = st.sampled_from((0, 1, 1, 2))
_OF_TWENTY = st.integers(0, 19)
_SELDOM = st.sampled_from((False, False, False, True))
_HTTP = (Http(methods=("GET",), paths=("/health",)),)


@st.composite
def _rules(draw: st.DrawFn, direction: Direction, kind: Kind) -> IngressRule | EgressRule:
    action = draw(_ACTIONS[kind])
    peers = tuple(draw(PEERS[direction, kind]) for _ in range(draw(_MANY[kind])))
    protocols = tuple(draw(PROTOCOLS[kind]) for _ in range(draw(_SEVERAL)))
    if direction is Direction.EGRESS:
        action, protocols = _as_upstream_takes_it(action, peers, protocols)
    odd = draw(_OF_TWENTY) if kind is Kind.WHOLE else 0
    is_tcp = all(protocol.tcp is not UNSET for protocol in protocols)
    http = _HTTP if odd == 19 and action is Action.ACCEPT and is_tcp else ()
    if direction is Direction.INGRESS:
        return IngressRule(action=action, from_=peers, protocols=protocols, http=http, log=odd == 18)
    return EgressRule(action=action, to=peers, protocols=protocols, http=http, log=odd == 18)


_RULES = {key: _rules(*key) for key in PEERS}


@st.composite
def _specs(draw: st.DrawFn, priority: int, kind: Kind) -> PolicySpec:
    tier = draw(st.sampled_from((Tier.ADMIN, Tier.ADMIN, Tier.ADMIN, Tier.BASELINE)))
    subject = draw(subjects)
    if tier is Tier.BASELINE and draw(st.booleans()):
        return _default_deny(subject, priority, draw(st.sampled_from(Direction)))
    several = draw(st.sampled_from(((0, 1), (1, 0), (1, 1), (0, 2), (0, 3), (2, 0), (2, 2))))
    ingress, egress = (
        _in_order([draw(_RULES[direction, kind]) for _ in range(count)], as_drawn=draw(_SELDOM))
        for direction, count in zip((Direction.INGRESS, Direction.EGRESS), several, strict=True)
    )
    return PolicySpec(tier=tier, priority=priority, subject=subject, ingress=ingress, egress=egress)


def _as_upstream_takes_it(
    action: Action, peers: tuple[EgressPeer, ...], protocols: tuple[Protocol, ...]
) -> tuple[Action, tuple[Protocol, ...]]:
    """Return a rule that upstream's definition does not refuse: names of ports are pods' own, names are accepted."""
    if any(peer.domain_names is not UNSET for peer in peers):
        action = Action.ACCEPT
    if any(_has_no_ports(peer) for peer in peers):
        protocols = tuple(one for one in protocols if one.destination_named_port is UNSET)
    return action, protocols


def _has_no_ports(peer: EgressPeer) -> bool:
    return any(kind is not UNSET for kind in (peer.networks, peer.nodes, peer.domain_names))


def _in_order(rules: list[Any], *, as_drawn: bool) -> tuple[Any, ...]:
    """Return rules mostly as people write them, the wide ones last, so that few are shadowed."""
    return tuple(rules if as_drawn else sorted(rules, key=_width))


def _width(rule: IngressRule | EgressRule) -> tuple[bool, bool]:
    peers = rule.from_ if isinstance(rule, IngressRule) else rule.to
    return any(
        peer.networks == EVERY_NETWORK or peer.namespaces == LabelSelector() for peer in peers
    ), not rule.protocols


def _default_deny(subject: Subject, priority: int, direction: Direction) -> PolicySpec:
    """Return the Baseline that every dialect should say."""
    if direction is Direction.INGRESS:
        rule = IngressRule(action=Action.DENY, from_=(IngressPeer(networks=EVERY_NETWORK),))
        return PolicySpec(tier=Tier.BASELINE, priority=priority, subject=subject, ingress=(rule,))
    out = EgressRule(action=Action.DENY, to=(EgressPeer(networks=EVERY_NETWORK),))
    return PolicySpec(tier=Tier.BASELINE, priority=priority, subject=subject, egress=(out,))


_SPECS = {(priority, kind): _specs(priority, kind) for priority in range(4) for kind in Kind}


_COUNTS = st.sampled_from((1, 2, 2, 3, 3, 4))
_ORDERS = {count: st.permutations(range(count)) for count in range(1, 5)}


@st.composite
def placed_policies(draw: st.DrawFn, kind: Kind) -> list[PlacedPolicy]:
    """Draw one to four policies."""
    count = draw(_COUNTS)
    priorities = draw(_ORDERS[count])
    made = []
    for index, priority in enumerate(priorities):
        odd = draw(_OF_TWENTY) if kind is Kind.WHOLE else 0
        spec = draw(_SPECS[0 if odd == 19 else priority, kind])
        mode = Mode.OBSERVE if odd == 18 else Mode.ENFORCE
        lenient = kind is Kind.LENIENT or odd > 9
        made.append(placed(f"p{index}", spec, mode, OnInexact.STRICTER if lenient else OnInexact.REFUSE))
    return made


def placed(
    name: str, spec: PolicySpec, mode: Mode = Mode.ENFORCE, on_inexact: OnInexact = OnInexact.REFUSE
) -> PlacedPolicy:
    """Return a policy as a placed one; that its document is valid is checked."""
    placement = Placement(cluster_selector=LabelSelector())
    document = FederatedNetworkPolicy(
        api_version=API_VERSION,
        metadata=ObjectMeta(name=name),
        spec=FederatedNetworkPolicySpec(placement=placement, policy=spec, mode=mode, on_inexact=on_inexact),
    )
    validate(document)
    return PlacedPolicy(team=TEAM, name=name, digest=Digest("0" * 64), document=document)
