"""What every rendered object has in common: labels, annotations, order."""

from __future__ import annotations

from collections.abc import Sequence

from edict.ids import Digest
from edict.policy.lockout import WAY_OUT_ID
from edict_agent.translate.plan import Body, PlacedPolicy, RenderedObject

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "edict"
POLICY_LABEL = "federation.edict.dev/policy"
DOCUMENT_ANNOTATION = "federation.edict.dev/document"


def policy_label(policy_id: str) -> str:
    """Return the value of :data:`POLICY_LABEL`: ``team.name``. Neither part can hold a dot."""
    return policy_id.replace("/", ".")


def render(
    api_version: str,
    kind: str,
    name: str,
    spec: Body | Sequence[Body],
    *,
    policy: PlacedPolicy | None = None,
    labels: dict[str, str] | None = None,
    namespace: str = "",
) -> RenderedObject:
    """Return an object with our labels; without a policy it is the built-in one's, without a namespace cluster-wide.

    Several specs stand as ``specs``, which Cilium's policies have.
    """
    policy_id = WAY_OUT_ID if policy is None else policy.id
    metadata: Body = {
        "name": name,
        "labels": {MANAGED_BY: MANAGER, POLICY_LABEL: policy_label(policy_id)} | (labels or {}),
    }
    if namespace:
        metadata["namespace"] = namespace
    if policy is not None:
        metadata["annotations"] = {DOCUMENT_ANNOTATION: document_annotation(policy.digest)}
    said: Body = {"spec": spec} if isinstance(spec, dict) else {"specs": list(spec)}
    body: Body = {"apiVersion": api_version, "kind": kind, "metadata": metadata} | said
    return RenderedObject(
        api_version=api_version, kind=kind, name=name, policy=policy_id, body=body, namespace=namespace
    )


def document_annotation(digest: Digest) -> str:
    """Return the value of :data:`DOCUMENT_ANNOTATION`."""
    return f"sha256:{digest}"
