"""What a release must not have, whoever signed it, and what its authors should know: the findings of `edict lint`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from edict.errors import DocumentError
from edict.policy.checks import Finding, PolicySource
from edict.policy.codes import Code as Document
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster
from edict.policy.findings import Found, all_findings
from edict.policy.model import Mode
from edict.policy.origin import Origin, Where
from edict.policy.placement import selects
from edict_cli.codes import Code

_LOCKOUT, _NO_CLUSTER = (f"EDICT{code:04d}" for code in (Document.DENIES_WAY_OUT, Document.NO_SUCH_CLUSTER))


def check_release(
    documents: Mapping[str, AnyDocument], changed: Collection[str], *, allow_lockout: bool
) -> list[Finding]:
    """Check a release before it is signed.

    Args:
        documents: every document of the release by its path.
        changed: the paths that are new or different; only they can be new in what they deny, and a cluster may leave
            the inventory though an older policy still names it.
        allow_lockout: accept a policy that names the agent's own namespace.

    Returns:
        What to say of the changed policies, and of others because of them.

    Raises:
        DocumentError: EDICT0140 for a tie, EDICT0141 for a lockout, EDICT0144 for a peer in an unknown cluster.
    """
    sources = {
        path: PolicySource(team_of_path(path), document, Origin(path))
        for path, document in sorted(documents.items())
        if isinstance(document, FederatedNetworkPolicy)
    }
    clusters = [document for document in documents.values() if isinstance(document, ManagedCluster)]
    found = all_findings(list(sources.values()), clusters)
    for each in found:
        if isinstance(each, DocumentError) and _refused(each, changed, allow_lockout=allow_lockout):
            raise each
    mine = [source for path, source in sources.items() if path in changed]
    ids = {source.id for source in mine}
    told = [_warning(each) for each in found if _concerns(each, changed, ids)]
    return [*(finding for source in mine for finding in not_yet(source)), *told]


def _refused(error: DocumentError, changed: Collection[str], *, allow_lockout: bool) -> bool:
    if error.code == _LOCKOUT and allow_lockout:
        return False
    return error.code not in {_LOCKOUT, _NO_CLUSTER} or Where.of(error.where).file in changed


def _concerns(found: Found, changed: Collection[str], ids: Collection[str]) -> bool:
    if found.code == _NO_CLUSTER or Where.of(found.where).file in changed:
        return True
    return isinstance(found, Finding) and any(other in ids for other in found.others)


def _warning(found: Found) -> Finding:
    if isinstance(found, Finding):
        return found
    return Finding(found.code, found.where, found.what, found.remedy)


def warnings(sources: Sequence[PolicySource]) -> list[Finding]:
    """Return what the authors of some policies should know; what publish would refuse is among it."""
    told = [finding for source in sources for finding in not_yet(source)]
    return told + [_warning(each) for each in all_findings(sources, [])]


def not_yet(source: PolicySource) -> Iterator[Finding]:
    """Yield what the language has and the agents of today refuse."""
    code = f"EDICT{Code.NOT_YET:04d}"
    spec = source.document.spec
    if spec.mode is not Mode.ENFORCE:
        what = f"agents do not take mode {spec.mode} yet: every cluster refuses the policy and keeps what it had"
        yield Finding(code, source.where("spec.mode"), what, f"write mode: {Mode.ENFORCE}")


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
