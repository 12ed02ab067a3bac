"""What every dialect has in common."""

from __future__ import annotations

import pytest

from edict.errors import AgentError
from edict_agent.translate import Dialect, Facts, choose_dialect
from edict_agent.translate.detect import advice
from tests.unit.translate.placed import EVERYTHING, examples, namespace, outcome, plan, policy, rule, tcp

ALL = pytest.mark.parametrize("dialect", list(Dialect))
ORDERED = pytest.mark.parametrize("dialect", [one for one in Dialect if one is not Dialect.NETWORK_POLICY])
"""Dialects that can deny a part."""
DENY = rule("Deny", {"networks": ["203.0.113.0/24"]})
ACCEPT = rule("Accept", {"networks": ["203.0.113.0/25"]})


@ALL
def test_the_order_of_the_argument_changes_nothing(dialect: Dialect) -> None:
    policies = examples()
    assert plan(dialect, *policies).to_json() == plan(dialect, *reversed(policies)).to_json()


@ALL
def test_nothing_placed_leaves_the_way_out(dialect: Dialect) -> None:
    assert {one.policy for one in plan(dialect).objects} == {"edict/built-in"}


@ALL
def test_a_policy_that_is_only_observed_is_refused(dialect: Dialect) -> None:
    told = outcome(dialect, policy(mode="Observe", egress=(DENY, DENY | {"name": "again"})))
    assert (told.refused, told.code) == (True, "EDICT0510")
    assert [one.code for one in told.rules] == ["EDICT0510"] * 2


@ORDERED
def test_of_a_tie_that_can_meet_the_later_name_is_refused(dialect: Dialect) -> None:
    told = plan(dialect, policy("b", egress=(ACCEPT,)), policy("a", egress=(DENY,))).policies
    assert [(one.policy, one.code) for one in told] == [("platform/a", ""), ("platform/b", "EDICT0511")]


@ORDERED
def test_a_tie_that_cannot_meet_stands(dialect: Dialect) -> None:
    one = policy("a", subject={"namespaces": namespace("x")}, egress=(DENY,))
    other = policy("b", subject={"namespaces": namespace("y")}, egress=(ACCEPT,))
    assert not any(told.refused for told in plan(dialect, one, other).policies)


@ALL
def test_a_policy_without_rules_needs_no_object(dialect: Dialect) -> None:
    told = outcome(dialect, policy())
    assert (told.refused, told.rules, told.objects) == (False, (), ())


@ORDERED
def test_one_rule_that_is_not_exact_refuses_the_whole_policy(dialect: Dialect) -> None:
    told = outcome(dialect, policy(egress=(DENY, rule("Deny", {"nodes": {}}))))
    assert told.refused
    assert told.objects == ()
    assert [one.code for one in told.rules] == ["", "EDICT0512"]
    assert told.reason.startswith("egress[1]: ")


@ALL
def test_the_same_policy_twice_is_the_callers_mistake(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="twice"):
        plan(dialect, policy("a"), policy("a"))


@ORDERED
def test_nodes_are_refused(dialect: Dialect) -> None:
    assert outcome(dialect, policy(egress=(rule("Deny", {"nodes": {}}),))).code == "EDICT0512"


@ALL
def test_http_is_refused(dialect: Dialect) -> None:
    http = rule("Accept", EVERYTHING, protocols=[tcp(80)], http=[{"methods": ["GET"]}])
    assert outcome(dialect, policy(egress=(http,))).code == "EDICT0514"


@ORDERED
def test_ingress_networks_are_refused_because_sources_may_be_translated(dialect: Dialect) -> None:
    assert outcome(dialect, policy(ingress=(DENY,))).code == "EDICT0518"


@pytest.mark.parametrize(
    ("groups", "config", "cluster_network_policy", "dialect"),
    [
        ({"cilium.io"}, {}, True, Dialect.CILIUM),
        ({"projectcalico.org"}, None, True, Dialect.CALICO),
        ({"cilium.io", "projectcalico.org"}, None, False, Dialect.CALICO),
        ({"cilium.io", "projectcalico.org"}, {}, False, Dialect.CILIUM),
        ({"networking.k8s.io", "policy.networking.k8s.io"}, None, True, Dialect.CLUSTER_NETWORK_POLICY),
        ({"networking.k8s.io", "policy.networking.k8s.io"}, None, False, Dialect.NETWORK_POLICY),
        ({"networking.k8s.io", "cilium.io"}, None, False, Dialect.NETWORK_POLICY),
        ({"networking.k8s.io", "crd.projectcalico.org"}, None, True, Dialect.CLUSTER_NETWORK_POLICY),
    ],
)
def test_the_dialect_is_that_of_the_plugin_or_the_best_that_is_served(
    groups: set[str], config: dict[str, str] | None, *, cluster_network_policy: bool, dialect: Dialect
) -> None:
    served = frozenset(groups)
    assert choose_dialect(served, config, cluster_network_policy=cluster_network_policy) is dialect


@pytest.mark.parametrize(
    ("served", "version", "changed", "dialect"),
    [
        (True, "1.20.2", {}, Dialect.CILIUM_TIERS),
        (True, "1.21.0", {}, Dialect.CILIUM_TIERS),
        (False, "1.20.2", {}, Dialect.CILIUM),
        (True, "1.19.9", {}, Dialect.CILIUM),
        (True, "", {}, Dialect.CILIUM),
        (True, "1.20.2", {"enable-k8s-cluster-network-policy": "false"}, Dialect.CILIUM),
        (True, "1.20.2", {"labels": "k8s:app"}, Dialect.CILIUM),
    ],
)
def test_cilium_keeps_the_tiers_where_it_is_known_to(
    *, served: bool, version: str, changed: dict[str, str], dialect: Dialect
) -> None:
    config = {"enable-k8s-cluster-network-policy": "true"} | changed
    groups = frozenset({"cilium.io"})
    chosen = choose_dialect(groups, config, cilium_version=version, cluster_network_policy=served)
    assert chosen is dialect


@pytest.mark.parametrize("groups", [set(), {"cilium.io"}, {"crd.projectcalico.org"}, {"apps"}])
def test_without_network_policies_there_is_a_remedy(groups: set[str]) -> None:
    with pytest.raises(AgentError) as caught:
        choose_dialect(frozenset(groups), None)
    assert caught.value.code == "EDICT0501"
    assert caught.value.remedy


def test_a_cluster_that_could_say_more_is_told_how() -> None:
    assert "cilium-config" in advice(frozenset({"cilium.io"}), Dialect.NETWORK_POLICY)
    assert "Calico's API server" in advice(frozenset({"crd.projectcalico.org"}), Dialect.CLUSTER_NETWORK_POLICY)
    assert "ClusterNetworkPolicies" in advice(frozenset(), Dialect.NETWORK_POLICY)
    assert not advice(frozenset(), Dialect.CLUSTER_NETWORK_POLICY)
    assert not advice(frozenset({"crd.projectcalico.org"}), Dialect.CALICO)


def test_facts_hold_networks() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Facts(pod_cidrs=("nonsense",))
    assert Facts(plugin_version="v1.20.2-rc.1").version == (1, 20)
    assert Facts(plugin_version="latest").version is None
