"""What checks across policies say is so: a shadowed rule never decides, and an index leaves nothing out."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from edict.policy.checks import PolicySource, priority_ties, shadowed_rules
from edict.policy.checks.fleet import Fleet
from edict.policy.checks.index import Index, names_around, names_of, traits_of
from edict.policy.documents import ManagedCluster, ManagedClusterSpec, ObjectMeta, Placement
from edict.policy.model import API_VERSION, LabelSelector, Mode
from edict.policy.placement import selects
from edict.policy.rules import Direction, rules_of
from edict.policy.semantics import decide
from edict.policy.space import Box, Ground, boxes_of, uncovered
from edict_agent.translate import PlacedPolicy
from tests.property.connections import interesting
from tests.property.strategies import placed_policies, sayable_policies, selectors
from tests.property.world import AGENT, PLACES, flow, world_of

UNKNOWN = Ground()
some_policies = st.one_of(placed_policies(), sayable_policies())


def sources(policies: list[PlacedPolicy]) -> list[PolicySource]:
    return [PolicySource(policy.team, policy.document) for policy in policies]


def shadowed(policies: list[PlacedPolicy]) -> set[tuple[str, str]]:
    """Return policy and place of each rule that is told of; the place is the last part of the path."""
    return {
        (f"team/{finding.where.split()[1]}", finding.where.rpartition(".")[2])
        for finding in shadowed_rules(sources(policies), [])
    }


@given(some_policies, st.randoms())
def test_a_shadowed_rule_never_decides(policies: list[PlacedPolicy], random: Random) -> None:
    told = shadowed(policies)
    if not told:
        return
    enforced = [one for one in policies if one.document.spec.mode is Mode.ENFORCE]
    specs = [(one.id, one.document.spec.policy) for one in enforced]
    for direction, subject, other, spoken in interesting(enforced, random, PLACES):
        ends = (subject, other) if direction is Direction.EGRESS else (other, subject)
        decision = decide(specs, [], world_of(ends), direction, flow(*ends, spoken), AGENT)
        assert decision is None or (decision.policy, decision.rule) not in told


@given(some_policies)
def test_policies_tie_when_any_two_of_their_rules_do(policies: list[PlacedPolicy]) -> None:
    """The index and the one error for each policy leave out nothing that asking each pair finds."""
    ordered = sorted(policies, key=lambda policy: policy.id)
    expected = [mine.id for number, mine in enumerate(ordered) if any(_tied(mine, its) for its in ordered[:number])]
    found = [error.what.split(" are ")[0].split(" and ")[1] for error in priority_ties(sources(policies), [])]
    assert found == expected


def _tied(one: PlacedPolicy, other: PlacedPolicy) -> bool:
    mine, its = one.document.spec.policy, other.document.spec.policy
    return (mine.tier, mine.priority) == (its.tier, its.priority) and any(
        rule.direction is against.direction
        and rule.action is not against.action
        and any(
            left.meets(right, UNKNOWN)
            for left in boxes_of(rule.subject, rule.peers, rule.protocols, UNKNOWN)
            for right in boxes_of(against.subject, against.peers, against.protocols, UNKNOWN)
        )
        for rule in rules_of(mine)
        for against in rules_of(its)
    )


@settings(max_examples=25)
@given(st.lists(some_policies, min_size=4, max_size=7))
def test_an_index_finds_what_meets_and_what_lies_around(drawn: list[list[PlacedPolicy]]) -> None:
    boxes = [
        box
        for policies in drawn
        for policy in policies
        for rule in rules_of(policy.document.spec.policy)
        for box in boxes_of(rule.subject, rule.peers, rule.protocols, UNKNOWN)
    ]
    index = Index([(traits_of(box) | names_of(box), box) for box in boxes])
    plain = Index([(traits_of(box), box) for box in boxes])
    for box in boxes[:8]:
        meeting = _ids(plain.meeting(traits_of(box)))
        around = _ids(index.around(traits_of(box) | names_around(box)))
        for other in boxes:
            assert id(other) in meeting or not box.meets(other, UNKNOWN)
            assert id(other) in around or uncovered([box], [other], UNKNOWN)


def _ids(found: Iterable[Box]) -> set[int]:
    return {id(one) for one in found}


@given(selectors, st.lists(st.dictionaries(st.sampled_from(("a", "b")), st.sampled_from(("x", "y", "z"))), min_size=1))
def test_a_fleet_places_as_the_agent_does(selector: LabelSelector, labels: list[dict[str, str]]) -> None:
    clusters = [
        ManagedCluster(API_VERSION, ObjectMeta(f"c{index:03}", labels=own), ManagedClusterSpec("other"))
        for index, own in enumerate(labels)
    ]
    placement, fleet = Placement(selector), Fleet(clusters)
    expected = [str(cluster.name) for cluster in clusters if selects(placement, cluster.metadata.labels)]
    assert fleet.names(fleet.clusters(placement)) == expected
