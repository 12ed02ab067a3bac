"""Selectors by labels that Cilium does not see, where there may be a Cilium."""

from __future__ import annotations

import pytest

from edict.policy.checks import unseen_labels
from edict.policy.cilium_labels import is_identity_label, sees_namespace_label, sees_pod_label
from tests.unit.policy.sources import INVENTORY, made, prod

ZONE = "topology.kubernetes.io/zone"


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("app", True),
        ("team.example/owner", True),
        ("app.kubernetes.io/name", True),
        ("kubernetes.io/os", False),
        (ZONE, False),
        ("k8s.io/x", False),
        ("node.kubernetes.io/x", True),
        ("failure-domain.beta.kubernetes.io/zone", False),
        ("beta.kubernetes.io/arch", False),
        ("pod-template-hash", False),
        ("my-pod-template-hash", True),
        ("controller-uid", False),
        ("annotation.x", False),
        ("annotations", False),
        ("my/annotation", True),
        ("etcd_node", False),
        ("statefulset.kubernetes.io/pod-name", False),
        ("apps.kubernetes.io/pod-index", False),
        ("batch.kubernetes.io/job-name", True),
        ("batch.kubernetes.io/controller-uid", False),
        ("io.cilium.k8s.policy.cluster", True),
        ("io.kubernetes.pod.namespace", True),
        ("io.kubernetes.pod.name", False),
    ],
)
def test_the_filter_of_cilium(key: str, *, known: bool) -> None:
    assert is_identity_label(key) is known


@pytest.mark.parametrize(
    ("key", "of_namespace", "of_pod"),
    [
        ("kubernetes.io/metadata.name", True, False),
        (ZONE, True, False),
        ("failure-domain.beta.kubernetes.io/zone", False, False),
        ("io.cilium.k8s.policy.cluster", True, False),
        ("app", True, True),
    ],
)
def test_labels_of_namespaces_pass_by_their_prefix(key: str, *, of_namespace: bool, of_pod: bool) -> None:
    assert sees_namespace_label(key) is of_namespace
    assert sees_pod_label(key) is of_pod


def pods(key: str) -> str:
    return f"egress: [{{action: Deny, to: [{{pods: {{podSelector: {{matchLabels: {{{key}: x}}}}}}}}]}}]"


def test_a_selector_by_an_unseen_label_is_told_with_its_place() -> None:
    (finding,) = unseen_labels([made("p", pods(ZONE))], INVENTORY)
    assert finding.code == "EDICT0143"
    assert f"the label {ZONE}" in finding.what
    assert f"spec.policy.egress[0].to[0].pods.podSelector.matchLabels.{ZONE} f.yaml:" in finding.where


@pytest.mark.parametrize(
    ("on", "told"), [("{}", True), (prod(), True), (prod("test"), False), (prod("nowhere"), False)]
)
def test_it_matters_where_a_cluster_runs_cilium(on: str, *, told: bool) -> None:
    assert bool(list(unseen_labels([made("p", pods(ZONE), on=on)], INVENTORY))) is told


def test_it_matters_where_nobody_knows_the_clusters() -> None:
    assert list(unseen_labels([made("p", pods(ZONE), on=prod("test"))], []))
    assert not list(unseen_labels([made("p", pods("app"), on=prod("test"))], []))


BETA = "x.beta.kubernetes.io/zone"
BY_EXPRESSION = f"{{matchExpressions: [{{key: {BETA}, operator: Exists}}]}}"


@pytest.mark.parametrize(
    ("to", "path"),
    [
        (f"{{namespaces: {{matchLabels: {{{BETA}: x}}}}}}", f"namespaces.matchLabels.{BETA}"),
        (
            f"{{pods: {{podSelector: {{}}, namespaceSelector: {BY_EXPRESSION}}}}}",
            "pods.namespaceSelector.matchExpressions[0].key",
        ),
        (
            f"{{serviceAccounts: {{names: [a], namespaceSelector: {{matchLabels: {{{BETA}: x}}}}}}}}",
            f"serviceAccounts.namespaceSelector.matchLabels.{BETA}",
        ),
        (
            f"{{clusters: {{names: [a], pods: {{podSelector: {{matchLabels: {{{BETA}: x}}}}}}}}}}",
            f"clusters.pods.podSelector.matchLabels.{BETA}",
        ),
    ],
)
def test_every_kind_of_selector_is_looked_at(to: str, path: str) -> None:
    (finding,) = unseen_labels([made("p", f"egress: [{{action: Deny, to: [{to}]}}]")], [])
    assert f"egress[0].to[0].{path} " in finding.where


def test_the_subject_and_ingress_are_looked_at() -> None:
    ingress = pods("app").replace("egress", "ingress").replace("to:", "from:")
    (finding,) = unseen_labels([made("p", ingress, subject=f"{{matchLabels: {{{BETA}: x}}}}")], [])
    assert f"spec.policy.subject.namespaces.matchLabels.{BETA} " in finding.where
    (finding,) = unseen_labels([made("p", ingress.replace("app", ZONE))], [])
    assert "ingress[0].from[0].pods.podSelector" in finding.where


def test_nodes_keep_their_labels() -> None:
    nodes = f"egress: [{{action: Deny, to: [{{nodes: {{matchLabels: {{{ZONE}: x}}}}}}]}}]"
    assert not list(unseen_labels([made("p", nodes)], []))
