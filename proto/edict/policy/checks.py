"""Checks across policies, made before a release is published.

An agent has no need of them: it orders by precedence, and the built-in Accept stands above every document. They
find what an author most likely did not mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import UNSET, Struct

from edict.errors import DocumentError
from edict.policy.codes import Code
from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, NAMESPACE_NAME
from edict.policy.model import Action, EgressRule, LabelSelector, Operator, PolicySpec, Subject, Tier
from edict.policy.origin import Origin
from edict.policy.placement import selects
from edict.policy.selectors import matches

_NO_ORIGIN = Origin()


class PolicySource(Struct, frozen=True):
    """A policy, the team that signs it, and where it was read."""

    team: str
    document: FederatedNetworkPolicy
    origin: Origin = _NO_ORIGIN

    @property
    def id(self) -> str:
        """``team/name``."""
        return f"{self.team}/{self.document.metadata.name}"

    def where(self, path: str) -> str:
        """Return the printed place of a field."""
        return self.origin.where(f"FederatedNetworkPolicy {self.document.metadata.name}", path)


class Finding(Struct, frozen=True):
    """Something to look at that is no error: a warning, in the form of an error."""

    code: str
    where: str
    what: str
    remedy: str

    def diagnostics(self) -> str:
        """Return the printed form, on one line."""
        place = f" ({self.where})" if self.where else ""
        return f"Warning [{self.code}]{place} {self.what}. Try: {self.remedy}"


def priority_ties(policies: Sequence[PolicySource], clusters: Iterable[ManagedCluster]) -> list[DocumentError]:
    """Return an error for each two policies of one tier and priority that some cluster would have both of.

    Plugins resolve a tie differently, so that the verdict would depend on the cluster. Whether the rules can
    match one connection is not asked: a later change of either would make it so.

    Args:
        policies: every policy of the release.
        clusters: the signed inventory.
    """
    inventory = list(clusters)
    errors = []
    for one, other in combinations(sorted(policies, key=lambda source: source.id), 2):
        mine, theirs = one.document.spec, other.document.spec
        if (mine.policy.tier, mine.policy.priority) != (theirs.policy.tier, theirs.policy.priority):
            continue
        shared = [
            str(cluster.name)
            for cluster in inventory
            if selects(mine.placement, cluster.metadata.labels) and selects(theirs.placement, cluster.metadata.labels)
        ]
        if shared:
            errors.append(
                DocumentError(
                    Code.PRIORITY_TIE,
                    f"{one.id} and {other.id} are both {mine.policy.tier} with priority "
                    f"{mine.policy.priority} on {_some(sorted(shared))}",
                    where=other.where("spec.policy.priority"),
                    remedy="give one of them another priority, or place them on different clusters",
                )
            )
    return errors


def denies_way_out(
    policy: PolicySource,
    agent_namespace: str = DEFAULT_AGENT_NAMESPACE,
    namespace_labels: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Look for a policy that tries to deny the agent its way to the hub, DNS and the API server.

    The built-in Accept stands above it, so nothing is lost; but a policy that says so by name means something
    that will not happen, and is an error. One that selects the agent's namespace among many, without its name,
    is the normal default deny and nothing to speak of.

    Args:
        policy: the policy.
        agent_namespace: the namespace of the agents.
        namespace_labels: labels of that namespace beside its name, where they are known.

    Returns:
        A warning for each egress rule of a Baseline policy that denies the agent's namespace by name.

    Raises:
        DocumentError: EDICT0141; an Admin egress Deny selects the agent's namespace by name.
    """
    spec = policy.document.spec.policy
    labels = {**(namespace_labels or {}), NAMESPACE_NAME: agent_namespace}
    namespaces = _namespaces(spec.subject)
    if namespaces is None or not _names(namespaces, agent_namespace) or not matches(namespaces, labels):
        return []
    findings = []
    for path, rule in _outward_denies(spec):
        where = policy.where(f"spec.policy.{path}")
        if spec.tier is Tier.ADMIN:
            raise DocumentError(
                Code.DENIES_WAY_OUT,
                f"the rule would deny pods of {agent_namespace} their way out, and the built-in Accept forbids it",
                where=where,
                remedy=f"leave {agent_namespace} out of the subject, or publish with --allow-lockout",
            )
        findings.append(
            Finding(
                code=f"EDICT{Code.DENIES_WAY_OUT:04d}",
                where=where,
                what=f"the {rule.action} does not hold for {agent_namespace}, whose egress is always accepted",
                remedy=f"leave {agent_namespace} out of the subject",
            )
        )
    return findings


def _outward_denies(spec: PolicySpec) -> Iterator[tuple[str, EgressRule]]:
    """Yield the egress Denies that may match the hub, an API server or DNS: anything but ICMP alone."""
    for index, rule in enumerate(spec.egress):
        only_icmp = bool(rule.protocols) and all(protocol.icmp is not UNSET for protocol in rule.protocols)
        if rule.action is Action.DENY and not only_icmp:
            yield f"egress[{index}]", rule


def _namespaces(subject: Subject) -> LabelSelector | None:
    if subject.namespaces is not UNSET:
        return subject.namespaces
    if subject.pods is not UNSET:
        return subject.pods.namespace_selector
    return None


def _names(selector: LabelSelector, namespace: str) -> bool:
    """Tell whether a selector asks for the namespace by its name."""
    return selector.match_labels.get(NAMESPACE_NAME) == namespace or any(
        requirement.key == NAMESPACE_NAME and requirement.operator is Operator.IN and namespace in requirement.values
        for requirement in selector.match_expressions
    )


def _some(names: Sequence[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more clusters"
