"""What every rendered object has in common: labels, annotations, order."""

from __future__ import annotations

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
    spec: Body,
    *,
    policy: PlacedPolicy | None = None,
    labels: dict[str, str] | None = None,
) -> RenderedObject:
    """Return an object with our labels; without a policy it is the built-in one's."""
    policy_id = WAY_OUT_ID if policy is None else policy.id
    metadata: Body = {
        "name": name,
        "labels": {MANAGED_BY: MANAGER, POLICY_LABEL: policy_label(policy_id)} | (labels or {}),
    }
    if policy is not None:
        metadata["annotations"] = {DOCUMENT_ANNOTATION: document_annotation(policy.digest)}
    body: Body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
    return RenderedObject(api_version=api_version, kind=kind, name=name, policy=policy_id, body=body)


def document_annotation(digest: Digest) -> str:
    """Return the value of :data:`DOCUMENT_ANNOTATION`."""
    return f"sha256:{digest}"
