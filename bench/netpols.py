"""Policies by the seven parameters of k8s-netpol-scale, which its authors use to find out how many a cluster can carry.

https://github.com/npinaeva/k8s-netpol-scale, kube-burner-workload (SCALE_PROFILES.md, egress-np.yml). What is there a
NetworkPolicy is here an Admin policy: every one accepts egress of some pods of one namespace, with a rule for each
selector and each network, and every rule has all the ports. A NetworkPolicy also isolates: one Baseline policy does
that for all. As there, the number of namespaces stays and the policies of each become more.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import combinations, count, cycle, islice
from typing import NamedTuple

from msgspec import structs

from edict.ids import digest_of
from edict.policy.documents import FederatedNetworkPolicy, FederatedNetworkPolicySpec, ObjectMeta, Placement
from edict.policy.lockout import EVERY_NETWORK, NAMESPACE_NAME
from edict.policy.model import (
    API_VERSION,
    Action,
    EgressPeer,
    EgressRule,
    LabelSelector,
    LabelSelectorRequirement,
    NamespacedPod,
    Operator,
    PolicySpec,
    Port,
    PortRange,
    Protocol,
    Subject,
    Tier,
    TransportMatch,
)
from edict_agent.translate import PlacedPolicy

NAMESPACES = 100
PODS_PER_NAMESPACE = 20
_FIRST_NETWORK = int(IPv4Address("1.0.0.0"))
_FIRST_PORT, _FIRST_RANGE = 1001, 5000


class Profile(NamedTuple):
    """How heavy one policy is; ``port+range+pod-selector+CIDR`` of a preset, which has all seven."""

    local_pods: int
    single_ports: int
    port_ranges: int
    pod_selectors: int
    peer_namespaces: int
    peer_pods: int
    cidrs: int


PRESETS = {"minimal": Profile(1, 1, 1, 1, 3, 1, 1), "medium": Profile(10, 10, 10, 10, 10, 10, 10)}


def namespace(index: int) -> str:
    """Return the name of a namespace, counted from 0."""
    return f"network-policy-perf-{index}"


def policies(profile: Profile, number: int) -> list[PlacedPolicy]:
    """Return so many policies: one that isolates, and the others in turn for each namespace."""
    selectors = cycle(combinations(range(NAMESPACES), profile.peer_namespaces))
    chosen = [_isolation()]
    for index in range(number - 1):
        replica, iteration = divmod(index, NAMESPACES)
        spaces = [[namespace(one) for one in next(selectors)] for _ in range(profile.pod_selectors)]
        chosen.append(_placed(f"egress-{iteration}-{replica}", _accepting(profile, iteration, replica, spaces)))
    return chosen


def without_its_last_rule(policy: PlacedPolicy) -> PlacedPolicy:
    """Return a policy as it may be changed."""
    spec = policy.document.spec.policy
    return _placed(policy.name, structs.replace(spec, egress=spec.egress[:-1]), "changed")


def _placed(name: str, spec: PolicySpec, version: str = "new") -> PlacedPolicy:
    document = FederatedNetworkPolicy(
        api_version=API_VERSION,
        metadata=ObjectMeta(name=name),
        spec=FederatedNetworkPolicySpec(placement=Placement(cluster_selector=LabelSelector()), policy=spec),
    )
    return PlacedPolicy("scale", name, digest_of(f"{name} {version}".encode()), document)


def _accepting(profile: Profile, iteration: int, replica: int, spaces: list[list[str]]) -> PolicySpec:
    """Return the policy of a namespace, the ``replica``-th, whose selectors are in the given namespaces."""
    peers = [EgressPeer(pods=_pods(profile.peer_pods, some)) for some in spaces]
    peers += [EgressPeer(networks=(network,)) for network in islice(_networks(replica * profile.cidrs), profile.cidrs)]
    protocols = tuple(_protocols(profile))
    return PolicySpec(
        tier=Tier.ADMIN,
        priority=1 + replica,
        subject=Subject(pods=_pods(profile.local_pods, [namespace(iteration)])),
        egress=tuple(EgressRule(Action.ACCEPT, (peer,), protocols=protocols) for peer in peers),
    )


def _isolation() -> PlacedPolicy:
    rule = EgressRule(Action.DENY, (EgressPeer(networks=EVERY_NETWORK),))
    spec = PolicySpec(Tier.BASELINE, 1, Subject(namespaces=LabelSelector()), egress=(rule,))
    return _placed("isolation", spec)


def _pods(number: int, namespaces: list[str]) -> NamespacedPod:
    """Return the last pods of each namespace: pod n has the labels 1 to n there."""
    own = LabelSelector(match_labels={str(PODS_PER_NAMESPACE + 1 - number): "true"})
    names = LabelSelectorRequirement(NAMESPACE_NAME, Operator.IN, tuple(namespaces))
    return NamespacedPod(own, LabelSelector(match_expressions=(names,)))


def _networks(first: int) -> Iterator[str]:
    for index in count(first + 1):
        yield f"{IPv4Address(_FIRST_NETWORK + 256 * index)}/24"


def _protocols(profile: Profile) -> Iterator[Protocol]:
    for port in range(_FIRST_PORT, _FIRST_PORT + profile.single_ports):
        yield Protocol(tcp=TransportMatch(Port(number=port)))
    for start in range(_FIRST_RANGE, _FIRST_RANGE + 10 * profile.port_ranges, 10):
        yield Protocol(tcp=TransportMatch(Port(range=PortRange(start, start + 5))))
