"""The verified release as lists: clusters, policies, roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import msgspec

from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster
from edict.policy.placement import selects
from edict.trust.receipts import fingerprint
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import TrustState
from edict_cli.checking import team_of_path
from edict_cli.conformance import ClusterView, PolicyView
from edict_cli.evidence import clusters_of
from edict_cli.inventory import pinned_key


class ClusterEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One cluster of the inventory; ``receiptKey`` is the fingerprint, empty until a key is approved.

    The ban is the hub's word, all else is signed.
    """

    name: str
    plugin: str
    owner: str
    labels: dict[str, str]
    receipt_key: str
    banned: bool = False
    ban_reason: str = ""


class PolicyEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One policy of the release, and the clusters on which it is placed."""

    policy: str
    tier: str
    priority: int
    mode: str
    rules: int
    clusters: tuple[str, ...]
    digest: str


class RoleEntry(msgspec.Struct, frozen=True):
    """One role of the release."""

    role: str
    version: int
    documents: int


class ReleaseEntry(msgspec.Struct, frozen=True, rename="camel"):
    """The release itself."""

    release: int
    expires: datetime | None
    timestamp_version: int
    root_version: int
    clusters: int
    policies: int
    roles: tuple[RoleEntry, ...]


class Conformance(msgspec.Struct, frozen=True):
    """One policy on one cluster, rule by rule. ``rules`` are empty until the cluster reports them."""

    cluster: str
    dialect: str
    release: int
    report: PolicyView


def clusters(documents: Mapping[str, AnyDocument], bans: Mapping[str, str]) -> list[ClusterEntry]:
    """Return the inventory in order; ``bans`` are the reasons by cluster, as the hub says."""
    return [
        ClusterEntry(
            document.metadata.name,
            document.spec.plugin,
            document.spec.owner,
            document.metadata.labels,
            fingerprint(bytes.fromhex(pinned_key(document))) if pinned_key(document) else "",
            document.metadata.name in bans,
            bans.get(document.metadata.name, ""),
        )
        for _, document in sorted(documents.items())
        if isinstance(document, ManagedCluster)
    ]


def policies(state: TrustState, documents: Mapping[str, AnyDocument]) -> list[PolicyEntry]:
    """Return the policies in order of precedence: Admin, then Baseline, each by priority."""
    inventory = clusters_of(state)
    found = [
        PolicyEntry(
            policy=f"{team_of_path(path)}/{document.metadata.name}",
            tier=document.spec.policy.tier.value,
            priority=document.spec.policy.priority,
            mode=document.spec.mode.value,
            rules=len(document.spec.policy.ingress) + len(document.spec.policy.egress),
            clusters=tuple(
                name for name, custom in inventory.items() if selects(document.spec.placement, custom.labels)
            ),
            digest=state.documents[path].digest,
        )
        for path, document in documents.items()
        if isinstance(document, FederatedNetworkPolicy)
    ]
    return sorted(found, key=lambda entry: (entry.tier, entry.priority, entry.policy))


def release(state: TrustState) -> ReleaseEntry:
    """Return the release."""
    counts: dict[str, int] = {}
    for target in state.documents.values():
        counts[target.role] = counts.get(target.role, 0) + 1
    clusters_ = sum(target.kind == "ManagedCluster" for target in state.documents.values())
    return ReleaseEntry(
        release=state.release,
        expires=state.expires,
        timestamp_version=state.timestamp_version,
        root_version=state.root_version,
        clusters=clusters_,
        policies=sum(target.kind == "FederatedNetworkPolicy" for target in state.documents.values()),
        roles=tuple(RoleEntry(role, version, counts.get(role, 0)) for role, version in sorted(state.versions.items())),
    )


def role_rows(entry: ReleaseEntry, *, bins: bool) -> list[list[str]]:
    """Return role, version and documents of each role; without ``bins`` a team's documents count as its own."""
    versions = {role.role: role.version for role in entry.roles}
    teams = {role: role.rpartition("-")[0] for role in versions if role.rpartition("-")[0] in versions}
    documents: Counter[str] = Counter()
    for role in entry.roles:
        documents[role.role if bins else teams.get(role.role, role.role)] += role.documents
    shown = {role: version for role, version in versions.items() if bins or role not in teams}
    own = [(ROOT, entry.root_version), (TIMESTAMP, entry.timestamp_version), (SNAPSHOT, entry.release)]
    return [[role, str(version), str(documents[role] or "-")] for role, version in [*own, *shown.items()]]


def conformance(views: tuple[ClusterView, ...], policy: str) -> list[Conformance]:
    """Return how a policy stands on every cluster that has it, or must have it."""
    return [
        Conformance(view.cluster, view.dialect, view.release, report)
        for view in views
        for report in view.policies
        if report.policy == policy
    ]
