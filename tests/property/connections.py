"""Which connections of a world to ask about: those that rules match, where order and subtraction show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from random import Random
from typing import TypeAlias

from edict.policy.rules import Direction, rules_of
from edict_agent.translate import PlacedPolicy
from tests.property.world import SPOKEN, Place, Spoken, peer_matches, pods_of, selects, speakable, spoken_by

Connection: TypeAlias = tuple[Direction, Place, Place, Spoken]
"""Direction, subject, the other end, and what is spoken."""


def interesting(policies: Sequence[PlacedPolicy], random: Random, world: Sequence[Place]) -> list[Connection]:
    """Return connections that some rule, or two rules at once, match, near misses of them, and some by chance."""
    pods = [place for place in world if place.pod is not None]
    asked: list[Connection] = [
        (random.choice(list(Direction)), random.choice(pods), random.choice(world), random.choice(SPOKEN))
        for _ in range(20)
    ]
    rules = [rule for policy in policies for rule in rules_of(policy.document.spec.policy)]
    for one, other in combinations_with_replacement(rules, 2):
        chosen = [pods_of(rule.subject) for rule in (one, other)]
        subjects = [place for place in pods if all(pod is not None and selects(pod, place) for pod in chosen)]
        places = [
            place
            for place in world
            if all(any(peer_matches(peer, place) for peer in rule.peers) for rule in (one, other))
        ]
        spoken = [each for each in SPOKEN if all(spoken_by(rule.protocols, each) for rule in (one, other))]
        for there, said in ((places, spoken), (world, spoken), (places, SPOKEN)):
            if subjects and there and said:
                asked += [
                    (one.direction, random.choice(subjects), random.choice(there), random.choice(said))
                    for _ in range(6)
                ]
    return [connection for connection in asked if speakable(*connection[1:])]
