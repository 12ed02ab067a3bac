"""A label that a policy selects by is found by the plugin, or the policy is refused; never does it match wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from edict_agent.translate import Dialect
from tests.engines.engine import Engine, Flow, Scene
from tests.property.world import Place, Spoken
from tests.unit.translate.placed import NAME, namespace, outcome, plan, policy, rule

KEYS = (
    "app",
    "team.example.com/name",
    "app.kubernetes.io/name",
    "app.kubernetes.io",
    "app.kubernetes.iox/name",
    "kubernetes.io/os",
    "kubernetes.io/metadata.name",
    "my.kubernetes.io/zone",
    "topology.kubernetes.io/zone",
    "beta.kubernetes.io/arch",
    "k8s.io/x",
    "k8s.iox",
    "k8s-app",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.x",
    "io.cilium.k8s.namespace.labels.app",
    "io.cilium.k8s.policy.cluster",
    "io.cilium.k8s.policy.serviceaccount",
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "controller-uid",
    "annotation.x",
    "annotations",
    "etcd_node",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "apps.kubernetes.io/other",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "reserved/host",
    "any/x",
    "cidr/x",
    "projectcalico.org/namespace",
    "projectcalico.org/orchestrator",
    "pcns.app",
)
X = {NAME: "x"}
TCP = Spoken("tcp", 80)


def denied(dialect: Dialect, engine: Engine, peer: dict[str, Any], places: tuple[Place, ...]) -> list[bool] | None:
    """Return to which places a Deny to the peer closes the way from a pod of x; None where it is refused."""
    closed = policy(subject={"namespaces": namespace("x")}, egress=(rule("Deny", peer),))
    if outcome(dialect, closed).refused:
        return None
    source = Place("10.244.0.1", X, {})
    scene = Scene((source, *places), [one.body for one in plan(dialect, closed).objects])
    answer = engine.judge(scene, [Flow(source, place, TCP) for place in places])
    assert answer.rejected == ()
    return [verdict.egress is False for verdict in answer.verdicts]


def requirement(key: str, operator: str) -> dict[str, Any]:
    """Return a selector of one requirement."""
    values = {"values": ["v"]} if operator in {"In", "NotIn"} else {}
    return {"matchExpressions": [{"key": key, "operator": operator} | values]}


@pytest.mark.parametrize("operator", ["In", "NotIn", "Exists", "DoesNotExist"])
@pytest.mark.parametrize("key", KEYS)
def test_labels_of_pods(dialect: Dialect, engine: Engine, key: str, operator: str) -> None:
    peer = {"pods": {"namespaceSelector": {}, "podSelector": requirement(key, operator)}}
    places = (Place("10.244.0.2", X, {key: "v"}), Place("10.244.0.3", X, {}))
    found = denied(dialect, engine, peer, places)
    selected = operator in {"In", "Exists"}
    assert found in (None, [selected, not selected])


@pytest.mark.parametrize("operator", ["In", "NotIn", "Exists", "DoesNotExist"])
@pytest.mark.parametrize("key", [key for key in KEYS if key != NAME])
def test_labels_of_namespaces(dialect: Dialect, engine: Engine, key: str, operator: str) -> None:
    peer = {"namespaces": requirement(key, operator)}
    places = (Place("10.244.0.2", {NAME: "y", key: "v"}, {}), Place("10.244.0.3", {NAME: "z"}, {}))
    found = denied(dialect, engine, peer, places)
    selected = operator in {"In", "Exists"}
    assert found in (None, [selected, not selected])


def test_usual_labels_are_not_refused(dialect: Dialect, engine: Engine) -> None:
    for key in ("app", "team.example.com/name", "app.kubernetes.io/name", "k8s-app"):
        for peer in (
            {"pods": {"namespaceSelector": {}, "podSelector": requirement(key, "In")}},
            {"namespaces": requirement(key, "In")},
        ):
            assert denied(dialect, engine, peer, ()) == [], (key, peer)
