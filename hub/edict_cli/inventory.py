"""Clusters as authors sign them: read what is wanted now, change it, sign it again."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from edict.errors import HubError, UsageError
from edict.ids import ClusterName, Digest, digest_of
from edict.policy.documents import ManagedCluster, ManagedClusterSpec, ReceiptKey
from edict.policy.parse import load_one, to_yaml
from edict.policy.validate import validate
from edict.trust.roles import cluster_path
from edict_cli import signing
from edict_cli.codes import Code, Hub
from edict_cli.hub import HubClient
from edict_cli.signing import Signed
from edict_cli.store.workspace import Workspace


def present(workspace: Workspace, hub: HubClient | None, name: ClusterName) -> ManagedCluster | None:
    """Return a cluster's document: the pending one, else the published one; None when there is neither.

    Args:
        workspace: whose pending changes count.
        hub: where a document that another author signed is fetched; None connects when that is needed.
        name: the cluster.
    """
    path = cluster_path(name)
    state = workspace.repository.state()
    published = state.documents.get(path)
    digest = workspace.pending.wanted().documents.get(path, published.digest if published else None)
    if digest is None:
        return None
    content = workspace.documents.get(digest)
    if content is None and hub is None:
        with HubClient(workspace) as connected:
            content = _fetched(connected, digest)
    elif content is None and hub is not None:
        content = _fetched(hub, digest)
    document = load_one(content or b"", path)
    return document if isinstance(document, ManagedCluster) else None


def put(workspace: Workspace, document: ManagedCluster) -> Signed:
    """Sign a cluster into the pending release; the caller holds the workspace."""
    validate(document)
    return signing.sign(workspace, {cluster_path(document.name): to_yaml(document)})[0]


def pinned_key(document: ManagedCluster) -> str:
    """Return the receipt key that is signed in, or the empty string."""
    key = document.spec.receipt_key
    return "" if isinstance(key, msgspec.UnsetType) else key.public


def with_key(document: ManagedCluster, public: str) -> ManagedCluster:
    """Return the document with a receipt key."""
    spec = msgspec.structs.replace(document.spec, receipt_key=ReceiptKey(public))
    return msgspec.structs.replace(document, spec=spec)


def with_spec(document: ManagedCluster | None, spec: ManagedClusterSpec) -> ManagedClusterSpec:
    """Return a new spec that keeps the receipt key of the old one."""
    kept = UNSET if document is None else document.spec.receipt_key
    return msgspec.structs.replace(spec, receipt_key=kept)


def unknown(name: str) -> UsageError:
    """Return EDICT0611."""
    return UsageError(
        Code.NO_CLUSTER,
        f"the cluster {name} is not in the signed inventory",
        where=f"cluster {name}",
        remedy=f"`edict cluster add {name}`, then `edict publish`; `edict get clusters` lists what there is",
    )


def _fetched(hub: HubClient, digest: Digest) -> bytes:
    content = hub.blobs([digest]).get(digest, b"")
    if digest_of(content) != digest:
        raise HubError(
            Hub.UNREADABLE,
            "the hub has other bytes than were signed for",
            where=f"blobs/{digest}",
            remedy="publish the document again from the folder that has it",
        )
    return content
