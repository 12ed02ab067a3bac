"""Selectors on labels that Cilium leaves out of identity, where some cluster of the policy runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import UNSET

from edict.policy.checks.fleet import Fleet
from edict.policy.checks.found import Finding, PolicySource
from edict.policy.cilium_labels import sees_namespace_label, sees_pod_label
from edict.policy.codes import Code
from edict.policy.documents import ManagedCluster
from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod, PolicySpec
from edict.policy.rules import Direction, rules_of

_Selected: TypeAlias = tuple[str, LabelSelector, Callable[[str], bool]]
"""The path of a selector, the selector, and which labels Cilium sees of what it selects."""


def unseen_labels(policies: Sequence[PolicySource], clusters: Iterable[ManagedCluster]) -> Iterator[Finding]:
    """Yield a warning, EDICT0143, for each label of a pod or a namespace that Cilium cannot select by.

    Nodes keep all their labels. It is about Cilium's default filter: options of a cluster may let a label in.

    Args:
        policies: every policy of the release.
        clusters: the signed inventory, which says what plugin is expected; while it is empty, any may be Cilium.
    """
    fleet = Fleet(list(clusters))
    for source in policies:
        if not fleet.may_run_cilium(fleet.clusters(source.document.spec.placement)):
            continue
        for path, selector, sees in _selectors(source.document.spec.policy):
            for place, key in _keys(selector):
                if not sees(key):
                    yield Finding(
                        f"EDICT{Code.UNSEEN_LABEL:04d}",
                        source.where(f"spec.policy.{path}.{place}"),
                        f"Cilium leaves the label {key} out of identity, so that clusters with it refuse the policy",
                        "select by a label of your own, or place the policy on clusters without Cilium",
                    )


def _selectors(spec: PolicySpec) -> Iterator[_Selected]:
    if spec.subject.namespaces is not UNSET:
        yield "subject.namespaces", spec.subject.namespaces, sees_namespace_label
    if spec.subject.pods is not UNSET:
        yield from _of_pods("subject.pods", spec.subject.pods)
    for rule in rules_of(spec):
        word = "to" if rule.direction is Direction.EGRESS else "from"
        for index, peer in enumerate(rule.peers):
            yield from _of_peer(f"{rule.place}.{word}[{index}]", peer)


def _of_peer(path: str, peer: IngressPeer | EgressPeer) -> Iterator[_Selected]:
    if peer.namespaces is not UNSET:
        yield f"{path}.namespaces", peer.namespaces, sees_namespace_label
    if peer.pods is not UNSET:
        yield from _of_pods(f"{path}.pods", peer.pods)
    if peer.service_accounts is not UNSET:
        selector = peer.service_accounts.namespace_selector
        yield f"{path}.serviceAccounts.namespaceSelector", selector, sees_namespace_label
    if peer.clusters is not UNSET and peer.clusters.pods is not UNSET:
        yield from _of_pods(f"{path}.clusters.pods", peer.clusters.pods)


def _of_pods(path: str, pods: NamespacedPod) -> Iterator[_Selected]:
    yield f"{path}.namespaceSelector", pods.namespace_selector, sees_namespace_label
    yield f"{path}.podSelector", pods.pod_selector, sees_pod_label


def _keys(selector: LabelSelector) -> Iterator[tuple[str, str]]:
    for key in selector.match_labels:
        yield f"matchLabels.{key}", key
    for index, requirement in enumerate(selector.match_expressions):
        yield f"matchExpressions[{index}].key", requirement.key
