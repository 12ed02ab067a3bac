"""HTTP requests in Cilium: what becomes of them, and what Cilium cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect, Facts, PlacedPolicy, PolicyPlan
from tests.unit.translate.placed import EVERYBODY, EVERYTHING, FACTS, lenient, objects, policy, rule, tcp
from tests.unit.translate.placed import outcome as outcome_on
from tests.unit.translate.placed import spec as spec_on

GET = {"methods": ["GET"]}


def outcome(*policies: PlacedPolicy, facts: Facts = FACTS) -> PolicyPlan:
    return outcome_on(Dialect.CILIUM, *policies, facts=facts)


def spec(*policies: PlacedPolicy) -> Any:
    return spec_on(Dialect.CILIUM, *policies)


def requests(*https: dict[str, Any], ports: tuple[dict[str, Any], ...] = (tcp(80),)) -> dict[str, Any]:
    return rule("Accept", EVERYBODY, http=list(https), **({"protocols": list(ports)} if ports else {}))


def test_requests_become_rules_of_the_proxy() -> None:
    https = (
        {"methods": ["GET", "HEAD"], "paths": ["/a.b", "/c"], "hosts": ["a.example", "b.example:8080"]},
        {"paths": ["/health"]},
    )
    body = spec(lenient(policy(ingress=(requests(*https, ports=(tcp(80), tcp(8080))),))))
    (made,) = body["ingress"]
    assert made["toPorts"] == [
        {
            "ports": [{"port": "80", "protocol": "TCP"}, {"port": "8080", "protocol": "TCP"}],
            "rules": {
                "http": [
                    {
                        "method": "GET|HEAD",
                        "path": r"(/a\.b|/c)([?#].*)?",
                        "host": r"(?i)(a\.example|b\.example:8080)(:[0-9]+)?",
                    },
                    {"path": "/health([?#].*)?"},
                ]
            },
        }
    ]


@pytest.mark.parametrize("action", ["Refuse", "Stricter"])
def test_requests_are_stricter_for_what_is_no_http(action: str) -> None:
    one = policy(ingress=(requests(GET),))
    told = outcome(lenient(one) if action == "Stricter" else one)
    assert told.refused == (action == "Refuse")
    assert (told.rules[0].fidelity, told.rules[0].code) == (Fidelity.APPROXIMATE, "EDICT0514")


@pytest.mark.parametrize(
    ("one", "facts", "code"),
    [
        (requests(GET, ports=()), FACTS, "EDICT0514"),
        (requests(GET, ports=({"tcp": {}},)), FACTS, "EDICT0514"),
        (requests({"paths": ["/a?b"]}), FACTS, "EDICT0514"),
        (requests(GET), replace(FACTS, options={"enable-l7-proxy": "false"}), "EDICT0524"),
    ],
)
def test_requests_that_cilium_does_not_match_are_refused(one: dict[str, Any], facts: Facts, code: str) -> None:
    told = outcome(lenient(policy(ingress=(one,))), facts=facts)
    assert (told.refused, told.rules[0].fidelity, told.code) == (True, Fidelity.UNSUPPORTED, code)


@pytest.mark.parametrize("later", [rule("Deny", EVERYBODY), rule("Deny", EVERYTHING, protocols=[tcp(80)])])
def test_no_deny_can_have_the_other_requests(later: dict[str, Any]) -> None:
    told = outcome(lenient(policy(ingress=(requests(GET), later))))
    assert [(one.fidelity, one.code) for one in told.rules] == [
        (Fidelity.APPROXIMATE, "EDICT0514"),
        (Fidelity.UNSUPPORTED, "EDICT0520"),
    ]
    first = lenient(policy(name="requests", priority=1, ingress=(requests(GET),)))
    assert outcome(first, policy(name="deny", priority=2, ingress=(later,))).code == "EDICT0520"


def test_a_deny_of_other_ports_does_not_mind_requests() -> None:
    body = spec(lenient(policy(ingress=(requests(GET), rule("Deny", EVERYBODY, protocols=[tcp(81)])))))
    assert body["ingressDeny"][0]["toPorts"] == [{"ports": [{"port": "81", "protocol": "TCP"}]}]


def test_cilium_tiers_say_requests_behind_all_tiers() -> None:
    known = [one.kind for one in objects(Dialect.CILIUM_TIERS, lenient(policy(ingress=(requests(GET),))))]
    assert known == ["CiliumClusterwideNetworkPolicy"]


def test_cilium_tiers_take_back_requests_by_default_deny_alone() -> None:
    accepted = lenient(policy(name="requests", ingress=(requests(GET),)))
    closed = policy(name="baseline", tier="Baseline", ingress=(rule("Deny", EVERYTHING),))
    assert outcome_on(Dialect.CILIUM_TIERS, accepted, closed).code == ""
    some = policy(name="baseline", tier="Baseline", ingress=(rule("Deny", EVERYBODY),))
    assert outcome_on(Dialect.CILIUM_TIERS, accepted, some).code == "EDICT0520"
    assert outcome_on(Dialect.CILIUM_TIERS, some).code == ""
