"""What each verified release said of each document, kept as what changed from one release to the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from edict.ids import ClusterName
from edict.trust.audit.history import Published
from edict.trust.custom import ClusterCustom
from edict.trust.placement import placed
from edict.trust.roles import INVENTORY, cluster_path
from edict.trust.state import Floors, Target, TrustState


@dataclass(frozen=True)
class Moment:
    """One release without its documents."""

    release: int
    order: int
    root_version: int
    expires: datetime


class Timeline:
    """Every verified release of an export. Memory grows with what changed, not with releases times documents."""

    def __init__(self) -> None:
        self._moments: dict[int, Moment] = {}
        self._numbers: list[int] = []
        self._changes: dict[str, tuple[list[int], list[Target | None]]] = {}
        self._documents: Mapping[str, Target] = {}

    def add(self, published: Published) -> list[Target]:
        """Add the next release; return the targets in it that the one before did not have."""
        now = published.documents
        new = [target for path, target in sorted(now.items()) if self._documents.get(path) != target]
        changed = [(target.path, target) for target in new]
        gone = [(path, None) for path in self._documents if path not in now]
        for path, target in (*changed, *gone):
            orders, targets = self._changes.setdefault(path, ([], []))
            orders.append(published.order)
            targets.append(target)
        self._documents = now
        self._numbers.append(published.release)
        self._moments[published.release] = Moment(
            published.release, published.order, published.root_version, published.expires
        )
        return new

    def moment(self, release: int) -> Moment | None:
        """Return a release by its number, or None when the verified history does not have it."""
        return self._moments.get(release)

    def number(self, order: int) -> int:
        """Return the release that has a place in the order."""
        return self._numbers[order]

    def target(self, path: str, order: int) -> Target | None:
        """Return what a release says of a path."""
        orders, targets = self._changes.get(path, ([], []))
        index = bisect_right(orders, order)
        return targets[index - 1] if index else None

    def keys(self, cluster: ClusterName) -> list[tuple[int, str]]:
        """Return which receipt key was pinned from which release on (its order), the empty ones included."""
        orders, targets = self._changes.get(cluster_path(cluster), ([], []))
        found: list[tuple[int, str]] = []
        for order, target in zip(orders, targets, strict=True):
            key = target.custom.receipt_key if target and isinstance(target.custom, ClusterCustom) else ""
            if not found or found[-1][1] != key:
                found.append((order, key))
        return found

    def clusters(self) -> Iterator[ClusterName]:
        """Yield every cluster that some release had in its inventory, in order."""
        prefix = f"{INVENTORY}/"
        yield from (ClusterName(path.removeprefix(prefix)) for path in sorted(self._changes) if path.startswith(prefix))

    def is_placed(self, target: Target, cluster: ClusterName, order: int) -> bool:
        """Tell whether a release places a policy on a cluster."""
        return target in self._placed(cluster, order, [target])

    def was_placed(self, path: str, digest: str, cluster: ClusterName, order: int) -> bool:
        """Tell whether some release, up to this one, placed a version of a policy on a cluster.

        Asked of the first and of the last release that has the version: labels can change between.
        """
        orders, targets = self._changes.get(path, ([], []))
        ends = [*(following - 1 for following in orders[1:]), order]
        return any(
            target is not None
            and target.digest == digest
            and any(self.is_placed(target, cluster, when) for when in (begun, min(end, order)))
            for begun, end, target in zip(orders, ends, targets, strict=False)
            if begun <= order
        )

    def placed(self, cluster: ClusterName, order: int) -> list[Target]:
        """Return every policy that a release places on a cluster, by path."""
        found = (self.target(path, order) for path in self._changes)
        policies = [target for target in found if target is not None and target.team]
        return self._placed(cluster, order, policies)

    def _placed(self, cluster: ClusterName, order: int, policies: list[Target]) -> list[Target]:
        own = self.target(cluster_path(cluster), order)
        if own is None:
            return []
        documents = {target.path: target for target in (own, *policies)}
        state = TrustState(root=b"", floors=Floors(), documents=documents)
        return [target for target in placed(state, cluster) if target.team]
