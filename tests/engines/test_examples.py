"""The five examples on both plugins' own engines: each flow by its name, with the verdict that its author means."""

from __future__ import annotations

from typing import Any

import pytest

from edict_agent.translate import Dialect
from tests.engines.engine import Engine, Flow, Scene, Verdict
from tests.property.world import Place, Spoken
from tests.unit.translate.placed import AGENT, NAME, examples, plan

_NAMESPACES = {name: {NAME: name} for name in ("kube-system", "payments", "ai", "shop", AGENT)}
PLACES = {
    "dns": Place("10.244.0.10", _NAMESPACES["kube-system"], {"k8s-app": "kube-dns"}),
    "payments": Place("10.244.1.1", _NAMESPACES["payments"], {"app": "payments"}),
    "ai": Place("10.244.1.2", _NAMESPACES["ai"], {"app": "ai"}),
    "shop": Place("10.244.1.3", _NAMESPACES["shop"], {"app": "shop"}),
    "shop6": Place("fd00:10:244::3", _NAMESPACES["shop"], {"app": "shop"}),
    "agent": Place("10.244.1.4", _NAMESPACES[AGENT], {"app": "edict-agent"}),
    "metadata": Place("169.254.169.254"),
    "metadata6": Place("fd00:ec2::254"),
    "processor": Place("203.0.113.10"),
    "internet": Place("192.0.2.1"),
    "openai": Place("192.0.2.2"),
    "anthropic": Place("192.0.2.3"),
    "apex": Place("192.0.2.4"),
}
NAMES = {
    "192.0.2.2": ("api.openai.com",),
    "192.0.2.3": ("deep.api.anthropic.com",),
    "192.0.2.4": ("anthropic.com",),
}
HTTPS = Spoken("tcp", 443)
HTTP = Spoken("tcp", 80)
DNS = Spoken("udp", 53)


def local(namespace: str, **directions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a NetworkPolicy for all pods of a namespace."""
    types = [direction.capitalize() for direction in directions]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "local", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": types} | directions,
    }


TO_PROCESSOR = {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}
TO_METADATA = {"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}
FROM_PAYMENTS = {"from": [{"namespaceSelector": {"matchLabels": {NAME: "payments"}}}]}
LOCAL = [
    local("payments", egress=[TO_PROCESSOR]),
    local("shop", ingress=[FROM_PAYMENTS], egress=[TO_PROCESSOR, TO_METADATA]),
    local(AGENT, egress=[]),
]
"""What the teams of three namespaces say of their own pods."""


def ask(dialect: Dialect, engine: Engine, source: str, destination: str, spoken: Spoken, *beside: Any) -> Verdict:
    """Return the engine's verdict with all examples placed, some NetworkPolicies beside them."""
    scene = Scene(tuple(PLACES.values()), [one.body for one in plan(dialect, *examples()).objects], beside, NAMES)
    answer = engine.judge(scene, [Flow(PLACES[source], PLACES[destination], spoken)])
    assert answer.rejected == ()
    return answer.verdicts[0]


@pytest.mark.parametrize(
    ("source", "destination", "spoken", "egress", "ingress"),
    [
        pytest.param("shop", "metadata", HTTP, False, None, id="metadata-is-denied"),
        pytest.param("shop6", "metadata6", HTTP, False, None, id="metadata-is-denied-over-ipv6"),
        pytest.param("dns", "metadata", HTTP, False, None, id="metadata-is-denied-to-kube-system-too"),
        pytest.param("shop", "dns", DNS, True, True, id="dns-is-allowed"),
        pytest.param("shop", "dns", Spoken("tcp", 53), True, True, id="dns-over-tcp-is-allowed"),
        pytest.param("shop", "dns", HTTP, False, True, id="nothing-else-of-dns-pods"),
        pytest.param("shop", "internet", DNS, False, None, id="no-other-dns"),
        pytest.param("shop", "payments", HTTP, False, False, id="default-deny-between-namespaces"),
        pytest.param("internet", "shop", HTTPS, None, False, id="default-deny-from-outside"),
        pytest.param("dns", "internet", HTTPS, True, None, id="kube-system-is-left-alone"),
        pytest.param("payments", "processor", HTTPS, False, None, id="payments-needs-a-policy-of-its-own"),
        pytest.param("shop", "openai", HTTPS, False, None, id="model-providers-are-for-ai-alone"),
        pytest.param("ai", "internet", HTTPS, False, None, id="ai-reaches-nothing-else"),
        pytest.param("agent", "internet", HTTPS, True, None, id="the-agent-keeps-its-way-out"),
        pytest.param("agent", "metadata", HTTP, True, None, id="the-way-out-stands-above-every-deny"),
        pytest.param("agent", "shop", HTTP, True, False, id="the-way-out-opens-nobody-else"),
    ],
)
def test_alone(  # noqa: PLR0917 - a row of the table
    dialect: Dialect,
    engine: Engine,
    source: str,
    destination: str,
    spoken: Spoken,
    egress: bool | None,  # noqa: FBT001 - same
    ingress: bool | None,  # noqa: FBT001 - same
) -> None:
    assert ask(dialect, engine, source, destination, spoken) == Verdict(egress, ingress)


@pytest.mark.parametrize(
    ("source", "destination", "spoken", "egress", "ingress"),
    [
        pytest.param("payments", "processor", HTTPS, True, None, id="payments-reaches-the-card-processor"),
        pytest.param("shop", "processor", HTTPS, False, None, id="nobody-else-whatever-its-own-policy-says"),
        pytest.param("shop", "processor", HTTP, True, None, id="only-its-port-is-forbidden"),
        pytest.param("shop", "metadata", HTTP, False, None, id="no-own-policy-opens-metadata"),
        pytest.param("payments", "shop", HTTP, False, True, id="an-own-policy-overrides-default-deny"),
        pytest.param("ai", "shop", HTTP, False, False, id="and-isolates-from-the-rest"),
        pytest.param("shop", "dns", DNS, True, True, id="dns-is-allowed-to-the-isolated"),
        pytest.param("agent", "internet", HTTPS, True, None, id="no-own-policy-closes-the-way-out"),
    ],
)
def test_beside_network_policies(  # noqa: PLR0917 - a row of the table
    dialect: Dialect,
    engine: Engine,
    source: str,
    destination: str,
    spoken: Spoken,
    egress: bool | None,  # noqa: FBT001 - same
    ingress: bool | None,  # noqa: FBT001 - same
) -> None:
    assert ask(dialect, engine, source, destination, spoken, *LOCAL) == Verdict(egress, ingress)


@pytest.mark.parametrize(
    ("destination", "spoken", "allowed"),
    [
        pytest.param("openai", HTTPS, True, id="a-name"),
        pytest.param("anthropic", HTTPS, True, id="a-wildcard-of-any-depth"),
        pytest.param("apex", HTTPS, False, id="not-the-name-above-a-wildcard"),
        pytest.param("openai", HTTP, False, id="not-another-port"),
    ],
)
def test_domain_names_on_cilium(cilium: Engine, destination: str, spoken: Spoken, *, allowed: bool) -> None:
    assert ask(Dialect.CILIUM, cilium, "ai", destination, spoken) == Verdict(allowed, None)


def test_domain_names_are_refused_on_calico_and_open_nothing(calico: Engine) -> None:
    assert ask(Dialect.CALICO, calico, "ai", "openai", HTTPS) == Verdict(egress=False, ingress=None)
