"""The namespaces that stay, with their labels, and a watch that tells when they change."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

import httpx2

from edict.clock import Clock
from edict_agent.kube import Kube, Live, is_transient
from edict_agent.kube.resources import NAMESPACE
from edict_agent.reconcile.reflector import Key, Reflector

Labels = Mapping[str, str]
Namespaces = Mapping[str, Labels]
_NONE: Namespaces = MappingProxyType({})


async def read_namespaces(kube: Kube) -> Namespaces | None:
    """Return the labels of every namespace that stays, by its name; None when the agent may not list them."""
    try:
        found, _ = await kube.list(NAMESPACE)
    except httpx2.HTTPStatusError as error:
        if is_transient(error):
            raise
        return None
    labels = {str(live["metadata"]["name"]): _labels(live) for live in found}
    return {name: mine for name, mine in sorted(labels.items()) if mine is not None}


class NamespaceWatch:
    """Tells of every namespace that appears, goes or has other labels than it had; of nothing else about them."""

    def __init__(
        self,
        kube: Kube,
        known: Namespaces | None,
        *,
        clock: Clock,
        rng: random.Random,
        on_change: Callable[[], None],
    ) -> None:
        self._known = dict(known or _NONE)
        self._on_change = on_change
        self._reflector = Reflector(kube, NAMESPACE, lambda _: True, clock=clock, rng=rng, on_change=self._changed)

    async def run(self) -> None:
        """Watch for ever."""
        await self._reflector.run()

    def _changed(self, key: Key) -> None:
        live = self._reflector.objects.get(key)
        labels = None if live is None else _labels(live)
        if self._known.get(key[2]) == labels:
            return
        if labels is None:
            del self._known[key[2]]
        else:
            self._known[key[2]] = labels
        self._on_change()


def _labels(live: Live) -> Labels | None:
    """Return the labels, or None where the namespace is on its way out and takes nothing new."""
    metadata = live["metadata"]
    return None if metadata.get("deletionTimestamp") else dict(metadata.get("labels") or {})
