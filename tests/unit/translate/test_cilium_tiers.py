"""What stands in a ClusterNetworkPolicy and what behind it, rule by rule, as Cilium 1.20.2 reads both."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from edict.policy.model import OnInexact
from edict_agent.translate import Dialect, Facts, PlacedPolicy
from tests.unit.translate import placed
from tests.unit.translate.placed import (
    AGENT,
    EVERYBODY,
    EVERYTHING,
    FACTS,
    NAME,
    namespace,
    others,
    policy,
    rule,
    tcp,
    udp,
)

plan = partial(placed.plan, Dialect.CILIUM_TIERS)
outcome = partial(placed.outcome, Dialect.CILIUM_TIERS)
objects = partial(placed.objects, Dialect.CILIUM_TIERS)

FRONT, BEHIND = "ClusterNetworkPolicy", "CiliumClusterwideNetworkPolicy"
PING = {"icmp": {"type": 8}}
NODES = ["health", "host", "ingress", "init", "remote-node", "unmanaged"]
SHOP = {"namespaces": namespace("shop")}
WEB = {"networks": ["203.0.113.0/24"]}


def options(**changed: str) -> Facts:
    """Return the usual facts with some of Cilium's options changed; a dash stands for an underscore."""
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    return msgspec.structs.replace(FACTS, options={**FACTS.options, **named})


def specs(kind: str, *policies: PlacedPolicy, facts: Facts = FACTS) -> list[Any]:
    """Return the specs of the last policy's objects of one kind."""
    assert not outcome(*policies, facts=facts).refused, outcome(*policies, facts=facts).reason
    return [
        spec
        for one in objects(*policies, facts=facts)
        if one.kind == kind
        for spec in one.body.get("specs", [one.body.get("spec")])
    ]


def stricter(one: PlacedPolicy) -> PlacedPolicy:
    """Return the policy with leave to be stricter."""
    spec = msgspec.structs.replace(one.document.spec, on_inexact=OnInexact.STRICTER)
    return msgspec.structs.replace(one, document=msgspec.structs.replace(one.document, spec=spec))


class TestFront:
    """What a ClusterNetworkPolicy says."""

    def test_pods_networks_and_ports_stand_in_one_object_in_their_order(self) -> None:
        rules = (
            rule("Pass", SHOP, name="first"),
            rule("Accept", WEB, protocols=[tcp(443), {"udp": {"destinationPort": {"range": {"start": 5, "end": 9}}}}]),
            rule("Deny", {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}}),
        )
        one = policy(priority=7, subject=SHOP, egress=rules)
        assert specs(BEHIND, one) == []
        (spec,) = specs(FRONT, one)
        pods = {"pods": {"namespaceSelector": {"matchLabels": {NAME: "shop"}}, "podSelector": {}}}
        assert (spec["tier"], spec["priority"], spec["subject"]) == ("Admin", 7, pods)
        assert spec["egress"] == [
            {"name": "first", "action": "Pass", "to": [pods]},
            {
                "action": "Accept",
                "to": [{"networks": ["203.0.113.0/24"]}],
                "protocols": [
                    {"tcp": {"destinationPort": {"number": 443}}},
                    {"udp": {"destinationPort": {"range": {"start": 5, "end": 9}}}},
                ],
            },
            {
                "action": "Deny",
                "to": [{"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}}],
            },
        ]

    def test_what_is_not_in_a_namespace_is_never_selected_by_what_a_namespace_is_not(self) -> None:
        one = policy(subject={"namespaces": others("a")}, ingress=(rule("Deny", {"namespaces": others("b")}),))
        (spec,) = specs(FRONT, one)
        exists = {"key": NAME, "operator": "Exists"}
        for body, name in ((spec["subject"], "a"), (spec["ingress"][0]["from"][0], "b")):
            asked = body["pods"]["namespaceSelector"]["matchExpressions"]
            assert asked == [exists, {"key": NAME, "operator": "NotIn", "values": [name]}]

    def test_exceptions_are_said_by_the_prefixes_that_are_left(self) -> None:
        network = {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25", "203.0.113.0/26"]}
        (spec,) = specs(FRONT, policy(egress=(rule("Deny", {"networks": [network]}),)))
        assert spec["egress"][0]["to"] == [{"networks": ["203.0.113.64/26"]}]

    def test_many_networks_make_several_peers_and_too_many_are_refused(self) -> None:
        some = [f"203.0.113.{number}/32" for number in range(0, 60, 2)]
        peers = ({"networks": some[:20]}, {"networks": some[20:]})
        (spec,) = specs(FRONT, policy(egress=(rule("Deny", *peers),)))
        assert [len(peer["networks"]) for peer in spec["egress"][0]["to"]] == [25, 5]
        whole = {"cidr": "2000::/3", "except": [f"2001:db8:{number:x}::1/128" for number in range(8)]}
        told = outcome(policy(egress=tuple(rule("Deny", {"networks": [whole]}, name=f"n{n}") for n in range(20))))
        assert told.code == "EDICT0522"

    def test_a_service_account_is_found_by_the_label_that_cilium_gives(self) -> None:
        peer = {"serviceAccounts": {"names": ["builder"], "namespaceSelector": namespace("shop")}}
        (spec,) = specs(FRONT, policy(egress=(rule("Accept", peer),)))
        assert spec["egress"][0]["to"] == [
            {
                "pods": {
                    "namespaceSelector": {"matchLabels": {NAME: "shop"}},
                    "podSelector": {"matchLabels": {"io.cilium.k8s.policy.serviceaccount": "builder"}},
                }
            }
        ]

    def test_another_cluster_is_found_by_the_label_that_cilium_gives(self) -> None:
        one = policy(egress=(rule("Accept", {"clusters": {"names": ["east"]}}),))
        assert outcome(one).code == "EDICT0512"
        (spec,) = specs(FRONT, one, facts=options(cluster_id="3"))
        pods = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"io.cilium.k8s.policy.cluster": "east"}}}
        assert spec["egress"][0]["to"] == [{"pods": pods}]

    def test_without_a_mesh_nobody_speaks_of_other_clusters(self) -> None:
        one = policy(egress=(rule("Deny", EVERYTHING),))
        pods, networks = specs(FRONT, one, facts=options(cluster_id="0"))[0]["egress"][0]["to"]
        assert pods == {"pods": {"namespaceSelector": {}, "podSelector": {}}}
        assert networks == {"networks": ["0.0.0.0/0", "::/0"]}
        pods, _ = specs(FRONT, one, facts=options(cluster_id="3"))[0]["egress"][0]["to"]
        anywhere = [{"key": "io.cilium.k8s.policy.cluster", "operator": "Exists"}]
        assert pods == {"pods": {"namespaceSelector": {}, "podSelector": {"matchExpressions": anywhere}}}

    def test_only_families_that_the_cluster_speaks_are_named(self) -> None:
        facts = options(enable_ipv6="false", cluster_id="0")
        (spec,) = specs(FRONT, policy(egress=(rule("Deny", {"networks": ["0.0.0.0/0"]}),)), facts=facts)
        assert spec["egress"][0]["to"][1] == {"networks": ["0.0.0.0/0"]}

    @pytest.mark.parametrize(
        ("one", "code"),
        [
            (
                rule(
                    "Deny",
                    {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"pod-template-hash": "x"}}}},
                ),
                "EDICT0516",
            ),
            (rule("Accept", WEB, protocols=[{"sctp": {"destinationPort": {"number": 5}}}]), "EDICT0524"),
            (rule("Accept", SHOP, protocols=[{"destinationNamedPort": "web"}]), "EDICT0513"),
            (rule("Accept", {"networks": ["10.244.0.0/24"]}), "EDICT0517"),
            (rule("Deny", {"nodes": {}}), "EDICT0512"),
            (rule("Accept", SHOP, log=True), "EDICT0515"),
            (rule("Pass", SHOP, log=True), "EDICT0515"),
        ],
    )
    def test_what_neither_kind_can_say_is_refused(self, one: dict[str, Any], code: str) -> None:
        assert outcome(policy(egress=(one,))).code == code

    def test_a_subject_by_a_label_that_cilium_does_not_know_is_refused(self) -> None:
        subject = {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"pod-template-hash": "x"}}}}
        assert outcome(policy(subject=subject, egress=(rule("Deny", SHOP),))).code == "EDICT0516"


class TestLate:
    """What stands behind every ClusterNetworkPolicy, and what must follow it there."""

    def test_of_everything_at_egress_nodes_alone_are_late(self) -> None:
        one = policy(egress=(rule("Deny", EVERYTHING),))
        (spec,) = specs(BEHIND, one)
        assert spec["enableDefaultDeny"] == {"ingress": False, "egress": False}
        assert [body["toEntities"] for body in spec["egressDeny"]] == [NODES]
        assert len(specs(FRONT, one)[0]["egress"]) == 1

    def test_of_everything_at_ingress_all_but_pods_is_late_and_the_own_node_is_spared(self) -> None:
        one = policy(ingress=(rule("Deny", EVERYTHING),))
        (spec,) = specs(BEHIND, one)
        assert [body["fromEntities"] for body in spec["ingressDeny"]] == [
            ["health", "ingress", "init", "remote-node", "unmanaged", "world"]
        ]
        assert [list(peer) for peer in specs(FRONT, one)[0]["ingress"][0]["from"]] == [["pods"]]

    def test_a_late_deny_leaves_the_way_out_alone(self) -> None:
        (spec,) = specs(BEHIND, policy(subject=EVERYBODY, egress=(rule("Deny", EVERYTHING),)))
        asked = spec["endpointSelector"]["matchExpressions"]
        assert {"key": "k8s:io.kubernetes.pod.namespace", "operator": "NotIn", "values": [AGENT]} in asked

    def test_icmp_is_late_and_ports_beside_it_are_not(self) -> None:
        one = policy(egress=(rule("Accept", SHOP, protocols=[tcp(80), PING]),))
        assert specs(FRONT, one)[0]["egress"][0]["protocols"] == [tcp(80)]
        (spec,) = specs(BEHIND, one)
        assert spec["egress"][0]["icmps"] == [{"fields": [{"family": "IPv4", "type": 8}]}]

    def test_what_a_later_rule_says_of_icmp_follows_an_accept_that_is_late(self) -> None:
        first = policy("a", priority=1, egress=(rule("Accept", SHOP, protocols=[{"icmp": {}}]),))
        second = policy("b", priority=2, egress=(rule("Deny", SHOP),))
        (front,) = specs(FRONT, first, second)
        assert [list(each) for each in front["egress"][0]["protocols"]] == [["tcp"], ["udp"]]
        (behind,) = specs(BEHIND, first, second)
        fields = [field for body in behind["egressDeny"] for each in body.get("icmps", []) for field in each["fields"]]
        assert fields == [{"family": "IPv6", "type": 0}]
        assert specs(BEHIND, second) == []

    def test_a_later_rule_that_does_not_meet_a_late_one_stays_in_front(self) -> None:
        first = policy("a", priority=1, egress=(rule("Accept", SHOP, protocols=[PING]),))
        for second in (
            rule("Deny", {"namespaces": namespace("other")}),
            rule("Deny", SHOP, protocols=[tcp(80)]),
            rule("Accept", SHOP),
            rule("Pass", SHOP),
        ):
            one = policy("b", priority=2, egress=(second,))
            assert specs(BEHIND, first, one) == []
            assert specs(FRONT, first, one) == specs(FRONT, one)

    def test_an_earlier_pass_is_taken_out_of_what_is_late(self) -> None:
        dns = rule("Accept", SHOP, protocols=[udp(53)])
        passing = policy("a", priority=1, subject={"namespaces": namespace("a")}, egress=(rule("Pass", SHOP),))
        (behind,) = specs(BEHIND, passing, policy("b", priority=2, egress=(dns,)))
        asked = behind["endpointSelector"]["matchExpressions"]
        assert {"key": "k8s:io.kubernetes.pod.namespace", "operator": "NotIn", "values": ["a"]} in asked

    def test_an_earlier_rule_in_front_is_not_taken_out_of_what_is_late(self) -> None:
        accepting = policy("a", priority=1, egress=(rule("Accept", SHOP, protocols=[tcp(80)]),))
        late = policy("b", priority=2, egress=(rule("Deny", SHOP, protocols=[PING]), rule("Deny", EVERYTHING)))
        assert specs(BEHIND, accepting, late) == specs(BEHIND, late)

    def test_a_rule_that_follows_makes_those_behind_it_follow(self) -> None:
        """The second follows the first; the third meets the second alone, and must know where it went."""
        port = [tcp(53)]
        dns = policy(
            "a",
            priority=1,
            subject={"namespaces": namespace("a")},
            egress=(rule("Accept", SHOP, protocols=[udp(53), *port]),),
        )
        deny = policy(
            "b", priority=2, subject={"namespaces": namespace("a", "b")}, egress=(rule("Deny", SHOP, protocols=port),)
        )
        accept = policy(
            "c", priority=3, subject={"namespaces": namespace("b")}, egress=(rule("Accept", SHOP, protocols=port),)
        )
        assert len(specs(FRONT, deny, accept)) == 1
        assert specs(FRONT, dns, deny, accept) == []
        assert len(specs(BEHIND, dns, deny, accept)) == 1

    def test_what_cannot_be_taken_out_is_refused_and_widened_with_leave_in_its_own_policy(self) -> None:
        rules = (rule("Accept", SHOP, protocols=[PING]), rule("Deny", SHOP))
        first, second = (policy(name, priority=at, egress=(rules[at],)) for at, name in enumerate("ab"))
        whole = policy(egress=rules)
        assert {outcome(first, second).code, outcome(first, stricter(second)).code, outcome(whole).code} == {
            "EDICT0513"
        }
        told = outcome(stricter(whole))
        assert (told.refused, told.rules[1].direction) == (False, "stricter")


class TestDomainNames:
    """Cilium learns names only from what passes its DNS proxy, which no ClusterNetworkPolicy asks for as we mean it."""

    DNS = rule("Accept", {"namespaces": namespace("kube-system")}, protocols=[udp(53)])
    NAMES = rule("Accept", {"domainNames": ["api.example.com"]})

    def test_names_and_their_dns_stand_in_one_object(self) -> None:
        one = policy(egress=(self.DNS, self.NAMES))
        assert specs(FRONT, one) == []
        dns, names = specs(BEHIND, one)[0]["egress"]
        assert dns["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
        assert names == {"toFQDNs": [{"matchName": "api.example.com"}]}

    def test_dns_that_others_accept_goes_through_the_proxy_all_the_same(self) -> None:
        one = policy("b", priority=2, egress=(self.DNS, self.NAMES))
        assert not outcome(policy("a", priority=1, egress=(self.DNS,)), one).refused
        later = policy("c", priority=3, egress=(rule("Accept", EVERYBODY),))
        front = specs(FRONT, one, later)
        assert [list(each) for spec in front for body in spec["egress"] for each in body["protocols"]] == []

    def test_names_are_refused_where_an_earlier_accept_lets_their_dns_past_the_proxy(self) -> None:
        one = policy("b", priority=2, egress=(self.DNS, self.NAMES))
        told = outcome(policy("a", priority=1, egress=(rule("Accept", EVERYBODY),)), one)
        assert (told.code, told.rules[0].code) == ("EDICT0519", "EDICT0519")
        assert not outcome(policy("a", priority=1, egress=(rule("Pass", EVERYBODY),)), one).refused
        inside = policy(egress=(rule("Accept", EVERYBODY), self.DNS, self.NAMES))
        assert outcome(inside).code == "EDICT0519"


class TestWayOut:
    """The agent's namespace keeps all its egress."""

    def test_it_stands_in_both_kinds(self) -> None:
        front, behind = plan().objects
        assert (front.kind, behind.kind) == (FRONT, BEHIND)
        assert (front.body["spec"]["tier"], front.body["spec"]["priority"]) == ("Admin", 0)
        assert behind.body["spec"]["egress"] == [{"toEntities": ["all"]}]

    def test_a_policy_of_its_priority_leaves_it_alone(self) -> None:
        one = policy(priority=0, ingress=(rule("Deny", SHOP),), egress=(rule("Deny", SHOP),))
        ingress, egress = objects(one)
        assert (ingress.name, egress.name) == ("edict.platform.one", "edict.platform.one.2")
        assert "egress" not in ingress.body["spec"]
        assert egress.body["spec"]["subject"]["pods"]["namespaceSelector"]["matchExpressions"] == [
            {"key": NAME, "operator": "Exists"},
            {"key": NAME, "operator": "NotIn", "values": [AGENT]},
        ]
        (other,) = objects(policy(priority=1, ingress=(rule("Deny", SHOP),), egress=(rule("Deny", SHOP),)))
        assert AGENT not in str(other.body["spec"])


class TestBaseline:
    """Baseline Denies, less what stands before them; an Accept would reopen who is isolated."""

    def test_a_deny_is_said_and_an_accept_and_a_pass_are_not(self) -> None:
        base = partial(policy, tier="Baseline")
        one = base(egress=(rule("Accept", SHOP), rule("Pass", WEB), rule("Deny", {"namespaces": namespace("x")})))
        (spec,) = specs(FRONT, one)
        assert (spec["tier"], [each["action"] for each in spec["egress"]]) == ("Baseline", ["Deny"])
        assert objects(base(egress=(rule("Accept", EVERYTHING),))) == []

    def test_what_earlier_accepts_and_passes_match_is_taken_out(self) -> None:
        base = partial(policy, tier="Baseline")
        first = base("a", priority=1, subject={"namespaces": namespace("a")}, egress=(rule("Pass", EVERYBODY),))
        second = base("b", priority=2, egress=(rule("Accept", SHOP), rule("Deny", EVERYBODY)))
        (spec,) = specs(FRONT, first, second)
        asked = spec["subject"]["pods"]["namespaceSelector"]["matchExpressions"]
        assert asked[-1] == {"key": NAME, "operator": "NotIn", "values": ["a"]}
        (peer,) = spec["egress"][0]["to"]
        asked = peer["pods"]["namespaceSelector"]["matchExpressions"]
        assert asked[-1] == {"key": NAME, "operator": "NotIn", "values": ["shop"]}

    def test_pieces_with_other_subjects_are_objects_of_their_own(self) -> None:
        base = partial(policy, tier="Baseline")
        first = base("a", priority=1, subject={"namespaces": namespace("a")}, egress=(rule("Pass", SHOP),))
        found = objects(first, base("b", priority=2, egress=(rule("Deny", EVERYBODY),)))
        assert [one.name for one in found] == ["edict.platform.b", "edict.platform.b.2"]

    def test_all_of_a_direction_is_default_deny_beside_the_others(self) -> None:
        one = policy(tier="Baseline", ingress=(rule("Deny", SHOP),), egress=(rule("Deny", EVERYTHING),))
        (behind,) = specs(BEHIND, one)
        assert behind["enableDefaultDeny"] == {"ingress": False, "egress": True}
        assert list(specs(FRONT, one)[0]) == ["tier", "priority", "subject", "ingress"]

    @pytest.mark.parametrize(
        "rules",
        [
            (rule("Accept", SHOP), rule("Deny", EVERYTHING)),
            (rule("Deny", SHOP, protocols=[PING]),),
            (rule("Accept", SHOP, protocols=[tcp(53)]), rule("Deny", SHOP)),
        ],
    )
    def test_what_cannot_be_said_is_refused(self, rules: tuple[dict[str, Any], ...]) -> None:
        assert outcome(policy(tier="Baseline", egress=rules)).code == "EDICT0521"

    def test_admin_policies_change_nothing_in_it(self) -> None:
        one = policy("b", tier="Baseline", egress=(rule("Deny", SHOP),))
        assert specs(FRONT, policy("a", egress=(rule("Accept", EVERYBODY),)), one) == specs(FRONT, one)


class TestCluster:
    """Where the dialect would not mean what it says, every policy is refused."""

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"enable_k8s_cluster_network_policy": "false"}, "EDICT0524"),
            ({"policy_cidr_match_mode": "nodes"}, "EDICT0524"),
            ({"labels": "k8s:app"}, "EDICT0524"),
            ({"policy_default_local_cluster": "false"}, "EDICT0524"),
            ({"enable_policy": "always"}, "EDICT0524"),
        ],
    )
    def test_options_that_change_the_meaning(self, changed: dict[str, str], code: str) -> None:
        told = outcome(policy(egress=(rule("Deny", SHOP),)), facts=options(**changed))
        assert (told.refused, told.code) == (True, code)
        assert told.remedy

    def test_selectors_of_every_cluster_do_no_harm_where_there_is_one(self) -> None:
        facts = options(policy_default_local_cluster="false", cluster_id="0")
        told = outcome(policy(egress=(rule("Deny", SHOP),)), facts=msgspec.structs.replace(facts, cluster_name="x"))
        assert not told.refused

    @pytest.mark.parametrize("version", ["", "1.19.9"])
    def test_versions_that_are_too_old_or_unknown(self, version: str) -> None:
        told = outcome(
            policy(egress=(rule("Deny", SHOP),)), facts=msgspec.structs.replace(FACTS, plugin_version=version)
        )
        assert told.code == "EDICT0523"
