"""A rule that can never match is told of, and no other."""

from __future__ import annotations

import pytest

from edict.policy.checks import PolicySource, shadowed_rules
from edict.policy.documents import ManagedCluster
from tests.unit.policy.sources import INVENTORY, NAME, cluster, made, prod

EVERYTHING = "{networks: [0.0.0.0/0, '::/0']}"
DENY_ALL = f"egress: [{{action: Deny, to: [{EVERYTHING}]}}]"
AGENT = f"{{matchLabels: {{{NAME}: edict-system}}}}"


def rule(action: str, to: str, protocols: str = "") -> str:
    return f"{{action: {action}, to: [{to}]{protocols and f', protocols: {protocols}'}}}"


def namespaces(operator: str, values: str = "") -> str:
    asked = f"{{key: a, operator: {operator}{values and f', values: {values}'}}}"
    return f"{{namespaces: {{matchExpressions: [{asked}]}}}}"


def rules(*each: str) -> str:
    return f"egress: [{', '.join(each)}]"


def told(*policies: PolicySource, clusters: list[ManagedCluster] | None = None) -> list[str]:
    """Return ``name place`` of each rule that is told of."""
    found = list(shadowed_rules(policies, INVENTORY if clusters is None else clusters))
    assert {finding.code for finding in found} <= {"EDICT0142"}
    return [" ".join(finding.where.split()[1:3]).replace("spec.policy.", "") for finding in found]


def test_what_decides_before_it_is_named() -> None:
    high, low = made("high", DENY_ALL, priority=1), made("low", rules(rule("Accept", "{namespaces: {}}")), priority=2)
    (finding,) = shadowed_rules([low, high], INVENTORY)
    assert finding.what == "the Accept can never match: all that it matches is decided before it by t/high egress[0]"
    assert "FederatedNetworkPolicy low spec.policy.egress[0] f.yaml:" in finding.where
    assert finding.others == ("t/high",)


def test_an_accept_of_dns_beside_domain_names_is_no_mistake() -> None:
    dns = "[{udp: {destinationPort: {number: 53}}}, {tcp: {destinationPort: {number: 53}}}]"
    ask, named = rule("Accept", "{namespaces: {}}", dns), rule("Accept", "{domainNames: [api.example.com]}")
    everybody = made("dns", rules(ask), priority=1)
    assert told(everybody, made("p", rules(ask, named), priority=2)) == []
    assert told(everybody, made("p", rules(ask), priority=2)) == ["p egress[0]"]
    assert told(made("dns", rules(rule("Deny", "{namespaces: {}}")), priority=1), made("p", rules(ask, named))) == [
        "p egress[0]"
    ]
    web = rule("Accept", "{namespaces: {}}", "[{tcp: {destinationPort: {number: 443}}}]")
    assert told(made("web", rules(web), priority=1), made("p", rules(web, named), priority=2)) == ["p egress[0]"]


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass"])
def test_each_action_decides(action: str) -> None:
    first, second = rule(action, "{networks: [10.0.0.0/8]}"), rule("Deny", "{networks: [10.1.0.0/16]}")
    assert told(made("p", rules(first, second))) == ["p egress[1]"]
    assert told(made("p", rules(second, first))) == []


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (["{networks: [10.0.0.0/8]}"], "{networks: [10.0.0.0/8]}"),
        (["{networks: [10.0.0.0/9]}", "{networks: [10.128.0.0/9]}"], "{networks: [10.0.0.0/8]}"),
        (["{networks: [0.0.0.0/1]}", "{networks: [128.0.0.0/1]}"], "{networks: [0.0.0.0/0]}"),
        (["{namespaces: {}}"], "{pods: {podSelector: {matchLabels: {a: x}}}}"),
        (["{namespaces: {}}"], "{serviceAccounts: {names: [db]}}"),
        (
            [
                "{namespaces: {matchLabels: {a: x}}}",
                "{namespaces: {matchExpressions: [{key: a, operator: NotIn, values: [x]}]}}",
            ],
            "{namespaces: {}}",
        ),
        ([namespaces("Exists"), namespaces("DoesNotExist")], "{namespaces: {}}"),
        (["{domainNames: ['*.a.example']}"], "{domainNames: [b.a.example]}"),
        ([EVERYTHING], "{domainNames: [b.a.example]}"),
        (["{clusters: {names: [one, two]}}"], "{clusters: {names: [one]}}"),
        (["{nodes: {}}"], "{nodes: {matchLabels: {a: x}}}"),
        (
            ["{namespaces: {}}", "{networks: [10.0.0.0/8]}"],
            "{namespaces: {matchLabels: {a: x}}}, {networks: [10.1.0.0/16]}",
        ),
    ],
)
def test_peers_that_are_all_covered(above: list[str], below: str) -> None:
    policies = [made(f"p{index}", rules(rule("Accept", to)), priority=index) for index, to in enumerate(above)]
    last = len(above)
    assert told(made("z", rules(rule("Deny", below)), priority=last), *policies) == ["z egress[0]"]
    for missing in range(last):
        rest = [one for index, one in enumerate(policies) if index != missing]
        assert told(made("z", rules(rule("Deny", below)), priority=last), *rest) == []


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("{networks: [10.0.0.0/9]}", "{networks: [10.0.0.0/8]}"),
        ("{networks: [0.0.0.0/0]}", "{networks: ['::/0']}"),
        ("{networks: [{cidr: 10.0.0.0/8, except: [10.9.9.9/32]}]}", "{networks: [10.0.0.0/8]}"),
        ("{networks: [0.0.0.0/0]}", "{namespaces: {}}"),
        ("{namespaces: {}}", "{networks: [10.244.0.0/16]}"),
        ("{namespaces: {}}", "{clusters: {names: [one]}}"),
        ("{namespaces: {}}", "{namespaces: {}}, {networks: [10.0.0.0/8]}"),
        ("{pods: {podSelector: {matchLabels: {a: x}}}}", "{namespaces: {}}"),
        ("{pods: {podSelector: {matchLabels: {a: x}}}}", "{namespaces: {matchLabels: {a: x}}}"),
        ("{domainNames: [a.example]}", "{domainNames: ['*.a.example']}"),
        ("{domainNames: ['*.a.example']}", "{networks: [203.0.113.0/24]}"),
    ],
)
def test_peers_of_which_something_may_be_left(above: str, below: str) -> None:
    assert told(made("p", rules(rule("Deny", above), rule("Accept", below)))) == []


PORTS = {
    "80": "[{tcp: {destinationPort: {number: 80}}}]",
    "1-65535": "[{tcp: {destinationPort: {range: {start: 1, end: 65535}}}}]",
    "1-79, 81-65535": "[{tcp: {destinationPort: {range: {start: 1, end: 79}}}}, "
    "{tcp: {destinationPort: {range: {start: 81, end: 65535}}}}]",
    "tcp": "[{tcp: {}}]",
    "udp": "[{udp: {}}]",
    "name": "[{destinationNamedPort: http}]",
    "icmp": "[{icmp: {family: IPv4}}]",
    "echo": "[{icmp: {family: IPv4, type: 8}}]",
    "all": "",
}


@pytest.mark.parametrize(
    ("above", "below", "covered"),
    [
        (["tcp"], "80", True),
        (["1-65535"], "tcp", True),
        (["80", "1-79, 81-65535"], "tcp", True),
        (["1-79, 81-65535", "80"], "tcp", True),
        (["name"], "name", True),
        (["all"], "name", True),
        (["icmp"], "echo", True),
        (["1-79, 81-65535"], "tcp", False),
        (["tcp", "udp", "icmp"], "all", False),
        (["tcp"], "udp", False),
        (["tcp"], "name", False),
        (["echo"], "icmp", False),
    ],
)
def test_protocols(above: list[str], below: str, *, covered: bool) -> None:
    listed = [rule("Accept", "{namespaces: {}}", PORTS[each]) for each in above]
    found = told(made("p", rules(*listed, rule("Deny", "{namespaces: {}}", PORTS[below]))))
    assert found == ([f"p egress[{len(above)}]"] if covered else [])


def test_subjects() -> None:
    narrow = made("narrow", DENY_ALL, subject="{matchLabels: {a: x}}")
    assert told(made("wide", DENY_ALL, priority=1), narrow) == ["narrow egress[0]"]
    assert told(made("wide", DENY_ALL, priority=11), narrow) == []


def test_directions_are_told_apart() -> None:
    inward = DENY_ALL.replace("egress", "ingress").replace("to:", "from:")
    assert told(made("out", DENY_ALL, priority=1), made("in", inward)) == []


def test_equal_priorities_are_in_no_order() -> None:
    assert told(made("one", DENY_ALL), made("two", DENY_ALL)) == []


@pytest.mark.parametrize(
    ("above", "below", "covered"),
    [("{}", prod(), True), (prod(), prod(), True), (prod(), "{}", False), (prod(), prod("test"), False)],
)
@pytest.mark.parametrize("known", [True, False])
def test_only_policies_on_all_its_clusters_cover_a_rule(above: str, below: str, *, covered: bool, known: bool) -> None:
    policies = [made("high", DENY_ALL, priority=1, on=above), made("low", DENY_ALL, priority=2, on=below)]
    assert told(*policies, clusters=list(INVENTORY) if known else []) == (["low egress[0]"] if covered else [])


def test_the_inventory_knows_more_than_selectors() -> None:
    policies = [made("high", DENY_ALL, priority=1, on=prod()), made("low", DENY_ALL, priority=2)]
    assert told(*policies, clusters=[cluster("one")]) == ["low egress[0]"]
    assert told(*policies, clusters=[]) == []


def test_a_policy_for_no_cluster_is_not_looked_at() -> None:
    policies = [made("high", DENY_ALL, priority=1), made("low", DENY_ALL, priority=2, on=prod("nowhere"))]
    assert told(*policies) == []


@pytest.mark.parametrize(
    ("above", "covered"),
    [
        ([rule("Accept", "{namespaces: {}}")], True),
        ([rule("Deny", "{namespaces: {}}")], True),
        ([rule("Pass", "{namespaces: {}}")], False),
        ([rule("Pass", "{namespaces: {matchLabels: {a: x}}}"), rule("Deny", "{namespaces: {}}")], False),
        ([rule("Pass", "{namespaces: {matchLabels: {a: z}}}"), rule("Deny", "{namespaces: {}}")], True),
        ([rule("Deny", "{namespaces: {}}"), rule("Pass", "{namespaces: {matchLabels: {a: x}}}")], True),
    ],
)
def test_a_baseline_rule_is_covered_by_what_admin_decides(above: list[str], *, covered: bool) -> None:
    low = made("low", rules(rule("Deny", "{namespaces: {matchLabels: {a: x}}}")), priority=0, tier="Baseline")
    assert ("low egress[0]" in told(made("high", rules(*above), priority=9), low)) is covered


def test_a_pass_of_another_policy_may_come_before_admins_decision() -> None:
    low = made("low", DENY_ALL, priority=0, tier="Baseline")
    passing = rules(rule("Pass", "{networks: [10.0.0.0/8]}"))
    policies = [made("high", DENY_ALL, priority=9), low]
    assert told(*policies, made("pass", passing, priority=10)) == ["pass egress[0]", "low egress[0]"][::-1]
    assert told(*policies, made("pass", passing, priority=9)) == []
    assert told(*policies, made("pass", passing, priority=8)) == []


def test_baseline_covers_no_admin_rule() -> None:
    assert told(made("low", DENY_ALL, priority=0, tier="Baseline"), made("high", DENY_ALL, priority=9)) == [
        "low egress[0]"
    ]


def test_what_is_only_observed_covers_nothing() -> None:
    assert told(made("high", DENY_ALL, priority=1, mode="Observe"), made("low", DENY_ALL, priority=2)) == []


def test_an_accept_of_some_requests_covers_nothing_and_can_be_covered() -> None:
    http = "{action: Accept, to: [{namespaces: {}}], protocols: [{tcp: {}}], http: [{methods: [GET]}]}"
    plain = rule("Deny", "{namespaces: {}}", "[{tcp: {}}]")
    assert told(made("p", rules(http, plain))) == []
    assert told(made("p", rules(plain, http))) == ["p egress[1]"]


def test_the_agents_way_out_covers_what_only_its_namespace_sends() -> None:
    accept = rules(rule("Accept", "{networks: [10.0.0.0/8]}"))
    (finding,) = shadowed_rules([made("p", accept, subject=AGENT)], INVENTORY)
    assert "the egress of edict-system is accepted before it" in finding.what
    assert told(made("p", accept)) == []
    assert told(made("p", accept.replace("egress", "ingress").replace("to:", "from:"), subject=AGENT)) == []


def test_a_deny_of_the_way_out_is_told_by_its_own_code_alone() -> None:
    assert told(made("p", DENY_ALL, subject=AGENT)) == []
    assert told(made("p", rules(rule("Deny", EVERYTHING, "[{icmp: {}}]")), subject=AGENT)) == ["p egress[0]"]


@pytest.mark.parametrize(
    "to",
    [
        "{namespaces: {matchLabels: {a: x}, matchExpressions: [{key: a, operator: DoesNotExist}]}}",
        "{networks: [{cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]}]}",
    ],
)
def test_a_rule_that_contradicts_itself_is_told_of(to: str) -> None:
    (finding,) = shadowed_rules([made("p", rules(rule("Deny", to)))], INVENTORY)
    assert "its own selectors or networks leave nothing" in finding.what
