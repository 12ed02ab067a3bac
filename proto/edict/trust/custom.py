"""What a target's ``custom`` field copies out of the document, so that placement and waiving need no document.

The signer makes the copy, the agent compares it with the document: a mismatch is rejected.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from msgspec import Meta

from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster, RuleRef
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


class WaiverCustom(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="kind", tag="Waiver"
):
    """The signed copy of what a waiver waives, where, and until when; ``rule`` is None for the whole policy."""

    policy: str
    cluster_selector: LabelSelector
    expires: Annotated[datetime, Meta(tz=True)]
    rule: RuleRef | None = None


Custom: TypeAlias = PolicyCustom | ClusterCustom | WaiverCustom


def custom_of(document: AnyDocument) -> Custom:
    """Make the copy that the metadata carries for a document."""
    if isinstance(document, FederatedNetworkPolicy):
        return PolicyCustom(document.spec.placement.cluster_selector)
    if not isinstance(document, ManagedCluster):
        waived = document.spec
        rule = None if isinstance(waived.rule, msgspec.UnsetType) else waived.rule
        return WaiverCustom(waived.policy, waived.clusters, waived.expires, rule)
    key = document.spec.receipt_key
    return ClusterCustom(document.metadata.labels, "" if isinstance(key, msgspec.UnsetType) else key.public)


def to_plain(custom: Custom) -> dict[str, Any]:
    """Return the copy as JSON types, lists for tuples, as whoever reads it has it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(custom))
    return plain


def from_plain(plain: Any) -> Custom:
    """Read the copy.

    Raises:
        msgspec.ValidationError: it is not one.
    """
    return cast("Custom", msgspec.convert(plain, Custom))
