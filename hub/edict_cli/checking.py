"""What a release must not have, whoever signed it: priority ties, and policies that deny the agent its way out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from edict.errors import DocumentError
from edict.policy.checks import Finding, PolicySource, denies_way_out, priority_ties
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster
from edict.policy.model import Tier


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
    try:
        return denies_way_out(source)
    except DocumentError as error:
        return [Finding(error.code, error.where, error.what, error.remedy)]


def team_of_path(path: str) -> str:
    """Return the team of ``policies/<team>/<name>``."""
    return path.split("/")[1]
