"""The official Kubernetes client for tests: what landed in a cluster is read by a client that did not write it.

Its stubs cover neither the loading of kubeconfigs nor the dynamic client, so those two calls are typed here, once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient


def api_client(kubeconfig: Path) -> ApiClient:
    """Return a client that acts as the user of `kubeconfig`."""
    client: ApiClient = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    return client


def dynamic_client(kubeconfig: Path) -> Any:
    """Return a `DynamicClient` that acts as the user of `kubeconfig`; it finds any kind by discovery."""
    return DynamicClient(api_client(kubeconfig))  # type: ignore[no-untyped-call]


def server_side_apply(client: Any, manifest: dict[str, Any], *, manager: str = "test", dry_run: bool = False) -> Any:
    """Apply `manifest` as field manager `manager` by a `dynamic_client`; return the object as the server has it.

    With `dry_run` it is judged and returned all the same, but not stored.
    """
    resource = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
    namespace = manifest["metadata"].get("namespace")
    dry = {"dry_run": "All"} if dry_run else {}
    return resource.server_side_apply(body=manifest, namespace=namespace, field_manager=manager, **dry)
