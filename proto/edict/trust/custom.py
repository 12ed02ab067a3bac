"""What a target's ``custom`` field copies out of the document, so that placement needs no document.

The signer makes the copy, the agent compares it with the document: a mismatch is rejected.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import msgspec

from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.model import LabelSelector


class PolicyCustom(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename="camel",
    tag_field="kind",
    tag="FederatedNetworkPolicy",
):
    """The signed copy of a policy's placement."""

    cluster_selector: LabelSelector


class ClusterCustom(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename="camel",
    tag_field="kind",
    tag="ManagedCluster",
):
    """The signed copy of a cluster's labels and receipt key (hexadecimal; empty when none is pinned)."""

    labels: dict[str, str]
    receipt_key: str = ""


Custom: TypeAlias = PolicyCustom | ClusterCustom


def custom_of(document: FederatedNetworkPolicy | ManagedCluster) -> Custom:
    """Make the copy that the metadata carries for a document."""
    if isinstance(document, FederatedNetworkPolicy):
        return PolicyCustom(document.spec.placement.cluster_selector)
    key = document.spec.receipt_key
    return ClusterCustom(document.metadata.labels, "" if isinstance(key, msgspec.UnsetType) else key.public)


def to_plain(custom: Custom) -> dict[str, Any]:
    """Return the copy as JSON types."""
    plain: dict[str, Any] = msgspec.to_builtins(custom)
    return plain


def from_plain(plain: Any) -> Custom:
    """Read the copy.

    Raises:
        msgspec.ValidationError: it is not one.
    """
    return cast("Custom", msgspec.convert(plain, Custom))
