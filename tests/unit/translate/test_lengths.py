"""The longest names and labels that a document may have: what they become fits, or is refused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edict_agent.translate import Dialect, PlacedPolicy
from edict_agent.translate.objects import POLICY_LABEL
from tests.unit.translate.placed import EVERYBODY, EVERYTHING, objects, outcome, plan, policy, rule

MAX_NAME = 253
MAX_VALUE = 63
PREFIX = ".".join(("a" * 63, "b" * 63, "c" * 63, "d" * 61))
"""The longest there is."""


def _placed(team: str, name: str) -> PlacedPolicy:
    rules = (rule("Accept", {"networks": ["203.0.113.0/24"]}), rule("Deny", EVERYTHING))
    return replace(policy(name, priority=0, ingress=(rule("Deny", EVERYBODY),), egress=rules), team=team)


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(("team", "name"), [("t" * 61, "n"), ("t", "n" * 61), ("t" * 31, "n" * 31)])
def test_the_longest_names_fit(dialect: Dialect, team: str, name: str) -> None:
    for rendered in plan(dialect, _placed(team, name)).objects:
        assert len(rendered.name) <= MAX_NAME
        assert len(rendered.body["metadata"]["labels"][POLICY_LABEL]) <= MAX_VALUE


@pytest.mark.parametrize("dialect", list(Dialect))
def test_no_two_policies_share_an_object(dialect: Dialect) -> None:
    words = ("a", "b", "a-b", "b-a", "a-1", "1", "3", "built-in", "edict", "edict-built", "in", "2", "egress")
    policies = [_placed(team, name) for team in words for name in words if (team, name) != ("edict", "built-in")]
    made = [(one.kind, one.title) for one in plan(dialect, *policies).objects]
    assert len(set(made)) == len(made)
    labels = {one.policy: one.body["metadata"]["labels"][POLICY_LABEL] for one in plan(dialect, *policies).objects}
    assert len(set(labels.values())) == len(labels)


@pytest.mark.parametrize(
    ("dialect", "longest"), [(Dialect.CALICO, 248), (Dialect.CILIUM, 222), (Dialect.CILIUM_TIERS, 222)]
)
def test_a_namespace_label_whose_key_the_plugin_cannot_lengthen_is_refused(dialect: Dialect, longest: int) -> None:
    for length, code in ((longest, ""), (longest + 1, "EDICT0516"), (MAX_NAME, "EDICT0516")):
        chosen = {"namespaces": {"matchLabels": {f"{PREFIX[: length - 1]}x/team": "a"}}}
        assert outcome(dialect, policy(egress=(rule("Deny", chosen),))).code == code
        assert outcome(dialect, policy(subject=chosen, egress=(rule("Deny", EVERYTHING),))).code == code


@pytest.mark.parametrize("dialect", [Dialect.CILIUM, Dialect.CILIUM_TIERS])
def test_a_service_account_that_is_no_value_of_a_label_is_refused_on_cilium(dialect: Dialect) -> None:
    for name, code in (("s" * MAX_VALUE, ""), (f"{'s' * 63}.s", "EDICT0516")):
        chosen = {"serviceAccounts": {"names": ["builder", name]}}
        assert outcome(dialect, policy(egress=(rule("Deny", chosen),))).code == code


@pytest.mark.parametrize("dialect", [Dialect.CILIUM, Dialect.CILIUM_TIERS])
def test_nobody_is_never_somebody(dialect: Dialect) -> None:
    no_pod = {"pods": {"podSelector": {"matchLabels": {"a": "x"}, "matchExpressions": [_not_x()]}}}
    assert objects(dialect, policy(egress=(rule("Accept", no_pod),))) == []


def _not_x() -> dict[str, object]:
    return {"key": "a", "operator": "NotIn", "values": ["x"]}
