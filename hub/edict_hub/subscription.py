"""Following what changes, in bounded memory: names that changed, each once, until they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edict.ids import ClusterName


class Subscription:
    """Names of clusters that changed since they were last taken: never more than there are clusters.

    Args:
        forget: called when it is closed.
    """

    def __init__(self, forget: Callable[[], None]) -> None:
        self._names: set[ClusterName] = set()
        self._wake = asyncio.Event()
        self._forget = forget
        self._closed = False

    def changed(self, cluster: ClusterName | None) -> None:
        """Note a change; None is one of no cluster."""
        if cluster is not None:
            self._names.add(cluster)
        self._wake.set()

    async def take(self) -> list[ClusterName] | None:
        """Wait for changes and return the clusters, in order: none when something else changed, None at the end."""
        await self._wake.wait()
        self._wake.clear()
        names, self._names = self._names, set()
        return None if self._closed else sorted(names)

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._wake.set()
        self._forget()
