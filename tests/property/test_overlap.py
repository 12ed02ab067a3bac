"""Overlap never says "cannot meet" of two rules that a connection of a small world matches both of."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from edict.policy.model import EgressPeer, LabelSelector, PolicySpec, Protocol, Subject
from edict.policy.rules import rules_of
from edict.policy.selectors import matches
from edict_agent.translate import Facts
from edict_agent.translate.overlap import (
    peers_may_meet,
    protocols_may_meet,
    rules_may_meet,
    selectors_may_meet,
    subjects_may_meet,
)
from tests.property.strategies import KEYS, VALUES, protocols, selectors, specs, subjects
from tests.property.world import NODE_CIDRS, PLACES, POD_CIDRS, SPOKEN, peer_matches, pods_of, selects, spoken_by

KNOWN = Facts(pod_cidrs=POD_CIDRS, node_cidrs=NODE_CIDRS)
UNKNOWN = Facts()
facts_given = st.sampled_from((KNOWN, UNKNOWN))

LABEL_SETS = [
    {key: value for key, value in zip(KEYS, chosen, strict=True) if value is not None}
    for chosen in product((*VALUES, "other", None), repeat=len(KEYS))
]


@given(selectors, selectors)
def test_selectors_meet_exactly_where_some_labels_match_both(one: LabelSelector, other: LabelSelector) -> None:
    met = any(matches(one, labels) and matches(other, labels) for labels in LABEL_SETS)
    assert selectors_may_meet(one, other) is met
    assert selectors_may_meet(other, one) is met


@given(subjects, subjects)
def test_subjects(one: Subject, other: Subject) -> None:
    left, right = pods_of(one), pods_of(other)
    assert left is not None
    assert right is not None
    met = any(selects(left, place) and selects(right, place) for place in PLACES)
    assert subjects_may_meet(one, other) or not met
    assert subjects_may_meet(one, other) == subjects_may_meet(other, one)


@given(st.lists(protocols, max_size=2).map(tuple), st.lists(protocols, max_size=2).map(tuple))
def test_protocols(one: tuple[Protocol, ...], other: tuple[Protocol, ...]) -> None:
    met = any(spoken_by(one, spoken) and spoken_by(other, spoken) for spoken in SPOKEN)
    assert protocols_may_meet(one, other) or not met
    assert protocols_may_meet(one, other) == protocols_may_meet(other, one)


@given(specs, specs, facts_given)
def test_rules(one: PolicySpec, other: PolicySpec, facts: Facts) -> None:
    for left, right in product(rules_of(one), rules_of(other)):
        may = rules_may_meet(left, right, facts)
        assert may == rules_may_meet(right, left, facts)
        if may or left.direction != right.direction or not subjects_may_meet(left.subject, right.subject):
            continue
        met = any(
            any(peer_matches(peer, place) for peer in left.peers)
            and any(peer_matches(peer, place) for peer in right.peers)
            for place in PLACES
        ) and any(spoken_by(left.protocols, spoken) and spoken_by(right.protocols, spoken) for spoken in SPOKEN)
        assert not met


def test_facts_tell_pods_and_networks_apart() -> None:
    everyone = EgressPeer(namespaces=LabelSelector())
    outside = EgressPeer(networks=("203.0.113.0/24",))
    among = EgressPeer(networks=("10.244.0.0/30",))
    assert not peers_may_meet(everyone, outside, KNOWN)
    assert peers_may_meet(everyone, outside, UNKNOWN)
    assert peers_may_meet(everyone, among, KNOWN)
    assert peers_may_meet(EgressPeer(domain_names=("a.example",)), outside, KNOWN)
    assert not peers_may_meet(EgressPeer(nodes=LabelSelector()), outside, KNOWN)
