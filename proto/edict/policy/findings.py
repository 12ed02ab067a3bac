"""Everything that can be found across documents: the one list of checks, for `edict lint`.

A new check is one function in :data:`CHECKS`: it takes every policy and the clusters, and gives warnings
(:class:`Finding`) and errors (:class:`DocumentError`, which publish refuses).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from edict.errors import DocumentError
from edict.policy.checks import (
    Finding,
    PolicySource,
    cluster_peers,
    denies_way_out,
    priority_ties,
    shadowed_rules,
    unseen_labels,
)
from edict.policy.codes import Code
from edict.policy.documents import ManagedCluster
from edict.policy.frameworks import unknown_frameworks
from edict.policy.origin import Where

Found: TypeAlias = "Finding | DocumentError"
Check: TypeAlias = "Callable[[Sequence[PolicySource], Sequence[ManagedCluster]], Iterable[Found]]"


def all_findings(policies: Sequence[PolicySource], clusters: Sequence[ManagedCluster]) -> list[Found]:
    """Return what every check finds, in the order of file, line and code.

    Args:
        policies: valid policies of one release, or of a part of it.
        clusters: the inventory; empty when unknown, where every cluster is thought of that policies could share.
    """
    found = [each for check in CHECKS for each in check(policies, clusters)]
    return sorted(found, key=_order)


def twice(policies: Sequence[PolicySource]) -> Iterator[DocumentError]:
    """Yield an error for each policy whose id another has before it."""
    first: dict[str, PolicySource] = {}
    for source in policies:
        if first.setdefault(source.id, source) is not source:
            yield DocumentError(
                Code.SAME_NAME,
                f"{source.id} stands twice, first at {first[source.id].where('metadata.name')}",
                where=source.where("metadata.name"),
                remedy="give one of them another name, or remove it",
            )


def _order(found: Found) -> tuple[str, int, str, str]:
    where = Where.of(found.where)
    return (where.file, where.line or 0, found.code, found.what)


def _names(policies: Sequence[PolicySource], _clusters: Sequence[ManagedCluster]) -> Iterator[Found]:
    yield from twice(policies)


def _way_out(policies: Sequence[PolicySource], _clusters: Sequence[ManagedCluster]) -> Iterator[Found]:
    for source in policies:
        try:
            yield from denies_way_out(source)
        except DocumentError as error:
            yield error


def _frameworks(policies: Sequence[PolicySource], _clusters: Sequence[ManagedCluster]) -> Iterator[Found]:
    for source in policies:
        yield from unknown_frameworks(source)


CHECKS: tuple[Check, ...] = (_names, priority_ties, _way_out, shadowed_rules, unseen_labels, cluster_peers, _frameworks)
"""In no order that matters. Each names its findings by codes of its own."""
