"""What changes between two sets of policies, case by case: outcomes, deciding rules, and one connection of each."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.changes import Change, Kind, Outcome, Placed, Region, Ruling, compare, example_of, splitting
from edict.policy.changes.among import Among
from edict.policy.changes.deciders import deciders
from edict.policy.model import LabelSelector, Tier
from edict.policy.rules import Direction
from edict.policy.space import Ground
from edict.policy.space.addresses import addresses_in
from edict.policy.space.intervals import Intervals
from edict.policy.space.labels import NAMESPACE
from tests.unit.policy.meaning import spec

EGRESS = Direction.EGRESS
comparison = importlib.import_module("edict.policy.changes.compare")

WEB = "{action: Accept, to: [{pods: {podSelector: {matchLabels: {app: web}}}}], protocols: [%s]}"
PORT = "{tcp: {destinationPort: {number: %d}}}"
ACCEPT_80 = WEB % (PORT % 80)
DENY_PODS = "{action: Deny, to: [{namespaces: {}}]}"
DENY_NET = "{action: Deny, to: [{networks: [10.0.0.0/8]}]}"
UNKNOWN = Ground()
KNOWN = Ground(addresses_in(["10.244.0.0/16"]), addresses_in(["172.18.0.0/16"]))


def egress(*rules: str, name: str = "p", **more: Any) -> Placed:
    """A policy of these rules; Admin, priority 10, of every pod."""
    made = spec(f"egress: [{', '.join(rules)}]")
    return Placed(name, replace(made, **more))


def said(ruling: Ruling) -> str:
    rule = "" if ruling.rule is None else f" by {ruling.rule.policy} {ruling.rule.rule}"
    return ruling.outcome.value + rule


def changes(old: list[Placed], new: list[Placed], ground: Ground = UNKNOWN) -> list[str]:
    """Return old and new ruling of each change, all of them certain."""
    found = compare(old, new, ground)
    assert all(change.is_certain for change in found)
    return [f"{said(change.old)} -> {said(change.new)}" for change in found]


def only(old: list[Placed], new: list[Placed], ground: Ground = UNKNOWN) -> tuple[Change, Region]:
    (change,) = compare(old, new, ground)
    (region,) = change.regions
    return change, region


def test_rules_that_never_meet_may_change_places() -> None:
    one, other = WEB % (PORT % 80), WEB % (PORT % 81)
    assert changes([egress(one, other)], [egress(other, one)]) == []


def test_rules_of_one_action_may_change_places() -> None:
    assert changes([egress(DENY_PODS, DENY_NET)], [egress(DENY_NET, DENY_PODS)]) == []


def test_a_rule_may_stand_in_another_policy_under_another_name() -> None:
    apart = [egress(ACCEPT_80, name="a", priority=3), egress(DENY_PODS, name="b", priority=4)]
    assert changes([egress(ACCEPT_80, DENY_PODS)], apart) == []


def test_a_rule_that_is_written_in_another_way_is_no_difference() -> None:
    halves = "{action: Deny, to: [{networks: [10.0.0.0/9, 10.128.0.0/9]}]}"
    assert changes([egress(DENY_NET)], [egress(halves)]) == []


def test_a_rule_that_an_earlier_one_hides_may_go() -> None:
    assert changes([egress(DENY_PODS, ACCEPT_80)], [egress(DENY_PODS)]) == []


def test_a_port_is_added() -> None:
    both = WEB % f"{PORT % 80}, {PORT % 443}"
    change, region = only([egress(ACCEPT_80, DENY_PODS)], [egress(both, DENY_PODS)])
    assert (said(change.old), said(change.new)) == ("Deny by p egress[1]", "Accept by p egress[0]")
    assert region.spoken.tcp == Intervals(((443, 443),))
    assert not region.spoken.udp
    assert region.kinds == {Kind.POD}
    made = example_of(region, change.direction, Ground())
    assert (made.flow.protocol, made.flow.port) == ("tcp", 443)
    assert made.world.pods[1].labels == {"app": "web"}


def test_a_namespace_is_removed_from_a_selector() -> None:
    rule = (
        "{action: Accept, to: [{namespaces: {matchExpressions: "
        "[{key: kubernetes.io/metadata.name, operator: In, values: [%s]}]}}]}"
    )
    change, region = only([egress(rule % "a, b")], [egress(rule % "a")])
    assert (said(change.old), said(change.new)) == ("Accept by p egress[0]", "local, else Accept")
    assert region.labels.terms[NAMESPACE].listed == {"b"}
    assert example_of(region, change.direction, Ground()).world.pods[1].namespace == "b"


def test_a_deny_is_moved_above_an_accept() -> None:
    change, region = only([egress(ACCEPT_80, DENY_PODS)], [egress(DENY_PODS, ACCEPT_80)])
    assert (said(change.old), said(change.new)) == ("Accept by p egress[0]", "Deny by p egress[0]")
    assert region.spoken.tcp == Intervals(((80, 80),))


def test_an_except_is_added() -> None:
    excepted = "{action: Deny, to: [{networks: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]}]}"
    change, region = only([egress(DENY_NET)], [egress(excepted)])
    assert (said(change.old), said(change.new)) == ("Deny by p egress[0]", "local, else Accept")
    assert list(map(str, region.addresses.networks())) == ["10.1.0.0/16"]
    assert region.kinds == set(Kind)


def test_a_pass_is_inserted() -> None:
    passing = "{action: Pass, to: [{pods: {podSelector: {matchLabels: {app: web}}}}]}"
    change, _ = only([egress(DENY_PODS)], [egress(passing, DENY_PODS)])
    assert (said(change.old), said(change.new)) == ("Deny by p egress[0]", "local, else Accept")
    assert change.new.passed is not None
    assert change.new.passed.rule == "egress[0]"


def test_a_pass_at_the_end_of_the_tier_changes_nothing() -> None:
    assert changes([egress(DENY_NET)], [egress(DENY_NET, "{action: Pass, to: [{namespaces: {}}]}")]) == []


def test_a_priority_matters_where_it_turns_two_rules_about() -> None:
    accept, deny = egress(ACCEPT_80, name="a", priority=5), egress(DENY_PODS, name="d", priority=10)
    moved, far = (replace(accept, spec=replace(accept.spec, priority=priority)) for priority in (9, 11))
    assert changes([accept, deny], [moved, deny]) == []
    assert changes([accept, deny], [far, deny]) == ["Accept by a egress[0] -> Deny by d egress[0]"]


def test_a_placement_is_changed() -> None:
    prod, dev = (LabelSelector(match_labels={"env": name}) for name in ("prod", "dev"))
    rule = egress(DENY_NET)
    found = compare([replace(rule, clusters=prod)], [replace(rule, clusters=dev)])
    assert [(said(one.old), said(one.new)) for one in found] == [
        ("Deny by p egress[0]", "local, else Accept"),
        ("local, else Accept", "Deny by p egress[0]"),
    ]
    made = [example_of(one.regions[0], one.direction, Ground()) for one in found]
    assert [one.cluster for one in made] == [{"env": "prod"}, {"env": "dev"}]


def test_a_wider_placement_changes_nothing_where_it_was() -> None:
    prod = LabelSelector(match_labels={"env": "prod"})
    change, region = only([replace(egress(DENY_NET), clusters=prod)], [egress(DENY_NET)])
    assert change.new.outcome is Outcome.DENY
    assert not region.clusters.meets(compare([], [replace(egress(DENY_NET), clusters=prod)])[0].regions[0].clusters)


def test_a_policy_is_removed() -> None:
    assert changes([egress(DENY_NET)], []) == ["Deny by p egress[0] -> local, else Accept"]


def test_baseline_shows_only_where_no_local_policy_is() -> None:
    baseline = egress(DENY_NET, tier=Tier.BASELINE)
    assert changes([], [baseline]) == ["local, else Accept -> local, else Deny by p egress[0]"]
    assert changes([egress(DENY_NET)], [egress(DENY_NET), replace(baseline, name="b")]) == []


def test_an_accept_of_baseline_says_what_holds_without_it() -> None:
    assert changes([], [egress(ACCEPT_80, tier=Tier.BASELINE)]) == []


def test_the_way_out_of_the_agent_does_not_change() -> None:
    _, region = only([], [egress(DENY_NET)])
    assert region.subject.terms[NAMESPACE].listed == {"edict-system"}
    assert region.subject.terms[NAMESPACE].others


def test_known_networks_tell_pods_from_the_outside() -> None:
    outside = "{action: Deny, to: [{networks: [203.0.113.0/24]}]}"
    assert only([], [egress(outside)])[1].kinds == set(Kind)
    assert only([], [egress(outside)], KNOWN)[1].kinds == {Kind.OUTSIDE}
    assert only([], [egress(DENY_NET)], KNOWN)[1].kinds == {Kind.POD, Kind.REMOTE, Kind.OUTSIDE}


def test_an_end_is_of_one_namespace_with_one_set_of_labels() -> None:
    rule = (
        "{subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: x, env: prod}}}, egress: [{action: Deny, "
        "to: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: x, env: %s}}}]}]}"
    )
    assert changes([], [Placed("p", spec(rule % "dev"))]) == []
    assert len(changes([], [Placed("p", spec(rule % "prod"))])) == 1


def test_addresses_of_one_version_do_not_speak_the_icmp_of_the_other() -> None:
    rule = "{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{icmp: {family: %s}}]}"
    assert changes([], [egress(rule % "IPv6")]) == []
    assert len(changes([], [egress(rule % "IPv4")])) == 1


def test_what_two_http_matches_share_is_not_known() -> None:
    rule = "{action: Accept, to: [{namespaces: {}}], http: [{methods: [%s]}]}"
    found = compare([egress(rule % "GET", DENY_PODS)], [egress(rule % "GET", rule % "POST", DENY_PODS)])
    assert [(said(one.old), said(one.new), one.is_certain) for one in found] == [
        ("Deny by p egress[1]", "Accept by p egress[1]", False)
    ]


def test_too_much_to_compute_is_said_to_be_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = egress("{action: Pass, to: [{networks: [10.1.0.0/16]}]}", ACCEPT_80, name="a", priority=1)
    old, new = [kept], [kept, egress(DENY_PODS)]
    assert changes(old, new) == ["local, else Accept -> Deny by p egress[0]"]
    monkeypatch.setattr(splitting, "MAX_REGIONS", 1)
    found = compare(old, new)
    assert [(said(one.old), said(one.new), one.is_certain) for one in found] == [
        ("local, else Accept", "Deny by p egress[0]", False)
    ]


def test_what_is_not_computed_any_more_is_said_to_be_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MAX_COMPARISONS", 0)
    found = compare([], [egress(DENY_PODS)])
    assert [(said(one.old), said(one.new), one.is_certain) for one in found] == [
        ("local", "Deny by p egress[0]", False)
    ]
    assert compare([egress(DENY_PODS)], [egress(DENY_PODS)]) == []


def test_of_many_rules_that_may_be_concerned_it_is_said_what_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    many = egress(*(WEB % (PORT % port) for port in range(1, 9)), name="a", priority=1)
    monkeypatch.setattr(splitting, "MAX_REGIONS", 1)
    monkeypatch.setattr(splitting, "MAX_NAMED", 4)
    found = compare([many], [egress(DENY_PODS, priority=0), many])
    assert [(said(one.old), said(one.new), one.is_certain) for one in found] == [
        ("Accept", "Deny by p egress[0]", False),
        ("local, else Accept", "Deny by p egress[0]", False),
    ]


def test_no_rule_that_meets_another_is_left_unasked_and_one_of_another_team_is_not_asked() -> None:
    asked = [
        "{namespaces: {matchLabels: {team: a}}}",
        "{namespaces: {matchLabels: {team: b}}}",
        "{namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [a]}]}}",
        "{namespaces: {matchLabels: {zone: z}}}",
        "{networks: [10.0.0.0/8]}",
        "{nodes: {}}",
    ]
    rules = deciders([egress(*(f"{{action: Deny, to: [{one}]}}" for one in asked))], Tier.ADMIN, EGRESS, UNKNOWN, "x")
    among = Among(rules)
    for rule in rules:
        near = among.near_rules(rule.regions)
        met = [one for one in rules if any(a.both(b, UNKNOWN) for a in rule.regions for b in one.regions)]
        assert [one for one in near if one in met] == met
    near = [one.ref.rule for one in among.near_rules(rules[1].regions) if one.ref]
    assert near == ["egress[0]", "egress[0]", "egress[2]", "egress[3]", "egress[4]"]


def test_what_baseline_says_is_left_out_when_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = egress(*(WEB % (PORT % port) for port in range(1, 9)), DENY_PODS, name="b", tier=Tier.BASELINE)
    old, new = [baseline], [egress(DENY_PODS), baseline]
    assert len(changes(old, new)) == 9
    monkeypatch.setattr(splitting, "MAX_REGIONS", 1)
    assert changes(old, new) == ["local -> Deny by p egress[0]"]


def test_the_order_of_what_changes_is_stable() -> None:
    old, new = [egress(ACCEPT_80, DENY_NET)], [egress(DENY_PODS, name="q"), egress(ACCEPT_80)]
    assert compare(old, new) == compare(list(reversed(old)), list(reversed(new)))
