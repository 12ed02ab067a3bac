"""What a release must not have, whoever signed it: priority ties, and policies that deny the agent its way out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from edict.errors import DocumentError
from edict.policy.checks import Finding, PolicySource, denies_way_out, priority_ties
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster
from edict.policy.frameworks import unknown_frameworks
from edict.policy.model import Mode, OnInexact, Tier
from edict.policy.placement import selects
from edict_cli.codes import Code


def check_release(documents: Mapping[str, AnyDocument], changed: Collection[str], *, allow_lockout: bool) -> None:
    """Check a release before it is signed.

    Args:
        documents: every document of the release by its path.
        changed: the paths that are new or different; only they can be new in what they deny.
        allow_lockout: accept a policy that names the agent's own namespace.

    Raises:
        DocumentError: EDICT0140 for the first tie, EDICT0141 for a lockout.
    """
    clusters = [document for document in documents.values() if isinstance(document, ManagedCluster)]
    groups: dict[tuple[Tier, int], list[PolicySource]] = defaultdict(list)
    for path, document in sorted(documents.items()):
        if isinstance(document, FederatedNetworkPolicy):
            source = PolicySource(team_of_path(path), document)
            groups[document.spec.policy.tier, document.spec.policy.priority].append(source)
            if path in changed and not allow_lockout:
                denies_way_out(source)
    ties = [tie for group in groups.values() if len(group) > 1 for tie in priority_ties(group, clusters)]
    if ties:
        raise ties[0]


def warnings(source: PolicySource) -> list[Finding]:
    """Return what its author should know of one policy; what publish would refuse is among it."""
    known = [*not_yet(source), *unknown_frameworks(source)]
    try:
        return [*known, *denies_way_out(source)]
    except DocumentError as error:
        return [*known, Finding(error.code, error.where, error.what, error.remedy)]


def changed_warnings(documents: Mapping[str, AnyDocument], changed: Collection[str]) -> list[str]:
    """Return what to say once more of each changed policy when the release is published."""
    return [
        finding.diagnostics()
        for path, document in sorted(documents.items())
        if path in changed and isinstance(document, FederatedNetworkPolicy)
        for finding in warnings(PolicySource(team_of_path(path), document))
    ]


def not_yet(source: PolicySource) -> Iterator[Finding]:
    """Yield what the language has and the agents of today refuse."""
    code = f"EDICT{Code.NOT_YET:04d}"
    spec = source.document.spec
    if spec.mode is not Mode.ENFORCE:
        what = f"agents do not take mode {spec.mode} yet: every cluster refuses the policy and keeps what it had"
        yield Finding(code, source.where("spec.mode"), what, f"write mode: {Mode.ENFORCE}")
    if spec.on_inexact is not OnInexact.REFUSE:
        what = f"agents do not take onInexact {spec.on_inexact} yet: a policy that is not exact is refused all the same"
        yield Finding(code, source.where("spec.onInexact"), what, f"write onInexact: {OnInexact.REFUSE}")


def unplaced(documents: Mapping[str, AnyDocument], changed: Collection[str]) -> list[str]:
    """Return what to say of each changed policy that is for no cluster of the release."""
    labels = [document.metadata.labels for document in documents.values() if isinstance(document, ManagedCluster)]
    return [
        f"Warning: no cluster has the labels that {team_of_path(path)}/{document.metadata.name} is placed on. "
        "Try: compare its placement with `edict get clusters`"
        for path, document in sorted(documents.items())
        if path in changed
        and isinstance(document, FederatedNetworkPolicy)
        and not any(selects(document.spec.placement, own) for own in labels)
    ]


def team_of_path(path: str) -> str:
    """Return the team of ``policies/<team>/<name>``."""
    return path.split("/")[1]
