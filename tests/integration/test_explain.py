"""`edict explain` reads a real API server, lists only, and says when it may not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api, NetworkingV1Api

from edict_cli import cluster_files
from edict_cli.main import run
from tests.env import Cluster
from tests.env.clients import api_client

pytestmark = pytest.mark.parts

POLICY = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: no-node}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {matchLabels: {team: shop}}}
  egress:
    - {action: Deny, to: [{nodes: {matchLabels: {role: control}}}]}
    - {action: Pass, to: [{pods: {podSelector: {matchLabels: {app: db}}}}]}
    - {action: Deny, to: [{networks: [0.0.0.0/0]}]}
"""
ISOLATED = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "sql"}]}],
}


@pytest.fixture(scope="module")
def cluster(cilium_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with two pods, a node and a NetworkPolicy; nobody runs them, so their status is written too."""
    api = api_client(cilium_cluster.kubeconfig)
    core: Any = CoreV1Api(api)
    networking: Any = NetworkingV1Api(api)
    core.create_namespace({"metadata": {"name": "shop", "labels": {"team": "shop"}}})
    core.create_namespaced_service_account("shop", {"metadata": {"name": "default"}})
    core.create_node({"metadata": {"name": "asked", "labels": {"role": "control"}}})
    core.patch_node_status("asked", {"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}})
    for name, address, port in (("web", "10.0.0.1", "http"), ("db", "10.0.0.2", "sql")):
        container = {"name": "main", "image": "none", "ports": [{"name": port, "containerPort": 5432}]}
        core.create_namespaced_pod(
            "shop", {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [container]}}
        )
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        core.patch_namespaced_pod_status(name, "shop", {"status": status})
    networking.create_namespaced_network_policy("shop", {"metadata": {"name": "db"}, "spec": ISOLATED})
    yield cilium_cluster
    core.delete_collection_namespaced_pod("shop", grace_period_seconds=0)
    core.delete_node("asked")
    core.delete_namespace("shop")


@contextmanager
def pages_of(size: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(cluster_files, "PAGE", size)
        yield


def test_a_cluster_is_read_as_it_is(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)

    def explain(destination: str, port: str, kubeconfig: Path = cluster.kubeconfig) -> tuple[int, Any, str]:
        asked = ["--from", "shop/web", "--to", destination, "--port", port, "--kubeconfig", str(kubeconfig)]
        code = run(["explain", "-f", str(policy), *asked, "-o", "json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    with pages_of(1, monkeypatch):
        code, said, _ = explain("shop/db", "5432/TCP")
    assert code == 0
    assert [(end["tier"], end["policy"], end["rule"]) for end in said["ends"]] == [
        ("default", "", ""),
        ("NetworkPolicy", "shop/db", "ingress[0]"),
    ]
    for destination, port, rule in (("192.0.2.1", "443", "egress[0]"), ("8.8.8.8", "443", "egress[2]")):
        code, said, _ = explain(destination, port)
        assert code == 1
        assert [end["rule"] for end in said["ends"]] == [rule]
    code, said, _ = explain("shop/db", "5433/TCP")
    assert code == 1
    assert said["ends"][1]["policy"] == "shop/db"

    code, said, error = explain("shop/db", "80", cluster.kubeconfig_for("shop", "nobody"))
    assert (code, said) == (2, None)
    assert "EDICT0624" in error
    assert "403 Forbidden" in error


def test_reading_writes_nothing_and_kubectl_s_list_reads_the_same(cluster: Cluster, tmp_path: Path) -> None:
    """The same answer from a file of what the server lists, by the installed command."""
    policy, world = tmp_path / "policy.yaml", tmp_path / "cluster.json"
    policy.write_text(POLICY)
    before = _versions(cluster)
    live = _command("--kubeconfig", str(cluster.kubeconfig), policy=policy)
    assert _versions(cluster) == before
    items = [manifest for manifest, _ in cluster_files.from_server(None, cluster.kubeconfig)]
    world.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    assert _command("--world", str(world), policy=policy) == live
    assert json.loads(live)["verdict"] == "Accept"


def _command(*more: str, policy: Path) -> str:
    edict = Path(sys.executable).with_name("edict")
    asked = ["--from", "shop/web", "--to", "shop/db", "--port", "5432", "-o", "json"]
    return subprocess.run(
        [edict, "explain", "-f", policy, *asked, *more], capture_output=True, text=True, check=True
    ).stdout


def _versions(cluster: Cluster) -> list[str]:
    core: Any = CoreV1Api(api_client(cluster.kubeconfig))
    pods, namespaces = core.list_pod_for_all_namespaces().items, core.list_namespace().items
    return sorted(f"{one.metadata.uid} {one.metadata.resource_version}" for one in [*pods, *namespaces])
