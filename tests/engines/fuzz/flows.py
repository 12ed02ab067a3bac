"""Which flows of a cluster to ask about: those that rules match, where order and subtraction show, and near misses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from edict.policy.local import NetworkPolicy
from edict.policy.matching import is_understood, peer_matches, protocol_matches, subject_selects
from edict.policy.model import PolicySpec, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.selectors import matches
from edict.policy.world import Flow, Pod
from tests.engines.fuzz.worlds import SPOKEN, Cluster, flow

_BY_CHANCE = 28
_OWN = 16
_TAKEN = 4
_BESIDE = 4
_TRIES = 64
_TIERS = (Tier.ADMIN, Tier.BASELINE)


@dataclass(frozen=True)
class _Box:
    """What a rule matches, by its three dimensions: subject addresses, other addresses, what is spoken."""

    tier: Tier
    direction: Direction
    subjects: Sequence[str]
    others: Sequence[str]
    spoken: Sequence[tuple[str, int]]

    def has(self, subject: str, other: str, spoken: tuple[str, int]) -> bool:
        return subject in self.subjects and other in self.others and spoken in self.spoken


def interesting(
    policies: Sequence[PolicySpec], local: Sequence[NetworkPolicy], cluster: Cluster, die: int
) -> list[Flow]:
    """Return flows, each once: by chance, half of them of pods that the cluster's own policies isolate; and for each
    rule some that no earlier rule of its tier takes from it.

    A rule has a die of its own, so that it keeps its flows when a failure is shrunk around it.
    """
    random = Random(die)
    ordered = sorted(policies, key=lambda spec: (_TIERS.index(spec.tier), spec.priority))
    found: dict[Flow, None] = {}
    isolated = tuple(pod for pod in cluster.pods if any(_isolates(policy, pod) for policy in local))
    for pods in (cluster.pods, isolated):
        for one in _by_chance(pods, cluster, random):
            found[one] = None
    earlier: list[_Box] = []
    for spec in ordered:
        subjects = tuple(
            address
            for pod in cluster.pods
            if subject_selects(spec.subject, pod, cluster.world)
            for address in pod.addresses
        )
        for rule in rules_of(spec):
            box = _Box(spec.tier, rule.direction, subjects, _others(rule, cluster), _spoken(rule, cluster))
            own = Random(f"{die} {spec.subject} {rule.rule}")
            for one in _about(box, earlier, cluster, own):
                found[one] = None
            earlier.append(box)
    return list(found)


def _isolates(policy: NetworkPolicy, pod: Pod) -> bool:
    return policy.metadata.namespace == pod.namespace and matches(policy.spec.pod_selector, pod.labels)


def _by_chance(pods: Sequence[Pod], cluster: Cluster, random: Random) -> Iterator[Flow]:
    for _ in range(_BY_CHANCE if pods else 0):
        version = random.choice((4, 6))
        here = random.choice(pods).addresses[version == 6]
        there = random.choice(cluster.addresses[version])
        source, destination = (here, there) if random.random() < 0.5 else (there, here)
        made = flow(source, destination, random.choice(SPOKEN), random.choice((0, 1)))
        if made is not None and here != there:
            yield made


def _about(box: _Box, earlier: Sequence[_Box], cluster: Cluster, random: Random) -> Iterator[Flow]:
    """Yield flows in the box that earlier boxes do not hold, some that they hold, and some just beside it."""
    before = [one for one in earlier if (one.tier, one.direction) == (box.tier, box.direction)]
    left = {"own": _OWN, "taken": _TAKEN, "beside": _BESIDE}
    everyone = tuple(address for pod in cluster.pods for address in pod.addresses)
    for index in range(_TRIES):
        kind = "beside" if index % 6 == 0 else "own"
        sides: list[Sequence[Any]] = [box.subjects, box.others, box.spoken]
        if kind == "beside":
            dimension = random.randrange(3)
            sides[dimension] = (everyone, cluster.everywhere, SPOKEN)[dimension]
        found = _pick(sides, random)
        if found is None:
            continue
        subject, other, spoken = found
        if kind == "own" and any(one.has(subject, other, spoken) for one in before):
            kind = "taken"
        ends = (subject, other) if box.direction is Direction.EGRESS else (other, subject)
        made = flow(*ends, spoken, random.choice((0, 1)))
        if made is not None and left[kind]:
            left[kind] -= 1
            yield made


def _pick(sides: Sequence[Sequence[Any]], random: Random) -> tuple[str, str, tuple[str, int]] | None:
    """Return a point whose addresses are two of one IP version, None where none is found at once."""
    if not all(sides):
        return None
    subject, spoken = random.choice(sides[0]), random.choice(sides[2])
    others = [one for one in sides[1] if (":" in one) is (":" in subject) and one != subject]
    return (subject, random.choice(others), spoken) if others else None


def _others(rule: PlacedRule, cluster: Cluster) -> tuple[str, ...]:
    peers = [peer for peer in rule.peers if is_understood(peer)]
    return tuple(
        address
        for version in (4, 6)
        for address in cluster.addresses[version]
        if any(peer_matches(peer, address, cluster.at[address]) for peer in peers)
    )


def _spoken(rule: PlacedRule, cluster: Cluster) -> tuple[tuple[str, int], ...]:
    """Return what the rule's protocols mean towards some pod: names of ports are theirs."""
    if not rule.protocols:
        return SPOKEN
    found = []
    for one in SPOKEN:
        for pod in cluster.pods[:3]:
            asked = [flow(address, address, one, code) for address in pod.addresses for code in (0, 1)]
            if any(
                protocol_matches(protocol, made, cluster.at[made.destination])
                for made in asked
                if made is not None
                for protocol in rule.protocols
            ):
                found.append(one)
                break
    return tuple(found)
