"""What waivers leave of a release, what is said of it, and that none outlives its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from edict.errors import DocumentError
from edict.ids import Digest, digest_of
from edict.policy.documents import FederatedNetworkPolicy, RuleRef, Waiver
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.parse import load_one
from edict.policy.rules import Direction
from edict.trust.custom import WaiverCustom, custom_of
from edict.trust.limits import UNLIMITED, Limits
from edict_agent.conformance.reports import reports
from edict_agent.desired import Desired, PolicyOutcome, desire_waived
from edict_agent.sync.judge import Placed, PlacedWaiver
from edict_agent.translate import Dialect, Facts, Translator
from edict_agent.waived import Waived
from edict_agent.waiving import waive
from tests.unit.agent.test_reports import Standing, failing
from tests.unit.trust.waiving import waiver as written

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
END = NOW + timedelta(days=3)
DENY = "payments/a"
FACTS = Facts("cilium", "1.20.2", ("10.0.0.0/8",), (), {}, "default")


def rule(name: str, cidr: str) -> dict[str, Any]:
    return {"action": "Deny", "name": name, "to": [{"networks": [cidr]}]}


def placed(*rules: dict[str, Any], name: str = "a", priority: int = 10) -> Placed:
    egress = list(rules) or [
        rule("one", "192.0.2.0/24"),
        rule("two", "198.51.100.0/24"),
        rule("three", "203.0.113.0/24"),
    ]
    plain = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "FederatedNetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "placement": {"clusterSelector": {}},
            "policy": {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}}, "egress": egress},
        },
    }
    content = yaml.safe_dump(plain).encode()
    document = load_one(content, name)
    assert isinstance(document, FederatedNetworkPolicy)
    return Placed("payments", name, digest_of(content), document)


def _of(more: dict[str, Any]) -> dict[str, Any]:
    return {"policy": DENY, "expires": END} | more


def waiver(name: str = "hotfix", limits: Limits = UNLIMITED, **more: Any) -> PlacedWaiver:
    content = written(name, **_of(more))
    document = load_one(content, name)
    assert isinstance(document, Waiver)
    copy = custom_of(document)
    assert isinstance(copy, WaiverCustom)
    return PlacedWaiver(f"waivers/{name}", digest_of(content), copy, limits, document)


def left(waived: Waived, policy: str = DENY) -> list[str] | None:
    """The names of the rules of a policy that is enforced; None when it is not."""
    for each in waived.policies:
        if each.id == policy and each.document is not None:
            return [rule.name for rule in each.document.spec.policy.egress]
    return None


def test_without_waivers_all_is_enforced() -> None:
    policies = (placed(), placed(name="b", priority=11))
    assert waive(policies, (), NOW) == Waived(policies)


def test_a_waived_policy_is_left_out_and_no_other() -> None:
    waived = waive((placed(), placed(name="b", priority=11)), (waiver(),), NOW)
    assert left(waived) is None
    assert left(waived, "payments/b") == ["one", "two", "three"]
    assert waived.whole[DENY][1] == "waived until 2026-05-04 12:00 UTC by Ann Other: hotfix"
    assert waived.until == END


def test_it_ends_by_itself() -> None:
    last = waive((placed(),), (waiver(),), END - timedelta(microseconds=1))
    ended = waive((placed(),), (waiver(),), END)
    assert (left(last), left(ended)) == (None, ["one", "two", "three"])
    assert not last.ended
    assert ended.ended == (waiver().digest,)
    assert ended.until is None


def test_what_has_ended_stays_ended_when_the_clock_is_set_back() -> None:
    again = waive((placed(),), (waiver(),), NOW, ended=[waiver().digest])
    assert left(again) == ["one", "two", "three"]
    assert left(waive((placed(),), (waiver(),), NOW)) is None, "without what is remembered it begins again"
    renewed = waiver(expires=END + timedelta(days=1))
    assert left(waive((placed(),), (renewed,), NOW, ended=[waiver().digest])) is None, "signed anew it counts"


def test_a_waived_rule_is_left_out_of_its_policy() -> None:
    waived = waive((placed(),), (waiver(rule="two"),), NOW)
    assert left(waived) == ["one", "three"]
    assert waived.parts[DENY].said == {"egress[1]": "waived until 2026-05-04 12:00 UTC by Ann Other: hotfix"}
    assert waived.parts[DENY].places == {"egress[0]": "egress[0]", "egress[1]": "egress[2]"}
    assert waived.policies[0].digest == placed().digest


def test_a_policy_may_lose_all_its_rules_one_by_one() -> None:
    some = [waiver(name, rule=name) for name in ("one", "two", "three")]
    assert left(waive((placed(),), some, NOW)) == []


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([rule("one", "192.0.2.0/24")], "the policy has no rule 'two' in its egress rules"),
        (
            [rule("two", "192.0.2.0/24"), rule("two", "198.51.100.0/24")],
            "the policy has 2 rules 'two' in its egress rules",
        ),
        ([rule("", "192.0.2.0/24")], "the policy has no rule 'two' in its egress rules"),
    ],
)
def test_a_rule_that_cannot_be_told_is_not_waived(rules: list[dict[str, Any]], why: str) -> None:
    waived = waive((placed(*rules),), (waiver(rule="two"),), NOW)
    assert left(waived) == [each["name"] for each in rules]
    [note] = waived.notes[DENY]
    assert (note.code, note.text) == ("EDICT0152", f"waiver hotfix does not count: {why}")


def test_a_rule_of_the_other_direction_is_another_rule() -> None:
    egress = waiver(rule="two")
    assert egress.document is not None
    ingress = PlacedWaiver(
        egress.path,
        egress.digest,
        WaiverCustom(DENY, egress.copy.cluster_selector, END, RuleRef(Direction.INGRESS, "two")),
        UNLIMITED,
        egress.document,
    )
    assert left(waive((placed(),), (ingress,), NOW)) == ["one", "two", "three"]
    assert left(waive((placed(),), (egress,), NOW)) == ["one", "three"]


@pytest.mark.parametrize(
    ("limits", "counts", "until"),
    [
        (Limits(max_days=3), True, END),
        (Limits(max_days=2), False, END - timedelta(days=2)),
        (Limits(policies=("other/*",)), False, None),
        (Limits(policies=("payments/*",)), True, END),
    ],
)
def test_a_waiver_beyond_its_limits_leaves_the_policy_enforced(
    limits: Limits, until: datetime | None, *, counts: bool
) -> None:
    waived = waive((placed(),), (waiver(limits=limits),), NOW)
    assert (left(waived) is None) == counts
    assert [note.code for note in waived.notes.get(DENY, ())] == ([] if counts else ["EDICT0215"])
    assert waived.until == until, "and when that may change is known"
    if until is not None:
        assert left(waive((placed(),), (waiver(limits=limits),), END - timedelta(seconds=1))) is None


def test_a_waiver_that_cannot_be_read_waives_nothing() -> None:
    readable = waiver()
    unread = PlacedWaiver(
        readable.path, readable.digest, readable.copy, UNLIMITED, None, DocumentError(107, "the field x is not known")
    )
    waived = waive((placed(),), (unread,), NOW)
    assert left(waived) == ["one", "two", "three"]
    assert [(note.code, "not known" in note.text) for note in waived.notes[DENY]] == [("EDICT0107", True)]


def test_of_two_waivers_for_one_policy_the_one_counts_that_ends_last() -> None:
    both = (waiver("z", expires=NOW + timedelta(days=1)), waiver("a", expires=NOW + timedelta(days=2)))
    waived = waive((placed(),), both, NOW)
    assert waived.whole[DENY][1].endswith("by Ann Other: a")
    assert waived.until == NOW + timedelta(days=1)
    after = waive((placed(),), both, NOW + timedelta(days=1))
    assert after.whole[DENY][1].endswith("by Ann Other: a")
    assert after.until == NOW + timedelta(days=2)


def test_the_whole_covers_a_part_and_the_part_goes_on_after_it() -> None:
    both = (waiver("whole", expires=NOW + timedelta(days=1)), waiver("part", rule="one"))
    assert left(waive((placed(),), both, NOW)) is None
    assert left(waive((placed(),), both, NOW + timedelta(days=1))) == ["two", "three"]


def planned(waived: Waived, before: Placed | None = None) -> Desired:
    def standing(_policy: str) -> tuple[Digest, FederatedNetworkPolicy] | None:
        return (before.digest, before.document) if before and before.document else None

    return desire_waived(Translator(Dialect.CILIUM, FACTS, "edict-system"), waived, standing)


def cidrs(desired: Desired) -> set[str]:
    """The networks of the test's rules that the plan names."""
    said = str([each.body for each in desired.plan.objects if each.policy == DENY])
    return {cidr for cidr in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24") if cidr in said}


def test_the_plan_has_what_is_left() -> None:
    policy = placed()
    assert cidrs(planned(waive((policy,), (), NOW))) == {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}
    assert cidrs(planned(waive((policy,), (waiver(rule="two"),), NOW))) == {"192.0.2.0/24", "203.0.113.0/24"}
    whole = planned(waive((policy,), (waiver(),), NOW))
    assert cidrs(whole) == set()
    assert whole.documents == {DENY: policy.digest}


def test_what_stands_in_a_refused_version_s_place_is_waived_too() -> None:
    refused = placed({**rule("two", "192.0.2.0/24"), "log": True})
    desired = planned(waive((refused,), (waiver(rule="one"),), NOW), before=placed())
    assert desired.outcomes[DENY].refused
    assert cidrs(desired) == {"198.51.100.0/24", "203.0.113.0/24"}


def report(waived: Waived, outcome: PolicyOutcome | None = None, standing: Standing | None = None, **more: Any) -> Any:
    desired = planned(waived)
    outcomes = desired.outcomes if outcome is None else {DENY: outcome}
    changed = Desired(desired.plan, desired.documents, outcomes, waived=waived)
    options: dict[str, Any] = {"problem": None, "floor_lost": "", "waivers": waived.given} | more
    return reports([placed()], changed, standing or Standing(), **options)[DENY]


def test_a_waived_policy_is_reported_as_waived_with_its_end() -> None:
    found = report(waive((placed(),), (waiver(),), NOW))
    assert (found.state, found.code) == ("Waived", "")
    assert found.reason == "waived until 2026-05-04 12:00 UTC by Ann Other: hotfix"
    assert {(each.rule, each.fidelity) for each in found.rules} == {(f"egress[{n}]", Fidelity.WAIVED) for n in range(3)}
    assert report(waive((placed(),), (), NOW)).state == "Compliant"


def test_a_policy_without_one_rule_is_waived_and_says_which() -> None:
    found = report(waive((placed(),), (waiver(rule="two"),), NOW))
    assert found.state == "Waived"
    assert found.reason == "egress[1] is waived until 2026-05-04 12:00 UTC by Ann Other: hotfix"
    assert [(each.rule, each.fidelity) for each in found.rules] == [
        ("egress[0]", Fidelity.EXACT),
        ("egress[1]", Fidelity.WAIVED),
        ("egress[2]", Fidelity.EXACT),
    ]
    assert found.rules[1].reason == "waived until 2026-05-04 12:00 UTC by Ann Other: hotfix"


def test_a_waived_rule_hides_no_trouble_of_the_others() -> None:
    waived = waive((placed(),), (waiver(rule="one"),), NOW)
    rules = (RuleFidelity("egress[0]", Fidelity.UNSUPPORTED, code="EDICT0515", reason="no log"),)
    refused = PolicyOutcome(refused=True, rules=rules, code="EDICT0515", reason="egress[0]: no log")
    found = report(waived, refused)
    assert (found.state, found.code) == ("Degraded", "EDICT0515")
    assert found.reason.startswith("egress[1]: no log; egress[0] is waived until"), "places are those of the document"
    assert [(each.rule, each.fidelity.value) for each in found.rules] == [
        ("egress[0]", "waived"),
        ("egress[1]", "unsupported"),
    ]
    assert report(waived, standing=failing(556)).state == "Drifted"


def test_a_waived_policy_has_no_trouble_to_hide() -> None:
    assert report(waive((placed(),), (waiver(),), NOW), standing=failing(552)).state == "Waived"


def test_a_waiver_that_does_not_count_is_reported_with_the_policy() -> None:
    found = report(waive((placed(),), (waiver(limits=Limits(max_days=1)),), NOW))
    assert (found.state, found.code) == ("Compliant", "EDICT0215")
    assert found.reason.startswith("waiver hotfix does not count: it ends at 2026-05-04 12:00 UTC")


def test_a_plan_under_other_waivers_says_nothing_of_a_policy() -> None:
    """Of a release that brings or takes a waiver nothing is said before it is planned."""
    waived = waive((placed(),), (waiver(),), NOW)
    assert report(waived, waivers=()).state == "Pending"
    assert report(waive((placed(),), (), NOW), waivers=(waiver(),)).state == "Pending"
    elsewhere = waiver("else", policy="payments/b")
    assert report(waived, waivers=(waiver(), elsewhere)).state == "Waived", "waivers of other policies matter not"


def test_a_lost_floor_is_said_of_a_waived_policy_too() -> None:
    """An older release could be offered unseen, and with it the waivers of then."""
    found = report(waive((placed(),), (waiver(),), NOW), floor_lost="2026-01-01T00:00:00Z")
    assert (found.state, found.code) == ("Degraded", "EDICT0557")
    assert "waived until" in found.reason
