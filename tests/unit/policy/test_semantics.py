"""What the reference says of tiers, order, and who decides: literal verdicts."""

from __future__ import annotations

import pytest

from edict.policy.lockout import WAY_OUT_ID
from edict.policy.model import (
    Action,
    EgressPeer,
    EgressRule,
    IngressPeer,
    IngressRule,
    LabelSelector,
    PolicySpec,
    Port,
    Protocol,
    Subject,
    Tier,
    TransportMatch,
)
from edict.policy.rules import Direction
from edict.policy.semantics import Stage, Step, Why, decide, walk
from edict.policy.world import Flow, Pod, World
from tests.unit.policy.meaning import (
    AGENT,
    AGENT_POD,
    API,
    DB,
    HOST,
    OUTSIDE,
    WEB,
    WEST_DB,
    WORLD,
    egress,
    ingress,
    local,
    spec,
    tcp,
)

DENY_ALL = "{egress: [{action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]}"
ACCEPT_DB = "{egress: [{action: Accept, to: [{pods: {podSelector: {matchLabels: {app: db}}}}]}]}"
PASSED_DB = "{egress: [{action: Pass, to: [{pods: {podSelector: {matchLabels: {app: db}}}}]}]}"
BASELINE_DENY = "{tier: Baseline, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}"
ISOLATED = "{podSelector: {}, policyTypes: [Egress]}"


def at(priority: int, policy: str) -> str:
    return policy.replace("{", f"{{priority: {priority}, ", 1)


def test_without_policies_everything_is_accepted() -> None:
    assert egress(tcp(WEB, DB)) == ingress(tcp(WEB, DB)) == "Accept default"


def test_a_lower_priority_number_decides_whatever_the_order_of_the_list() -> None:
    assert egress(tcp(WEB, DB), at(20, DENY_ALL), at(5, ACCEPT_DB)) == "Accept Admin p1 egress[0]"
    assert egress(tcp(WEB, DB), at(5, DENY_ALL), at(20, ACCEPT_DB)) == "Deny Admin p0 egress[0]"
    assert egress(tcp(WEB, API), at(20, DENY_ALL), at(5, ACCEPT_DB)) == "Deny Admin p0 egress[0]"


def test_the_first_rule_of_a_policy_that_matches_decides() -> None:
    both = "{egress: [{action: Accept, to: [{networks: [10.0.0.2/32]}]}, {action: Deny, to: [{namespaces: {}}]}]}"
    assert egress(tcp(WEB, DB), both) == "Accept Admin p0 egress[0]"
    assert egress(tcp(WEB, API), both) == "Deny Admin p0 egress[1]"
    assert egress(tcp(WEB, OUTSIDE), both) == "Accept default"


def test_each_end_is_asked_for_its_own_direction() -> None:
    assert ingress(tcp(WEB, DB), DENY_ALL) == "Accept default"
    db = "{pods: {podSelector: {matchLabels: {app: db}}}}"
    into_db = f"{{subject: {db}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"
    assert ingress(tcp(WEB, DB), into_db) == "Deny Admin p0 ingress[0]"
    assert egress(tcp(WEB, DB), into_db) == egress(tcp(DB, WEB), into_db) == "Accept default"


def test_the_network_policies_stand_between_admin_and_baseline() -> None:
    own = local(ISOLATED)
    assert egress(tcp(WEB, DB), ACCEPT_DB, own) == "Accept Admin p0 egress[0]"
    assert egress(tcp(WEB, API), ACCEPT_DB, own) == "Deny NetworkPolicy shop/np"
    accept_baseline = "{tier: Baseline, egress: [{action: Accept, to: [{networks: [0.0.0.0/0]}]}]}"
    assert egress(tcp(WEB, API), accept_baseline, own) == "Deny NetworkPolicy shop/np"
    allowing = local("{podSelector: {}, policyTypes: [Egress], egress: [{}]}")
    assert egress(tcp(WEB, API), BASELINE_DENY, allowing) == "Accept NetworkPolicy shop/np egress[0]"


def test_baseline_speaks_only_of_pods_that_no_network_policy_selects_in_the_direction() -> None:
    assert egress(tcp(API, WEB), BASELINE_DENY, local(ISOLATED)) == "Deny Baseline p0 egress[0]"
    other_direction = local("{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}")
    assert egress(tcp(WEB, API), BASELINE_DENY, other_direction) == "Deny Baseline p0 egress[0]"
    assert egress(tcp(WEB, API), BASELINE_DENY) == "Deny Baseline p0 egress[0]"


def test_pass_leaves_the_admin_tier_and_what_follows_there_is_not_asked() -> None:
    policies = (at(1, PASSED_DB), at(2, DENY_ALL))
    assert egress(tcp(WEB, DB), *policies) == "Accept default"
    assert egress(tcp(WEB, API), *policies) == "Deny Admin p1 egress[0]"
    assert egress(tcp(WEB, DB), *policies, local(ISOLATED)) == "Deny NetworkPolicy shop/np"
    assert egress(tcp(WEB, DB), *policies, BASELINE_DENY) == "Deny Baseline p2 egress[0]"


def test_pass_leaves_the_baseline_tier_for_the_default() -> None:
    policies = (at(1, PASSED_DB).replace("{", "{tier: Baseline, ", 1), at(2, BASELINE_DENY))
    assert egress(tcp(WEB, DB), *policies) == "Accept default"
    assert egress(tcp(WEB, API), *policies) == "Deny Baseline p1 egress[0]"


def test_the_agent_s_way_out_stands_above_every_document() -> None:
    assert egress(tcp(AGENT_POD, OUTSIDE), at(0, DENY_ALL)) == f"Accept built-in {WAY_OUT_ID} egress[0]"
    assert egress(tcp(WEB, OUTSIDE), at(0, DENY_ALL)) == "Deny Admin p0 egress[0]"
    deny_in = "{ingress: [{action: Deny, from: [{namespaces: {}}]}]}"
    assert ingress(tcp(WEB, AGENT_POD), deny_in) == "Deny Admin p0 ingress[0]"


def test_a_policy_does_nothing_in_a_direction_that_it_has_no_rules_of() -> None:
    assert ingress(tcp(OUTSIDE, WEB), "{ingress: [], egress: []}") == "Accept default"


@pytest.mark.parametrize("address", [OUTSIDE, HOST, WEST_DB])
def test_only_a_pod_of_the_cluster_itself_is_asked(address: str) -> None:
    """A host-networked pod has its node's address, and is never a subject."""
    assert egress(tcp(address, DB), DENY_ALL) is None
    assert ingress(tcp(DB, address), "{ingress: [{action: Deny, from: [{namespaces: {}}]}]}") is None


def test_a_subject_is_of_namespaces_or_of_pods_in_namespaces() -> None:
    bank = DENY_ALL.replace("{", "{subject: {namespaces: {matchLabels: {team: bank}}}, ", 1)
    assert egress(tcp(API, DB), bank) == "Deny Admin p0 egress[0]"
    assert egress(tcp(WEB, DB), bank) == "Accept default"
    web = DENY_ALL.replace(
        "{",
        "{subject: {pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}}, ",
        1,
    )
    assert egress(tcp(WEB, API), web) == "Deny Admin p0 egress[0]"
    assert egress(tcp(DB, API), web) == "Accept default"
    assert egress(tcp(API, DB), web) == "Accept default"
    by_name = "{subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: bank}}}, "
    assert egress(tcp(API, DB), DENY_ALL.replace("{", by_name, 1)) == "Deny Admin p0 egress[0]"


@pytest.mark.parametrize(
    ("action", "wanted"),
    [(Action.ACCEPT, "Deny Baseline"), (Action.DENY, "Deny Admin"), (Action.PASS, "Deny Admin")],
)
@pytest.mark.parametrize("unknown", ["peer", "two peers", "protocol", "port"])
def test_what_is_not_understood_fails_closed_as_a_whole_rule(action: Action, wanted: str, unknown: str) -> None:
    """Upstream: an Accept matches no traffic; a Deny or a Pass is a Deny of everything."""
    known = EgressPeer(networks=("10.0.0.2/32",))
    peers: tuple[EgressPeer, ...] = (known,)
    protocols: tuple[Protocol, ...] = ()
    if unknown == "peer":
        peers = (known, EgressPeer())
    elif unknown == "two peers":
        peers = (EgressPeer(namespaces=LabelSelector(), networks=("10.0.0.0/8",)),)
    elif unknown == "protocol":
        protocols = (Protocol(tcp=TransportMatch()), Protocol())
    else:
        protocols = (Protocol(tcp=TransportMatch(destination_port=Port())),)
    everyone = Subject(namespaces=LabelSelector())
    strange = PolicySpec(Tier.ADMIN, 1, everyone, egress=(EgressRule(action=action, to=peers, protocols=protocols),))
    for destination in (DB, OUTSIDE):
        decision = decide(
            [("s", strange), ("b", spec(BASELINE_DENY))], [], WORLD, Direction.EGRESS, tcp(WEB, destination), AGENT
        )
        assert decision is not None
        assert f"{decision.verdict} {decision.tier}" == wanted


def test_an_ingress_peer_of_no_kind_fails_closed_too() -> None:
    everyone = Subject(namespaces=LabelSelector())
    strange = PolicySpec(Tier.ADMIN, 1, everyone, ingress=(IngressRule(action=Action.PASS, from_=(IngressPeer(),)),))
    decision = decide([("s", strange)], [], WORLD, Direction.INGRESS, tcp(OUTSIDE, WEB), AGENT)
    assert decision is not None
    assert (decision.verdict, decision.tier, decision.rule) == (Action.DENY, Stage.ADMIN, "ingress[0]")


def test_a_subject_of_no_kind_is_an_error() -> None:
    strange = PolicySpec(Tier.ADMIN, 1, Subject(), egress=spec(DENY_ALL).egress)
    with pytest.raises(ValueError, match="a subject sets namespaces or pods"):
        decide([("s", strange)], [], WORLD, Direction.EGRESS, tcp(WEB, DB), AGENT)


def test_the_walk_says_of_each_step_why_it_matched_or_not() -> None:
    bank = DENY_ALL.replace("{", "{subject: {namespaces: {matchLabels: {team: bank}}}, ", 1)
    ports = (
        "{egress: [{action: Deny, to: [{namespaces: {matchLabels: {team: bank}}}]}, "
        "{action: Deny, to: [{networks: [10.0.0.2/32]}], protocols: [{udp: {}}]}, "
        "{action: Accept, to: [{networks: [10.0.0.2/32]}], http: [{methods: [GET]}]}, "
        "{action: Pass, to: [{networks: [10.0.0.2/32]}]}]}"
    )
    policies = [("bank", spec(at(1, bank))), ("ports", spec(at(2, ports))), ("never", spec(at(3, DENY_ALL)))]
    own = [local(ISOLATED, "bank", "a"), local(ISOLATED, name="b"), local(ISOLATED, name="c")]
    steps = list(walk(policies, own, WORLD, Direction.EGRESS, tcp(WEB, DB), AGENT))
    assert steps == [
        Step(Stage.BUILT_IN, WAY_OUT_ID, "", None, matched=False, why=Why.NOT_SUBJECT),
        Step(Stage.ADMIN, "bank", "", None, matched=False, why=Why.NOT_SUBJECT),
        Step(Stage.ADMIN, "ports", "egress[0]", Action.DENY, matched=False, why=Why.NO_PEER),
        Step(Stage.ADMIN, "ports", "egress[1]", Action.DENY, matched=False, why=Why.NO_PROTOCOL),
        Step(Stage.ADMIN, "ports", "egress[2]", Action.ACCEPT, matched=False, why=Why.NO_REQUEST),
        Step(Stage.ADMIN, "ports", "egress[3]", Action.PASS, matched=True, why=Why.MATCHED),
        Step(Stage.NETWORK_POLICY, "bank/a", "", None, matched=False, why=Why.NOT_SUBJECT),
        Step(Stage.NETWORK_POLICY, "shop/b, shop/c", "", Action.DENY, matched=True, why=Why.NOT_ALLOWED),
    ]


def test_equal_priorities_are_ordered_by_id() -> None:
    policies = [("b", spec(ACCEPT_DB)), ("a", spec(DENY_ALL))]
    decision = decide(policies, [], WORLD, Direction.EGRESS, tcp(WEB, DB), AGENT)
    assert decision is not None
    assert decision.policy == "a"
    assert not decision.allows


def test_two_pods_of_one_address_are_an_error_and_another_cluster_s_is_not() -> None:
    mine, twin, theirs = (
        Pod("a", "one", {}, (WEB,)),
        Pod("a", "two", {}, (WEB,)),
        Pod("a", "one", {}, (WEB,), cluster="west"),
    )
    assert World({}, (mine, theirs)).pod_at(WEB) == mine
    with pytest.raises(ValueError, match=r"a/one and a/two both have the address 10\.0\.0\.1"):
        World({}, (mine, twin)).pod_at(WEB)


@pytest.mark.parametrize(
    ("source", "destination", "protocol"),
    [
        ("10.0.0.1", "fd00::1", "tcp"),
        ("10.0.0.1", "10.0.0.2", "icmpv6"),
        ("fd00::1", "fd00::2", "icmp"),
        ("x", "10.0.0.1", "tcp"),
    ],
)
def test_a_flow_is_of_one_ip_version(source: str, destination: str, protocol: str) -> None:
    with pytest.raises(ValueError, match=r"not of one|does not speak|does not appear to be"):
        Flow(source, destination, protocol)
