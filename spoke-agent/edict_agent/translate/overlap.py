"""Can two rules match one connection? Conservative: False only when they certainly cannot.

A rule is a box: subject by peers by protocols, in one direction. Two boxes are disjoint when they are disjoint in
any one dimension. Selectors are disjoint when their requirements on some key contradict each other, which for
label selectors is also the only way; networks by their addresses; pods and networks only when facts say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import UNSET

from edict.policy.model import (
    EgressPeer,
    IngressPeer,
    LabelSelector,
    NamespacedPod,
    Operator,
    Protocol,
    Subject,
    TransportMatch,
)
from edict.policy.ports import port_interval
from edict.policy.rules import PlacedRule
from edict_agent.translate.facts import Facts
from edict_agent.translate.networks import AddressSet, address_sets, known_set, sets_meet

_NUMBERED = ("tcp", "udp", "sctp")


def rules_may_meet(one: PlacedRule, other: PlacedRule, facts: Facts) -> bool:
    """Tell whether a connection may match both rules."""
    return (
        one.direction == other.direction
        and subjects_may_meet(one.subject, other.subject)
        and any(peers_may_meet(left, right, facts) for left in one.peers for right in other.peers)
        and protocols_may_meet(one.protocols, other.protocols)
    )


def subjects_may_meet(one: Subject, other: Subject) -> bool:
    """Tell whether a pod may be selected by both subjects."""
    return _pods_may_meet(_pods(one), _pods(other))


def peers_may_meet(one: IngressPeer | EgressPeer, other: IngressPeer | EgressPeer, facts: Facts) -> bool:
    """Tell whether something may be matched by both peers."""
    left, right = _pods(one), _pods(other)
    if left is not None and right is not None:
        return _pods_may_meet(left, right)
    if one.networks is not UNSET and other.networks is not UNSET:
        theirs = address_sets(other.networks)
        return any(sets_meet(mine, its) for mine in address_sets(one.networks) for its in theirs)
    for networks, place in ((one, other), (other, one)):
        if networks.networks is UNSET:
            continue
        known = _addresses_of(place, facts)
        if known is not None:
            return any(sets_meet(entry, its) for entry in address_sets(networks.networks) for its in known)
    return True


def protocols_may_meet(one: tuple[Protocol, ...], other: tuple[Protocol, ...]) -> bool:
    """Tell whether two lists of protocols share one; an empty list is every protocol."""
    if not one or not other:
        return True
    return any(_protocol_may_meet(left, right) for left in one for right in other)


def selectors_may_meet(one: LabelSelector, other: LabelSelector) -> bool:
    """Tell whether a set of labels exists that both selectors select: exact, since keys are independent."""
    demands: dict[str, _Demand] = {}
    for key, demand in (*_demands(one), *_demands(other)):
        demands[key] = demands[key].also(demand) if key in demands else demand
    return all(demand.satisfiable for demand in demands.values())


@dataclass(frozen=True, slots=True)
class _Demand:
    """What is asked of the value of one key. ``values`` None is any value."""

    present: bool = False
    absent: bool = False
    values: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    def also(self, other: _Demand) -> _Demand:
        """Return the conjunction."""
        if self.values is None or other.values is None:
            values = self.values if other.values is None else other.values
        else:
            values = self.values & other.values
        return _Demand(
            present=self.present or other.present,
            absent=self.absent or other.absent,
            values=values,
            excluded=self.excluded | other.excluded,
        )

    @property
    def satisfiable(self) -> bool:
        """Whether some value, or the absence of the key, does what is asked."""
        if self.absent:
            return not self.present
        return self.values is None or bool(self.values - self.excluded)


def _demands(selector: LabelSelector) -> Iterable[tuple[str, _Demand]]:
    for key, value in selector.match_labels.items():
        yield key, _Demand(present=True, values=frozenset({value}))
    for requirement in selector.match_expressions:
        values = frozenset(requirement.values)
        match requirement.operator:
            case Operator.IN:
                yield requirement.key, _Demand(present=True, values=values)
            case Operator.NOT_IN:
                yield requirement.key, _Demand(excluded=values)
            case Operator.EXISTS:
                yield requirement.key, _Demand(present=True)
            case Operator.DOES_NOT_EXIST:
                yield requirement.key, _Demand(absent=True)


def _pods(whom: Subject | IngressPeer | EgressPeer) -> NamespacedPod | None:
    """Return the pods, at most, that are meant; None when it is not about pods of this cluster."""
    if whom.pods is not UNSET:
        return whom.pods
    if whom.namespaces is not UNSET:
        return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=whom.namespaces)
    if not isinstance(whom, Subject) and whom.service_accounts is not UNSET:
        return NamespacedPod(pod_selector=LabelSelector(), namespace_selector=whom.service_accounts.namespace_selector)
    return None


def _pods_may_meet(one: NamespacedPod | None, other: NamespacedPod | None) -> bool:
    if one is None or other is None:
        return True
    return selectors_may_meet(one.namespace_selector, other.namespace_selector) and selectors_may_meet(
        one.pod_selector, other.pod_selector
    )


def _addresses_of(peer: IngressPeer | EgressPeer, facts: Facts) -> tuple[AddressSet, ...] | None:
    """Return addresses that hold all that the peer may have; None when nobody can say."""
    cidrs: tuple[str, ...] | None = None
    if _pods(peer) is not None:
        cidrs = facts.pod_cidrs
    elif isinstance(peer, EgressPeer) and peer.nodes is not UNSET:
        cidrs = facts.node_cidrs
    return None if cidrs is None else tuple(known_set(cidr) for cidr in cidrs)


def _protocol_may_meet(one: Protocol, other: Protocol) -> bool:
    if one.icmp is not UNSET or other.icmp is not UNSET:
        if one.icmp is UNSET or other.icmp is UNSET or one.icmp.family != other.icmp.family:
            return False
        return all(
            left is UNSET or right is UNSET or left == right
            for left, right in ((one.icmp.type, other.icmp.type), (one.icmp.code, other.icmp.code))
        )
    left_named, right_named = one.destination_named_port, other.destination_named_port
    if left_named is not UNSET or right_named is not UNSET:
        return True
    for name in _NUMBERED:
        left, right = _transport(one, name), _transport(other, name)
        if left is not None and right is not None:
            return left[0] <= right[1] and right[0] <= left[1]
    return False


def _transport(protocol: Protocol, name: str) -> tuple[int, int] | None:
    match: TransportMatch | object = getattr(protocol, name)
    if not isinstance(match, TransportMatch):
        return None
    return port_interval(match)
