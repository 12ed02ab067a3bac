"""The charts on real API servers: every object is accepted, and the agent's rights are enough and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ForbiddenError, NotFoundError

from edict_agent.detect import Detected, detect
from edict_agent.kube import connect
from edict_agent.translate import Dialect
from tests.deploy.charts import (
    AGENT_CALICO,
    AGENT_CILIUM,
    AGENT_CLUSTER_NETWORK_POLICY,
    AGENT_NETWORK_POLICY,
    CASES,
    NAMESPACE,
    Case,
    Manifest,
    of_kind,
    pod_templates,
)
from tests.env import Cluster
from tests.env.clients import dynamic_client, server_side_apply

pytestmark = pytest.mark.parts

RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
OPERATORS = {"ServiceMonitor", "PodMonitor"}
"""Kinds of the Prometheus operator, which these clusters do not serve."""
CALICO = "projectcalico.org/v3"


def manifest(version: str, kind: str, name: str, spec: Manifest | None = None, **rest: Any) -> Manifest:
    """Return an object; `namespace` goes to its metadata."""
    metadata = {"name": name} | ({"namespace": rest.pop("namespace")} if "namespace" in rest else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest} | ({"spec": spec} if spec else {})


CCNP = manifest(
    "cilium.io/v2",
    "CiliumClusterwideNetworkPolicy",
    "deploy-test",
    {"endpointSelector": {"matchLabels": {"app": "deploy-test"}}, "egress": [{"toEntities": ["world"]}]},
)

CNP = manifest(
    "policy.networking.k8s.io/v1alpha2",
    "ClusterNetworkPolicy",
    "deploy-test",
    {"tier": "Admin", "priority": 1, "subject": {"namespaces": {"matchLabels": {"app": "deploy-test"}}}},
)
NETWORK_POLICY = manifest(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    "deploy-test",
    {"podSelector": {"matchLabels": {"app": "x"}}},
    namespace="default",
)


def tier(name: str) -> Manifest:
    return manifest(CALICO, "Tier", name, {"order": 500, "defaultAction": "Pass"})


def policy(of: str) -> Manifest:
    spec = {"tier": of, "order": 10, "selector": "app == 'x'", "types": ["Egress"], "egress": [{"action": "Pass"}]}
    return manifest(CALICO, "GlobalNetworkPolicy", f"{of}.deploy-test", spec)


NETWORK_SET = manifest(CALICO, "GlobalNetworkSet", "deploy-test", {"nets": ["192.0.2.0/24"]})


def remove(api: Any, item: Manifest) -> None:
    resource = api.resources.get(api_version=item["apiVersion"], kind=item["kind"])
    resource.delete(name=item["metadata"]["name"], namespace=item["metadata"].get("namespace"))


@pytest.fixture(scope="module")
def admin(cilium_cluster: Cluster) -> Any:
    """The administrator of the Cilium cluster, with the charts' namespace."""
    api = dynamic_client(cilium_cluster.kubeconfig)
    server_side_apply(api, namespace_object())
    return api


def namespace_object() -> Manifest:
    found = manifest("v1", "Namespace", NAMESPACE)
    found["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
    return found


def install(cluster: Cluster, case: Case) -> Iterator[Any]:
    """Give the cluster the chart's rights; yield a client that acts as the agent; take the rights away again."""
    api = dynamic_client(cluster.kubeconfig)
    server_side_apply(api, namespace_object())
    rights = of_kind(case.render(), *RIGHTS)
    for item in rights:
        server_side_apply(api, item, manager="helm")
    yield dynamic_client(cluster.kubeconfig_for(NAMESPACE, "edict-agent"))
    for item in rights:
        remove(api, item)


@pytest.fixture(scope="module")
def on_cilium(cilium_cluster: Cluster) -> Iterator[Any]:
    yield from install(cilium_cluster, AGENT_CILIUM)


@pytest.fixture(scope="module")
def on_calico(calico_cluster: Cluster) -> Iterator[Any]:
    yield from install(calico_cluster, AGENT_CALICO)


@pytest.fixture(scope="module")
def on_upstream(upstream_cluster: Cluster) -> Iterator[Any]:
    yield from install(upstream_cluster, AGENT_CLUSTER_NETWORK_POLICY)


@pytest.fixture(scope="module")
def on_plain(plain_cluster: Cluster) -> Iterator[Any]:
    yield from install(plain_cluster, AGENT_NETWORK_POLICY)


@pytest.fixture
def calico_admin(calico_cluster: Cluster) -> Any:
    return dynamic_client(calico_cluster.kubeconfig)


def apply_as_agent(api: Any, item: Manifest) -> Any:
    resource = api.resources.get(api_version=item["apiVersion"], kind=item["kind"])
    return resource.server_side_apply(
        body=item,
        namespace=item["metadata"].get("namespace"),
        field_manager="edict-agent",
        force_conflicts=True,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.chart}-{case.name}")
def test_the_api_server_accepts_every_object(admin: Any, case: Case) -> None:
    for item in case.render():
        if item["kind"] in OPERATORS:
            continue
        resource = admin.resources.get(api_version=item["apiVersion"], kind=item["kind"])
        namespace = item["metadata"].get("namespace")
        done = resource.server_side_apply(
            body=item,
            namespace=namespace,
            field_manager="helm",
            dry_run="All",
            query_params=[("fieldValidation", "Strict")],
        )
        assert done.metadata.name == item["metadata"]["name"]
        if item["kind"] in {"Deployment", "Service"}:
            with pytest.raises(NotFoundError):  # it was a dry run
                resource.get(name=item["metadata"]["name"], namespace=namespace)


def run_pod(admin: Any, template: Manifest) -> None:
    """Create the template's Pod, dry; raises what admission says."""
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] = {**template["metadata"], "name": "deploy-test"}
    pods = admin.resources.get(api_version="v1", kind="Pod")
    pods.create(body=pod, namespace=NAMESPACE, query_params=[("dryRun", "All")])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.chart}-{case.name}")
def test_the_pods_run_where_only_restricted_ones_may(admin: Any, case: Case) -> None:
    for template in pod_templates(case.render()):
        template["spec"].pop("priorityClassName", None)  # made by a controller that is not here
        run_pod(admin, template)
        template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        with pytest.raises(ForbiddenError, match="violates PodSecurity"):
            run_pod(admin, template)


def test_the_agent_keeps_its_own_objects(on_cilium: Any) -> None:
    secrets = on_cilium.resources.get(api_version="v1", kind="Secret")
    for name in ("edict-agent-identity", "edict-agent-state", "edict-agent-state-a-0", "edict-agent-state-b-63"):
        secret = manifest("v1", "Secret", name, namespace=NAMESPACE, stringData={"key": "one"})
        apply_as_agent(on_cilium, secret)
        live = secrets.get(name=name, namespace=NAMESPACE).to_dict()
        secrets.replace(body={**live, "data": {"key": "dHdv"}}, namespace=NAMESPACE)
    apply_as_agent(on_cilium, manifest("v1", "ConfigMap", "edict-agent-status", namespace=NAMESPACE, data={"a": "b"}))
    leases = on_cilium.resources.get(api_version="coordination.k8s.io/v1", kind="Lease")
    lease = manifest(leases.group_version, "Lease", "edict-agent", {"holderIdentity": "one"}, namespace=NAMESPACE)
    leases.create(body=lease, namespace=NAMESPACE)
    live = leases.get(name="edict-agent", namespace=NAMESPACE).to_dict()
    leases.replace(body={**live, "spec": {"holderIdentity": "two"}}, namespace=NAMESPACE)
    assert leases.get(name="edict-agent", namespace=NAMESPACE).spec.holderIdentity == "two"


def test_the_agent_writes_what_it_renders_for_cilium(on_cilium: Any) -> None:
    for order in ("world", "cluster"):
        CCNP["spec"]["egress"] = [{"toEntities": [order]}]
        apply_as_agent(on_cilium, CCNP)
    kind = on_cilium.resources.get(api_version=CCNP["apiVersion"], kind=CCNP["kind"])
    found = kind.get(name="deploy-test")
    assert found.spec.egress[0].toEntities == ["cluster"]
    gone = [{"op": "remove", "path": "/spec/egress/0/toEntities/0"}]
    kind.patch(name="deploy-test", body=gone, content_type="application/json-patch+json")
    remove(on_cilium, CCNP)
    with pytest.raises(NotFoundError):
        kind.get(name="deploy-test")


def test_the_agent_reads_how_cilium_is_configured(on_cilium: Any) -> None:
    for version, kind, name in (("v1", "ConfigMap", "cilium-config"), ("apps/v1", "DaemonSet", "cilium")):
        resource = on_cilium.resources.get(api_version=version, kind=kind)
        assert resource.get(name=name, namespace="kube-system").metadata.name == name
    assert on_cilium.resources.get(api_version="v1", kind="Node").get().kind == "NodeList"


def test_the_agent_writes_what_it_renders_for_calico(on_calico: Any) -> None:
    made = [tier("edict-admin"), tier("edict-baseline"), NETWORK_SET, policy("edict-admin"), policy("edict-baseline")]
    for item in made:
        apply_as_agent(on_calico, item)
    try:
        for item in made:
            item["metadata"]["annotations"] = {"changed": "yes"}
            assert apply_as_agent(on_calico, item).metadata.annotations.changed == "yes"
        for kind in ("Tier", "GlobalNetworkSet", "GlobalNetworkPolicy", "IPPool", "ClusterInformation"):
            names = {item.metadata.name for item in on_calico.resources.get(api_version=CALICO, kind=kind).get().items}
            assert names >= {item["metadata"]["name"] for item in made if item["kind"] == kind}
    finally:
        for item in reversed(made):
            remove(on_calico, item)


def may_write(api: Any, item: Manifest) -> None:
    """Apply, change, cut and remove an object, and find it in its list, as the agent does."""
    kind = api.resources.get(api_version=item["apiVersion"], kind=item["kind"])
    where = {"name": "deploy-test", "namespace": item["metadata"].get("namespace")}
    apply_as_agent(api, item)
    changed = {**item, "metadata": {**item["metadata"], "annotations": {"changed": "yes"}}}
    assert apply_as_agent(api, changed).metadata.annotations.changed == "yes"
    assert "deploy-test" in {each.metadata.name for each in kind.get().items}
    gone = [{"op": "remove", "path": "/metadata/annotations/changed"}]
    kind.patch(**where, body=gone, content_type="application/json-patch+json")
    remove(api, item)
    with pytest.raises(NotFoundError):
        kind.get(**where)


def test_the_agent_writes_cluster_network_policies_and_no_others(on_upstream: Any) -> None:
    may_write(on_upstream, CNP)
    with pytest.raises(ForbiddenError):
        apply_as_agent(on_upstream, NETWORK_POLICY)
    with pytest.raises(ForbiddenError):
        on_upstream.resources.get(api_version="v1", kind="Namespace").get()


def test_the_agent_writes_network_policies_and_reads_the_namespaces(on_plain: Any) -> None:
    may_write(on_plain, NETWORK_POLICY)
    namespaces = on_plain.resources.get(api_version="v1", kind="Namespace")
    assert "default" in {each.metadata.name for each in namespaces.get().items}
    with pytest.raises(ForbiddenError):
        namespaces.patch(name="default", body={"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(ForbiddenError):
        on_plain.resources.get(api_version="v1", kind="Pod").get()


async def detected(cluster: Cluster) -> Detected:
    """Return what the agent finds out with the rights that it has."""
    kube = connect(cluster.kubeconfig_for(NAMESPACE, "edict-agent"))
    try:
        return await detect(kube)
    finally:
        await kube.aclose()


@pytest.mark.usefixtures("on_upstream")
async def test_the_agent_learns_what_cluster_network_policies_hold_here(upstream_cluster: Cluster) -> None:
    found = await detected(upstream_cluster)
    assert (found.dialect, found.facts.egress_peers) == (
        Dialect.CLUSTER_NETWORK_POLICY,
        ("namespaces", "networks", "pods"),
    )


@pytest.mark.usefixtures("on_plain")
async def test_the_agent_learns_which_namespaces_there_are(plain_cluster: Cluster) -> None:
    found = await detected(plain_cluster)
    assert found.dialect is Dialect.NETWORK_POLICY
    assert (found.facts.namespaces or {})["default"]["kubernetes.io/metadata.name"] == "default"


def test_the_agent_may_not_touch_tiers_and_policies_of_others(on_calico: Any, calico_admin: Any) -> None:
    foreign = [tier("deploy-test"), policy("deploy-test")]
    for item in foreign:
        server_side_apply(calico_admin, item)
    try:
        for item in foreign:
            item["metadata"]["annotations"] = {"changed": "yes"}
            with pytest.raises(ForbiddenError):
                apply_as_agent(on_calico, item)
            with pytest.raises(ForbiddenError):
                remove(on_calico, item)
    finally:
        for item in reversed(foreign):
            remove(calico_admin, item)


ROLE = manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "edict-agent", rules=[])
BINDING = manifest(
    "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding",
    "more",
    roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    subjects=[{"kind": "ServiceAccount", "name": "edict-agent", "namespace": NAMESPACE}],
)
REFUSED: dict[str, Callable[[Any], object]] = {
    "read all Secrets": lambda api: api.resources.get(api_version="v1", kind="Secret").get(),
    "list its namespace's Secrets": lambda api: api.resources.get(api_version="v1", kind="Secret").get(
        namespace=NAMESPACE
    ),
    "read another Secret of its namespace": lambda api: api.resources.get(api_version="v1", kind="Secret").get(
        name="other", namespace=NAMESPACE
    ),
    "create a Secret elsewhere": lambda api: apply_as_agent(
        api, manifest("v1", "Secret", "edict-agent-state", namespace="default")
    ),
    "read another ConfigMap of kube-system": lambda api: api.resources.get(api_version="v1", kind="ConfigMap").get(
        name="coredns", namespace="kube-system"
    ),
    "change Cilium's configuration": lambda api: apply_as_agent(
        api, manifest("v1", "ConfigMap", "cilium-config", namespace="kube-system", data={"a": "b"})
    ),
    "read Pods": lambda api: api.resources.get(api_version="v1", kind="Pod").get(),
    "read Namespaces": lambda api: api.resources.get(api_version="v1", kind="Namespace").get(),
    "read NetworkPolicies": lambda api: api.resources.get(
        api_version="networking.k8s.io/v1", kind="NetworkPolicy"
    ).get(),
    "read CiliumNetworkPolicies": lambda api: api.resources.get(
        api_version="cilium.io/v2", kind="CiliumNetworkPolicy"
    ).get(),
    "write a NetworkPolicy": lambda api: apply_as_agent(
        api, manifest("networking.k8s.io/v1", "NetworkPolicy", "x", {"podSelector": {}}, namespace="default")
    ),
    "write a CiliumNetworkPolicy": lambda api: apply_as_agent(
        api, manifest("cilium.io/v2", "CiliumNetworkPolicy", "x", CCNP["spec"], namespace="default")
    ),
    "start a Pod": lambda api: apply_as_agent(
        api,
        manifest("v1", "Pod", "x", {"containers": [{"name": "a", "image": "b"}]}, namespace=NAMESPACE),
    ),
    "give itself more rights": lambda api: apply_as_agent(api, ROLE),
    "bind itself to more rights": lambda api: apply_as_agent(api, BINDING),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_the_agent_may_not(on_cilium: Any, act: Callable[[Any], object]) -> None:
    with pytest.raises(ApiException) as refused:
        act(on_cilium)
    assert refused.value.status == 403
