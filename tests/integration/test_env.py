"""The test environment does what a real cluster does, read by the official client that did not set it up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ForbiddenError, UnprocessibleEntityError

from tests.env import Cluster
from tests.env._wait import await_true
from tests.env.clients import dynamic_client, server_side_apply
from tests.env.fixtures import MakeCluster

pytest_plugins = ["tests.env.fixtures"]
pytestmark = pytest.mark.parts

CALICO = "projectcalico.org/v3"
CCNP = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumClusterwideNetworkPolicy",
    "metadata": {"name": "env-deny-egress"},
    "spec": {
        "endpointSelector": {"matchLabels": {"app": "env"}},
        "egressDeny": [{"toEntities": ["world"]}],
        "enableDefaultDeny": {"egress": False, "ingress": False},
    },
}
TIER = {
    "apiVersion": CALICO,
    "kind": "Tier",
    "metadata": {"name": "env"},
    "spec": {"order": 500, "defaultAction": "Pass"},
}


def global_policy(ports_need: dict[str, str]) -> dict[str, Any]:
    """Return a GlobalNetworkPolicy whose one rule has a destination port, and `ports_need` beside it."""
    rule = {"action": "Deny", "destination": {"ports": [443]}} | ports_need
    spec = {"tier": "env", "order": 10, "selector": "app == 'env'", "types": ["Egress"], "egress": [rule]}
    return {"apiVersion": CALICO, "kind": "GlobalNetworkPolicy", "metadata": {"name": "env.deny"}, "spec": spec}


def cilium_config(cluster: Cluster) -> dict[str, str]:
    maps = dynamic_client(cluster.kubeconfig).resources.get(api_version="v1", kind="ConfigMap")
    return dict(maps.get(name="cilium-config", namespace="kube-system").data.to_dict())


@pytest.fixture
def calico(calico_cluster: Cluster) -> Iterator[Any]:
    api = dynamic_client(calico_cluster.kubeconfig)
    server_side_apply(api, TIER)
    yield api
    policies = api.resources.get(api_version=CALICO, kind="GlobalNetworkPolicy")
    for policy in policies.get(label_selector="projectcalico.org/tier=env").items:
        policies.delete(name=policy.metadata.name)
    api.resources.get(api_version=CALICO, kind="Tier").delete(name="env")


def test_cilium_accepts_a_policy_by_server_side_apply_and_a_watch_shows_it(cilium_cluster: Cluster) -> None:
    api = dynamic_client(cilium_cluster.kubeconfig)
    policies = api.resources.get(api_version="cilium.io/v2", kind="CiliumClusterwideNetworkPolicy")
    before = policies.get().metadata.resourceVersion
    applied = server_side_apply(api, CCNP)
    assert applied.metadata.managedFields[0].manager == "test"
    event = next(policies.watch(resource_version=before, timeout=20))
    policies.delete(name="env-deny-egress")
    assert event["type"] == "ADDED"
    assert event["raw_object"]["spec"] == CCNP["spec"]


def test_cilium_refuses_what_its_schema_does_not_allow(cilium_cluster: Cluster) -> None:
    wrong = CCNP | {"spec": {"endpointSelector": {}, "egressDeny": [{"toEntities": ["nonsense"]}]}}
    with pytest.raises(UnprocessibleEntityError, match="toEntities"):
        server_side_apply(dynamic_client(cilium_cluster.kubeconfig), wrong)


def test_the_cilium_configuration_is_that_of_a_default_install(cilium_cluster: Cluster) -> None:
    data = cilium_config(cilium_cluster)
    assert (data["enable-policy"], data["cluster-name"], data["enable-ipv4"]) == ("default", "default", "true")
    assert "enable-k8s-cluster-network-policy" not in data


def test_tiers_of_cilium_are_there_when_asked_for(make_cluster: MakeCluster) -> None:
    on = {"enable-k8s-cluster-network-policy": "true"}
    cluster = make_cluster("cilium", cnp_crd="experimental", cilium_config=on)
    data = cilium_config(cluster)
    assert data.items() >= on.items()
    served = dynamic_client(cluster.kubeconfig).resources.get(
        api_version="policy.networking.k8s.io/v1alpha2", kind="ClusterNetworkPolicy"
    )
    assert served.get().items == []


def test_calico_accepts_a_tier_and_a_policy_by_server_side_apply(calico: Any) -> None:
    server_side_apply(calico, global_policy({"protocol": "TCP"}))
    read = calico.resources.get(api_version=CALICO, kind="GlobalNetworkPolicy").get(name="env.deny")
    assert read.spec.tier == "env"
    assert read.metadata.labels["projectcalico.org/tier"] == "env"


def test_calicos_own_validation_refuses_ports_without_a_protocol(calico: Any) -> None:
    with pytest.raises(ApiException, match="protocol"):
        server_side_apply(calico, global_policy({}))


def test_the_calico_cluster_has_the_defaults_of_an_install(calico_cluster: Cluster) -> None:
    resources = dynamic_client(calico_cluster.kubeconfig).resources
    tiers = {tier.metadata.name: tier.spec.order for tier in resources.get(api_version=CALICO, kind="Tier").get().items}
    assert (
        tiers.items()
        >= {"adminnetworkpolicy": 1000, "default": 1000000, "baselineadminnetworkpolicy": 10000000}.items()
    )
    version = resources.get(api_version=CALICO, kind="ClusterInformation").get(name="default").spec.calicoVersion
    assert version == "v3.31.0"
    pools = resources.get(api_version=CALICO, kind="IPPool").get().items
    assert [pool.spec.cidr for pool in pools] == ["10.244.0.0/16"]


@pytest.mark.parametrize("shared", ["cilium_cluster", "calico_cluster"])
def test_rbac_lets_a_service_account_do_only_what_it_was_given(shared: str, request: pytest.FixtureRequest) -> None:
    cluster: Cluster = request.getfixturevalue(shared)
    version, kind = ("cilium.io/v2", "CiliumNetworkPolicy") if cluster.kind == "cilium" else (CALICO, "Tier")
    nobody, somebody = (
        dynamic_client(cluster.kubeconfig_for("env-rbac", name)).resources.get(api_version=version, kind=kind)
        for name in ("nobody", "somebody")
    )
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [nobody.group], "resources": [nobody.name], "verbs": ["list"]}
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "env-rbac"}}
    subject = {"kind": "ServiceAccount", "name": "somebody", "namespace": "env-rbac"}
    admin = dynamic_client(cluster.kubeconfig)
    server_side_apply(admin, role | {"rules": [rule]})
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": "env-rbac"}
    server_side_apply(admin, role | {"kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]})

    def allowed() -> bool:
        try:
            return bool(somebody.get().kind == f"{kind}List")
        except ForbiddenError:
            return False

    await_true(allowed, subject="RBAC", what="the granted right", timeout=15)  # the authorizer follows by a watch
    with pytest.raises(ForbiddenError, match="system:serviceaccount:env-rbac:nobody"):
        nobody.get()
    with pytest.raises(ForbiddenError, match="cannot delete"):
        somebody.delete(name="anything", **({} if cluster.kind == "calico" else {"namespace": "default"}))
