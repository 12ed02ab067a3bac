"""The rules of one direction and tier in the order in which they are asked, and what each of them decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from edict.policy.changes.regions import EVERY_CONNECTION, EVERY_KIND, About, Fact, Kind, Region
from edict.policy.lockout import WAY_OUT_ID, way_out
from edict.policy.model import Action, Http, LabelSelector, NamespacedPod, PolicySpec, Protocol, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.space import Ground, subject_labels
from edict.policy.space.labels import EVERY_POD, Labels, labels_of
from edict.policy.space.peers import Anyone, Mixed, Named, Nodes, Outside, Peer, Pods, Remote, Rest, peers_of
from edict.policy.space.protocols import EVERYTHING, Spoken, spoken_of

_NO_GROUND = Ground()
_WITH_PORTS = Spoken(EVERYTHING.tcp, EVERYTHING.udp, EVERYTHING.sctp)


class RuleRef(Struct, frozen=True, rename="camel"):
    """A rule by name.

    Attributes:
        policy: the policy's name.
        rule: ``ingress[i]`` or ``egress[i]``.
        name: the rule's own name; empty when it has none.
        action: ``Accept``, ``Deny`` or ``Pass``.
        where: ``file:line``; empty when it is unknown.
    """

    policy: str
    rule: str
    name: str
    action: Action
    where: str = ""


class Placed(Struct, frozen=True):
    """A policy that is in force: ``clusters`` selects where, ``lines`` says where a rule stands (``egress[0]``)."""

    name: str
    spec: PolicySpec
    clusters: LabelSelector = LabelSelector()
    lines: dict[str, str] = {}


@dataclass(frozen=True, eq=False)
class Decider:
    """A rule: it decides what is in its regions and in none of an earlier rule.

    ``content`` is all that its meaning hangs on, so that a rule can be found again under another name or place; ``ref``
    is None for what follows where no rule of the tier matches.
    """

    ref: RuleRef | None
    action: Action
    regions: tuple[Region, ...]
    content: bytes


def deciders(
    policies: Iterable[Placed], tier: Tier, direction: Direction, ground: Ground, agent_namespace: str
) -> list[Decider]:
    """Return the rules of a tier and direction in their order, without what follows them all.

    Among equal priorities the lesser name comes first, as in :mod:`edict.policy.semantics`.
    """
    listed = sorted((one for one in policies if one.spec.tier is tier), key=lambda one: (one.spec.priority, one.name))
    if tier is Tier.ADMIN:
        listed.insert(0, Placed(WAY_OUT_ID, way_out(agent_namespace)))
    return [
        _decider(policy, rule, ground)
        for policy in listed
        for rule in rules_of(policy.spec)
        if rule.direction is direction
    ]


def last_of(tier: Tier) -> Decider:
    """Return what follows where no rule of the tier matches: the next tier, or that everything is accepted."""
    action = Action.PASS if tier is Tier.ADMIN else Action.ACCEPT
    return Decider(None, action, (EVERY_CONNECTION,), b"")


def _decider(policy: Placed, rule: PlacedRule, ground: Ground) -> Decider:
    content = (policy.clusters, rule.subject, rule.action, rule.peers, rule.protocols, rule.rule.http)
    return Decider(
        RuleRef(policy.name, rule.place, rule.rule.name, rule.action, policy.lines.get(rule.place, "")),
        rule.action,
        tuple(_regions(policy.clusters, rule, ground)),
        msgspec.json.encode(content, order="deterministic"),
    )


def _regions(clusters: LabelSelector, rule: PlacedRule, ground: Ground) -> Iterator[Region]:
    where = labels_of(NamespacedPod(pod_selector=clusters)) if clusters != LabelSelector() else EVERY_POD
    whole = Region(clusters=where, subject=subject_labels(rule.subject))
    for peer in peers_of(rule.peers, _NO_GROUND):
        talking = replace(whole, **_peer(peer))
        for region in _spoken(talking, rule.direction, rule.protocols):
            asked = _requests(region, rule.rule.http)
            settled = asked.settled(ground)
            if settled is not None:
                yield settled


def _peer(peer: Peer) -> dict[str, Any]:  # noqa: PLR0911 - a case for each kind
    match peer:
        case Anyone():
            return {}
        case Pods(labels):
            return {"kinds": frozenset({Kind.POD}), "labels": labels}
        case Remote(labels):
            return {"kinds": frozenset({Kind.REMOTE}), "labels": labels}
        case Nodes(chosen):
            return {"kinds": frozenset({Kind.NODE}), "labels": Labels() if chosen is None else chosen}
        case Rest():
            return {"kinds": frozenset[Kind]()}
        case Outside(addresses):
            return {"kinds": frozenset({Kind.OUTSIDE}), "addresses": addresses}
        case Mixed(addresses):
            return {"addresses": addresses}
        case Named(name):
            return {"kinds": frozenset({Kind.OUTSIDE}), "so": frozenset({Fact(About.DOMAIN, name)})}


def _spoken(talking: Region, direction: Direction, protocols: tuple[Protocol, ...]) -> Iterator[Region]:
    """Yield what is spoken by number, then each port by name: whose pod the destination is names it."""
    by_number = [one for one in protocols if one.destination_named_port is UNSET]
    if by_number or not protocols:
        yield replace(talking, spoken=spoken_of(by_number))
    kinds = talking.kinds & {Kind.POD, Kind.REMOTE} if direction is Direction.EGRESS else EVERY_KIND & talking.kinds
    for protocol in protocols:
        if protocol.destination_named_port is not UNSET:
            port = Fact(About.PORT, protocol.destination_named_port)
            yield replace(talking, kinds=kinds, spoken=_WITH_PORTS, so=talking.so | {port})


def _requests(region: Region, https: tuple[Http, ...]) -> Region:
    """Return a region with the fact that one of the rule's matches means the request, all of them together one."""
    if not https:
        return region
    wanted = Fact(About.HTTP, msgspec.json.encode(https, order="deterministic").decode())
    return replace(region, spoken=region.spoken & Spoken(tcp=EVERYTHING.tcp), so=region.so | {wanted})
