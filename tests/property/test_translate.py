"""Whatever is placed, translation answers, the same way each time, and leaves no rule without a fidelity."""

from __future__ import annotations

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edict.policy.fidelity import Fidelity
from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.rules import rules_of
from edict_agent.translate import Dialect, Facts, PlacedPolicy, translate
from tests.property.strategies import placed_policies

AGENT = "edict-system"
CIDRS = st.one_of(st.none(), st.just(("10.244.0.0/16", "fd00:1::/32")))
facts_given = st.builds(
    Facts,
    plugin_version=st.sampled_from(("", "1.18.1", "1.20.2")),
    pod_cidrs=CIDRS,
    node_cidrs=CIDRS,
    options=st.sampled_from(({}, {"enable-ipv6": "false"}, {"enable-sctp": "true"})),
    cluster_name=st.sampled_from(("", "default")),
    egress_peers=st.sampled_from((None, ("networks",), ("domainNames", "networks", "nodes"))),
    namespaces=st.sampled_from((None, {}, {"x": {"a": "x", NAMESPACE_NAME: "x"}, "y": {NAMESPACE_NAME: "y"}})),
)
dialects = st.sampled_from(Dialect)


@given(dialects, placed_policies(), facts_given, st.randoms())
def test_the_plan_is_a_function_of_the_set(
    dialect: Dialect, policies: list[PlacedPolicy], facts: Facts, random: Random
) -> None:
    shuffled = list(policies)
    random.shuffle(shuffled)
    plan = translate(dialect, policies, facts, AGENT)
    assert plan.to_json() == translate(dialect, shuffled, facts, AGENT).to_json()


@given(dialects, placed_policies(), facts_given)
def test_every_rule_has_a_fidelity_and_every_refusal_a_reason(
    dialect: Dialect, policies: list[PlacedPolicy], facts: Facts
) -> None:
    plan = translate(dialect, policies, facts, AGENT)
    told = {one.policy: one for one in plan.policies}
    assert set(told) == {policy.id for policy in policies}
    for policy in policies:
        mine = told[policy.id]
        assert [rule.rule for rule in mine.rules] == [rule.place for rule in rules_of(policy.document.spec.policy)]
        assert all(bool(rule.reason) is (rule.fidelity is not Fidelity.EXACT) for rule in mine.rules)
        assert bool(mine.code and mine.reason) is mine.refused
        assert mine.refused or not any(rule.code for rule in mine.rules)


@given(dialects, placed_policies(), facts_given)
def test_objects_belong_to_policies_that_are_not_refused(
    dialect: Dialect, policies: list[PlacedPolicy], facts: Facts
) -> None:
    plan = translate(dialect, policies, facts, AGENT)
    names = [(one.kind, one.title) for one in plan.objects]
    assert len(set(names)) == len(names)
    owned = {one.title: one.policy for one in plan.objects if one.policy != "edict/built-in"}
    assert owned == {name: one.policy for one in plan.policies for name in one.objects}
    assert not any(one.objects for one in plan.policies if one.refused)
    for one in plan.objects:
        assert json.loads(json.dumps(one.body)) == one.body


@given(placed_policies(), facts_given)
def test_the_way_out_never_changes(policies: list[PlacedPolicy], facts: Facts) -> None:
    for dialect in Dialect:
        alone = translate(dialect, [], facts, AGENT).objects
        assert translate(dialect, policies, facts, AGENT).objects[: len(alone)] == alone
