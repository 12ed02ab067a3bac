from __future__ import annotations

from typing import Any

import yaml

from edict.errors import DocumentError
from edict.ids import Digest, digest_of
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.parse import load_one
from edict_agent.desired import Desired, desire
from edict_agent.sync.judge import Placed
from edict_agent.translate import Dialect, Facts, RenderedObject, Translator
from tests.integration.agent.federation import policy

FACTS = Facts("cilium", "1.20.2", ("10.0.0.0/8",), (), {}, "default")


def placed(name: str, *, log: bool = False, priority: int = 10, **changes: Any) -> Placed:
    plain = policy(name, priority=priority, **changes)
    plain["spec"]["policy"]["egress"][0]["log"] = log
    content = yaml.safe_dump(plain).encode()
    document = load_one(content, name)
    assert isinstance(document, FederatedNetworkPolicy)
    return Placed("payments", name, digest_of(content), document)


def plan(*policies: Placed, before: dict[str, Placed] | None = None, translator: Translator | None = None) -> Desired:
    def standing(policy: str) -> tuple[Digest, FederatedNetworkPolicy] | None:
        found = (before or {}).get(policy)
        return (found.digest, found.document) if found and found.document else None

    return desire(translator or Translator(Dialect.CILIUM, FACTS, "edict-system"), policies, standing)


def bodies(desired: Desired, policy: str) -> list[dict[str, Any]]:
    return [each.body["spec"] for each in desired.plan.objects if each.policy == policy]


def test_what_can_be_said_is_planned() -> None:
    desired = plan(placed("a"), placed("b", priority=11))
    assert not desired.outcomes["payments/a"].refused
    assert desired.standing == desired.documents
    assert not desired.kept


def test_in_place_of_a_refused_document_its_previous_one_stays() -> None:
    old, new = placed("a"), placed("a", log=True)
    desired = plan(new, before={"payments/a": old})
    outcome = desired.outcomes["payments/a"]
    assert outcome.refused
    assert outcome.code == "EDICT0515"
    assert desired.standing == {"payments/a": old.digest}
    assert desired.documents == {"payments/a": new.digest}
    assert bodies(desired, "payments/a") == bodies(plan(old), "payments/a")


def test_from_release_to_release_only_what_changed_is_translated_again() -> None:
    kept = Translator(Dialect.CILIUM, FACTS, "edict-system")
    old, beside = placed("a"), placed("b", priority=11)
    first = plan(old, beside, translator=kept)
    new, refused = placed("a", priority=12), placed("a", log=True)
    for policies in ((new, beside), (refused, beside), (old, beside), (beside,)):
        before = {"payments/a": old}
        again = plan(*policies, before=before, translator=kept)
        assert again == plan(*policies, before=before)
        assert _object(again, "payments/b") is _object(first, "payments/b")


def _object(desired: Desired, policy: str) -> RenderedObject:
    return next(each for each in desired.plan.objects if each.policy == policy)


def test_a_refused_document_without_a_previous_one_has_no_objects() -> None:
    desired = plan(placed("a", log=True), placed("b", priority=11))
    assert not bodies(desired, "payments/a")
    assert bodies(desired, "payments/b")
    assert "payments/a" not in desired.standing


def test_when_neither_can_be_said_what_stands_is_kept_as_it_is() -> None:
    old, new = placed("a", log=True, cidr="203.0.113.0/24"), placed("a", log=True)
    desired = plan(new, before={"payments/a": old})
    assert desired.kept == {"payments.a"}
    assert not bodies(desired, "payments/a")


def test_a_document_that_cannot_be_read_leaves_the_previous_one() -> None:
    old = placed("a")
    unread = Placed("payments", "a", Digest("0" * 64), None, DocumentError(107, "unknown field"))
    desired = plan(unread, before={"payments/a": old})
    assert desired.outcomes["payments/a"].code == "EDICT0107"
    assert desired.standing == {"payments/a": old.digest}


EVERYTHING = {"networks": ["0.0.0.0/0", "::/0"]}
NAMESPACES = Facts(namespaces={"a": {}})


def local(name: str, tier: str, action: str, peer: dict[str, Any], *, log: bool = False) -> Placed:
    plain = policy(name)
    plain["spec"]["policy"] |= {
        "tier": tier,
        "egress": [{"action": action, "to": [peer], "log": log}],
    }
    content = yaml.safe_dump(plain).encode()
    document = load_one(content, name)
    assert isinstance(document, FederatedNetworkPolicy)
    return Placed("payments", name, digest_of(content), document)


def on_network_policies(*policies: Placed, before: dict[str, Placed]) -> Desired:
    def standing(of: str) -> tuple[Digest, FederatedNetworkPolicy] | None:
        found = before.get(of)
        return (found.digest, found.document) if found and found.document else None

    return desire(Translator(Dialect.NETWORK_POLICY, NAMESPACES, "edict-system"), policies, standing)


CLOSED = local("closed", "Baseline", "Deny", EVERYTHING)
DNS = local("dns", "Admin", "Accept", {"namespaces": {}})


def test_a_policy_that_hangs_on_a_refused_one_is_judged_again_with_what_stands_in_its_place() -> None:
    worse = local("closed", "Baseline", "Deny", EVERYTHING, log=True)
    newer = local("dns", "Admin", "Accept", {"namespaces": {"matchLabels": {"app": "web"}}})
    desired = on_network_policies(worse, newer, before={"payments/closed": CLOSED, "payments/dns": DNS})
    assert desired.outcomes["payments/closed"].code == "EDICT0515"
    assert not desired.outcomes["payments/dns"].refused
    assert desired.standing == {"payments/closed": CLOSED.digest, "payments/dns": newer.digest}
    assert not desired.kept


def test_without_what_it_hangs_on_a_policy_is_refused_and_what_stands_of_it_stays() -> None:
    desired = on_network_policies(DNS, before={"payments/closed": CLOSED, "payments/dns": DNS})
    assert desired.outcomes["payments/dns"].code == "EDICT0531"
    assert desired.kept == {"payments.dns"}
