"""The signed documents of ``federation.edict.dev/v1alpha1``: FederatedNetworkPolicy, ManagedCluster and Waiver."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from edict.ids import ClusterName
from edict.policy.model import Document, LabelSelector, Mode, OnInexact, PolicySpec
from edict.policy.rules import Direction


class ObjectMeta(Document, frozen=True):
    """Name and labels of a document. Names are DNS-1123 labels."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


class Placement(Document, frozen=True):
    """Which clusters a policy is for, judged by the agent from the signed inventory."""

    cluster_selector: LabelSelector


class RolloutRef(Document, frozen=True):
    """The rollout that governs a change of this policy."""

    name: str


class FederatedNetworkPolicySpec(Document, frozen=True):
    """What is signed about one policy."""

    placement: Placement
    policy: PolicySpec
    mode: Mode = Mode.ENFORCE
    on_inexact: OnInexact = OnInexact.REFUSE
    controls: tuple[str, ...] = ()
    rollout: RolloutRef | UnsetType = UNSET


class FederatedNetworkPolicy(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename="camel",
    tag_field="kind",
    tag="FederatedNetworkPolicy",
):
    """One policy for many clusters."""

    api_version: Literal["federation.edict.dev/v1alpha1"]
    metadata: ObjectMeta
    spec: FederatedNetworkPolicySpec


class ManagedClusterSpec(Document, frozen=True):
    """What authors sign about one cluster. ``receipt_key`` is absent until an author approves it."""

    plugin: Literal["cilium", "calico", "other"]
    owner: str = ""
    receipt_key: ReceiptKey | UnsetType = UNSET


class ReceiptKey(Document, frozen=True):
    """The ed25519 public key that the cluster signs its receipts with."""

    public: str
    """Raw 32 bytes in lower-case hexadecimal."""


class ManagedCluster(
    Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="kind", tag="ManagedCluster"
):
    """One cluster of the signed inventory. Its labels decide placement."""

    api_version: Literal["federation.edict.dev/v1alpha1"]
    metadata: ObjectMeta
    spec: ManagedClusterSpec

    @property
    def name(self) -> ClusterName:
        """The cluster's name."""
        return ClusterName(self.metadata.name)


class RuleRef(Document, frozen=True):
    """One rule of a policy by the name that its author gave it: its place may be another in the next version."""

    direction: Direction
    name: str


class WaiverSpec(Document, frozen=True):
    """What is signed about one waiver.

    Attributes:
        policy: ``team/name``.
        clusters: on which it is waived.
        reason: why, for people.
        approver: who answers for it.
        expires: when it ends by itself; RFC 3339, with a zone.
        rule: what is waived of the policy; the whole policy when absent.
    """

    policy: str
    clusters: LabelSelector
    reason: str
    approver: str
    expires: Annotated[datetime, Meta(tz=True)]
    rule: RuleRef | UnsetType = UNSET


class Waiver(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="kind", tag="Waiver"):
    """An exception from one policy, for some clusters, until a date."""

    api_version: Literal["federation.edict.dev/v1alpha1"]
    metadata: ObjectMeta
    spec: WaiverSpec


AnyDocument: TypeAlias = FederatedNetworkPolicy | ManagedCluster | Waiver
