"""A bare ClusterNetworkPolicy is wrapped with its spec unchanged."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.documents import FederatedNetworkPolicy, Placement
from edict.policy.model import LabelSelector
from edict.policy.parse import is_bare_upstream, load_one, parse_document, to_yaml, wrap_upstream
from tests.unit.policy.documents import BASE, UPSTREAM, changed

PROD = Placement(cluster_selector=LabelSelector(match_labels={"env": "prod"}))


def test_what_is_wrapped_is_what_would_be_signed() -> None:
    document = wrap_upstream(UPSTREAM, "f.yaml", PROD, controls=("CIS:5.3.2",)).document
    data = to_yaml(document)
    assert load_one(data, "g.yaml") == document
    assert isinstance(document, FederatedNetworkPolicy)
    assert document.metadata.name == "from-upstream"
    assert document.metadata.annotations == {"owner": "network"}
    assert document.spec.placement == PROD
    assert document.spec.controls == ("CIS:5.3.2",)
    assert b"uid" not in data
    assert b"status" not in data


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("tier: Admin", "teir: Admin", "spec.teir f.yaml:10"),
        ("10.0.0.0/8", "10.0.0.1/8", "spec.egress[0].to[0].networks[0] f.yaml:17"),
        ("status:", "extra:", "extra f.yaml:18"),
        ("uid:", "namespace:", "metadata.namespace f.yaml:5"),
        ("name: from-upstream", "name: from.upstream", "metadata.name f.yaml:4"),
        ("  priority: 10\n", "", "spec f.yaml:9"),
        ("spec:", "sepc:", "f.yaml:1"),
        ("v1alpha2", "v1alpha1", "apiVersion f.yaml:1"),
    ],
)
def test_errors_point_into_the_manifest(old: str, new: str, where: str) -> None:
    with pytest.raises(DocumentError) as caught:
        wrap_upstream(changed(old, new, UPSTREAM), "f.yaml", PROD)
    assert caught.value.where.startswith("ClusterNetworkPolicy from")
    assert caught.value.where.endswith(where)
    assert "spec.policy" not in caught.value.remedy


def test_what_is_found_later_points_into_the_manifest() -> None:
    parsed = wrap_upstream(UPSTREAM, "f.yaml", PROD)
    where = parsed.origin.where("FederatedNetworkPolicy from-upstream", "spec.policy.egress[0]")
    assert where == "ClusterNetworkPolicy from-upstream spec.egress[0] f.yaml:15"


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("NetworkPolicy", "networking.k8s.io/v1"),
        ("AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1"),
        ("BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1"),
    ],
)
def test_other_languages_are_told_ours(kind: str, version: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{}}\n", "f.yaml")
    assert caught.value.code == "EDICT0105"
    assert "ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2" in caught.value.remedy


@pytest.mark.parametrize("data", [BASE, f"{UPSTREAM}---\n{UPSTREAM}", "a: b"])
def test_only_one_upstream_manifest_is_wrapped(data: str) -> None:
    assert not is_bare_upstream(data, "f.yaml")
    with pytest.raises(DocumentError, match="is not one ClusterNetworkPolicy"):
        wrap_upstream(data, "f.yaml", PROD)
