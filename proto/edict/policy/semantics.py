"""The reference semantics: what is said of a new connection, and by which rule. Slow and plain; all is tested by it.

A connection has two ends and each pod decides for itself: egress at its source, ingress at its destination. One end
is walked so, and the first decision ends it:

1. the built-in way out of the agent (:mod:`edict.policy.lockout`);
2. Admin policies by priority, rules in their order; ``Pass`` leaves the tier;
3. the cluster's own NetworkPolicies: where one selects the pod for the direction, what none of them allows is denied;
4. Baseline policies, as in 2;
5. everything is accepted.

A rule that is not understood fails closed by upstream's words (network-policy-api v0.2.0,
``apis/v1alpha2/clusternetworkpolicy_types.go``): «For "Accept" rules, "fail closed" means: "treat the rule as matching
no traffic". For "Deny" and "Pass" rules, "fail closed" means: "treat the rule as a 'Deny all' rule".» That is the whole
rule, whatever its other peers and protocols are; upstream says it of peers, and here it holds for protocols too.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from edict.policy.local import LocalEgressRule, LocalIngressRule, NetworkPolicy, peers_of
from edict.policy.lockout import WAY_OUT_ID, way_out
from edict.policy.matching import (
    is_understood,
    local_peer_matches,
    local_port_matches,
    peer_matches,
    protocol_matches,
    request_matches,
    subject_selects,
)
from edict.policy.model import Action, PolicySpec, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.selectors import matches
from edict.policy.world import LOCAL, Flow, Pod, World


class Stage(enum.StrEnum):
    """Where a decision was made, in the order of the walk."""

    BUILT_IN = "built-in"
    ADMIN = "Admin"
    NETWORK_POLICY = "NetworkPolicy"
    BASELINE = "Baseline"
    DEFAULT = "default"


class Why(enum.StrEnum):
    """Why a step of the walk matched or did not."""

    MATCHED = "Matched"
    NOT_SUBJECT = "NotSubject"
    """The policy does not select the pod."""
    NO_PEER = "NoPeer"
    """The other end is none of the rule's peers."""
    NO_PROTOCOL = "NoProtocol"
    """The protocol or the port is none of the rule's."""
    NO_REQUEST = "NoRequest"
    """The connection carries no HTTP request that the rule accepts."""
    NOT_UNDERSTOOD = "NotUnderstood"
    """The rule is of another language, and fails closed."""
    NOT_ALLOWED = "NotAllowed"
    """NetworkPolicies isolate the pod, and none of their rules allows the connection."""
    NOBODY_DECIDED = "NobodyDecided"
    """No tier decided."""


class Step(Struct, frozen=True):
    """One thing that was looked at.

    ``policy`` is the id of a policy (``team/name``) or of a NetworkPolicy (``namespace/name``; of several, with
    commas, where none of them allows); ``rule`` is ``ingress[i]`` or ``egress[i]``, empty where no one rule is meant;
    ``action`` is what follows if it ``matched``, None where a policy as a whole is passed by.
    """

    stage: Stage
    policy: str
    rule: str
    action: Action | None
    matched: bool
    why: Why


class Decision(Struct, frozen=True):
    """The verdict of one end, ``Accept`` or ``Deny``, and what made it; ``policy`` and ``rule`` as in a step."""

    verdict: Action
    tier: Stage
    policy: str
    rule: str

    @property
    def allows(self) -> bool:
        """Whether the verdict is ``Accept``."""
        return self.verdict is Action.ACCEPT


def decide(  # noqa: PLR0917 - what a verdict depends on, and nothing else
    policies: Iterable[tuple[str, PolicySpec]],
    network_policies: Iterable[NetworkPolicy],
    world: World,
    direction: Direction,
    flow: Flow,
    agent_namespace: str,
) -> Decision | None:
    """Return what one end of a connection says, None where that end is no pod of the cluster itself.

    Args:
        policies: the policies of the cluster with their ids; among equal priorities the lesser id comes first, which
            no plugin promises and publish refuses.
        network_policies: the cluster's own.
        world: who has which address.
        direction: egress asks the source, ingress the destination.
        flow: the connection.
        agent_namespace: whose egress the built-in policy accepts.
    """
    steps = list(walk(policies, network_policies, world, direction, flow, agent_namespace))
    if not steps:
        return None
    last = steps[-1]
    assert last.action is not None  # noqa: S101 - a walk ends with what decides
    return Decision(verdict=last.action, tier=last.stage, policy=last.policy, rule=last.rule)


def walk(  # noqa: PLR0917 - same
    policies: Iterable[tuple[str, PolicySpec]],
    network_policies: Iterable[NetworkPolicy],
    world: World,
    direction: Direction,
    flow: Flow,
    agent_namespace: str,
) -> Iterator[Step]:
    """Yield every step up to the one that decides, which is the last; nothing where that end is no pod of ours."""
    pod = world.pod_at(flow.source if direction is Direction.EGRESS else flow.destination)
    if pod is None or pod.cluster != LOCAL:
        return
    end = _End(world, direction, flow, pod)
    listed = sorted(policies, key=lambda one: (one[1].priority, one[0]))
    admin, baseline = ([one for one in listed if one[1].tier is tier] for tier in (Tier.ADMIN, Tier.BASELINE))
    for steps in (
        _tier(end, Stage.BUILT_IN, [(WAY_OUT_ID, way_out(agent_namespace))]),
        _tier(end, Stage.ADMIN, admin),
        _local(end, sorted(network_policies, key=lambda one: one.id)),
        _tier(end, Stage.BASELINE, baseline),
    ):
        for step in steps:
            yield step
            if step.matched and step.action is not Action.PASS:
                return
    yield Step(Stage.DEFAULT, "", "", Action.ACCEPT, matched=True, why=Why.NOBODY_DECIDED)


class _End(Struct, frozen=True):
    """One end of a connection: its pod, and the way the other end lies."""

    world: World
    direction: Direction
    flow: Flow
    pod: Pod

    @property
    def other(self) -> str:
        """The address of the other end."""
        return self.flow.destination if self.direction is Direction.EGRESS else self.flow.source


def _tier(end: _End, stage: Stage, policies: Sequence[tuple[str, PolicySpec]]) -> Iterator[Step]:
    """Yield the steps of a tier up to its first match."""
    for policy, spec in policies:
        rules = [rule for rule in rules_of(spec) if rule.direction is end.direction]
        if rules and not subject_selects(spec.subject, end.pod, end.world):
            yield Step(stage, policy, "", None, matched=False, why=Why.NOT_SUBJECT)
            continue
        for rule in rules:
            step = _rule(end, stage, policy, rule)
            yield step
            if step.matched:
                return


def _rule(end: _End, stage: Stage, policy: str, rule: PlacedRule) -> Step:
    """Return what a rule of a policy that selects the pod does."""

    def step(why: Why, *, matched: bool = False, action: Action = rule.action) -> Step:
        return Step(stage, policy, rule.place, action, matched=matched, why=why)

    if not all(is_understood(part) for part in (*rule.peers, *rule.protocols)):
        return step(Why.NOT_UNDERSTOOD, matched=rule.action is not Action.ACCEPT, action=_closed(rule.action))
    if not any(peer_matches(peer, end.other, end.world) for peer in rule.peers):
        return step(Why.NO_PEER)
    if rule.protocols and not any(protocol_matches(protocol, end.flow, end.world) for protocol in rule.protocols):
        return step(Why.NO_PROTOCOL)
    if rule.rule.http and not request_matches(rule.rule.http, end.flow):
        return step(Why.NO_REQUEST)
    return step(Why.MATCHED, matched=True)


def _closed(action: Action) -> Action:
    """Return what a rule does that fails closed: an Accept stays what it is, and matches nothing."""
    return Action.ACCEPT if action is Action.ACCEPT else Action.DENY


def _local(end: _End, policies: Sequence[NetworkPolicy]) -> Iterator[Step]:
    """Yield the steps of the cluster's own policies: they only allow, and isolate the pods that they select."""
    isolating = []
    for policy in policies:
        if not policy.isolates(end.direction):
            continue
        if policy.metadata.namespace != end.pod.namespace or not matches(policy.spec.pod_selector, end.pod.labels):
            yield Step(Stage.NETWORK_POLICY, policy.id, "", None, matched=False, why=Why.NOT_SUBJECT)
            continue
        isolating.append(policy.id)
        for index, rule in enumerate(policy.rules(end.direction)):
            why = _allows(end, policy.metadata.namespace, rule)
            place, matched = f"{end.direction}[{index}]", why is Why.MATCHED
            yield Step(Stage.NETWORK_POLICY, policy.id, place, Action.ACCEPT, matched=matched, why=why)
            if matched:
                return
    if isolating:
        names = ", ".join(isolating)
        yield Step(Stage.NETWORK_POLICY, names, "", Action.DENY, matched=True, why=Why.NOT_ALLOWED)


def _allows(end: _End, namespace: str, rule: LocalIngressRule | LocalEgressRule) -> Why:
    peers = peers_of(rule)
    if peers and not any(local_peer_matches(peer, namespace, end.other, end.world) for peer in peers):
        return Why.NO_PEER
    if rule.ports and not any(local_port_matches(port, end.flow, end.world) for port in rule.ports):
        return Why.NO_PROTOCOL
    return Why.MATCHED
