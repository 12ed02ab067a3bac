"""Keeps the wanted objects standing: writes what differs, reverts drift, removes what is no longer in the plan.

One worker, rounds in order (see `order`), a few writes at a time within a round and one in flight per object. An
object that conforms is never written. Removals come last and spare a policy that has an object in trouble.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from itertools import groupby

from edict.clock import Clock
from edict_agent.backoff import wake_or_pause
from edict_agent.kube import Kube, Live, Resource
from edict_agent.metrics import Metrics
from edict_agent.reconcile.compare import is_labelled, is_ours
from edict_agent.reconcile.order import rank, removal_rank
from edict_agent.reconcile.reflector import Key, Reflector
from edict_agent.reconcile.wanted import Progress, Wanted
from edict_agent.reconcile.write import Writer
from edict_agent.translate.objects import POLICY_LABEL

AT_ONCE = 8


class Keeper:
    """The objects of one dialect in one cluster.

    Args:
        kinds: the dialect's kinds, in the order in which they are made.
        may_write: returns as soon as this agent holds the lease.
        on_progress: called whenever an object settled, failed, drifted or changed.
    """

    def __init__(
        self,
        kube: Kube,
        kinds: tuple[Resource, ...],
        *,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        may_write: Callable[[], Awaitable[None]],
        on_progress: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._may_write = may_write
        self._on_progress = on_progress
        self._reflectors = {
            kind.plural: Reflector(kube, kind, is_ours, clock=clock, rng=rng, on_change=self._changed) for kind in kinds
        }
        self._writer = Writer(kube, clock=clock, metrics=metrics)
        self._wanted: Mapping[Key, Wanted] | None = None
        self._kept: frozenset[str] = frozenset()
        self._namespaces: frozenset[str] | None = None
        self._progress: dict[Key, Progress] = {}
        self._dirty: set[Key] = set()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def want(
        self, wanted: Mapping[Key, Wanted], kept: frozenset[str], namespaces: frozenset[str] | None = None
    ) -> None:
        """Set what should stand.

        Args:
            wanted: the whole plan.
            kept: labels of policies whose standing objects stay, though the plan has none for them.
            namespaces: those that stay; what stands in others goes with them, and never before them. None is all.
        """
        before = self._wanted or {}
        self._namespaces = namespaces
        carried = {
            key: each for key, each in before.items() if each.label in kept and key not in wanted and self._stays(key)
        }
        self._wanted = {**carried, **wanted}
        self._kept = kept
        self._dirty |= {key for key, each in self._wanted.items() if before.get(key) != each}
        self._progress = {key: self._progress.get(key) or Progress() for key in self._wanted}
        for key in self._dirty & self._progress.keys():
            self._progress[key].due = 0.0
        self._wake.set()

    @property
    def wanted(self) -> Mapping[Key, Wanted]:
        """What should stand."""
        return self._wanted or {}

    def progress(self, key: Key) -> Progress:
        """How far a wanted object has come."""
        return self._progress[key]

    def live(self, key: Key) -> Live | None:
        """Return the object as it was last seen."""
        return self._reflectors[key[0]].objects.get(key)

    def stands(self, wanted: Wanted) -> bool:
        """Tell whether a wanted object stands, without trouble."""
        progress = self._progress[wanted.key]
        return progress.error is None and progress.settled == wanted.body

    def unwanted(self) -> list[Key]:
        """Return objects of ours that stand and should not, and may be removed now."""
        if self._wanted is None:
            return []
        spared = self._kept | {
            each.label for key, each in self._wanted.items() if self._progress[key].error is not None
        }
        found = [
            (key, live)
            for reflector in reversed(self._reflectors.values())
            for key, live in reflector.objects.items()
            if key not in self._wanted and is_labelled(live) and _label(live) not in spared and self._stays(key)
        ]
        return [key for key, live in sorted(found, key=lambda item: removal_rank(item[0][0], item[1]))]

    @property
    def synced(self) -> bool:
        """Whether every collection has been listed."""
        return all(reflector.synced.is_set() for reflector in self._reflectors.values())

    @property
    def held(self) -> int:
        """How many objects of ours stand."""
        return sum(is_labelled(live) for reflector in self._reflectors.values() for live in reflector.objects.values())

    async def run(self) -> None:
        """Keep for ever."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors.values():
                group.create_task(reflector.run())
            group.create_task(self._work())

    async def _work(self) -> None:
        for reflector in self._reflectors.values():
            await reflector.synced.wait()
        while True:
            await wake_or_pause(self._clock, self._wake, self._until_due())
            if self._wanted is not None:
                await self._may_write()
                await self._round()
                self._on_progress()

    def _stays(self, key: Key) -> bool:
        """Tell whether an object's namespace is one that stays, or it has none."""
        return not key[1] or self._namespaces is None or key[1] in self._namespaces

    def _changed(self, key: Key) -> None:
        self._dirty.add(key)
        self._metrics.queue(len(self._dirty))
        self._wake.set()

    def _until_due(self) -> float | None:
        due = [each.due for each in self._progress.values() if each.due]
        return min(due) - self._clock.monotonic() if due else None

    async def _round(self) -> None:
        now = self._clock.monotonic()
        dirty, self._dirty = self._dirty, set()
        for key, each in self._progress.items():
            if each.due and each.due <= now:
                each.due = 0.0
                dirty.add(key)
        wanted = self.wanted
        todo = sorted(
            ((rank(each), key) for key, each in wanted.items() if key in dirty),
        )
        for _, ranked in groupby(todo, key=lambda item: item[0]):
            await asyncio.gather(*(self._keep(wanted[key]) for _, key in ranked))
        for key in self.unwanted():
            await self._remove(key)
        self._metrics.queue(len(self._dirty))
        self._metrics.objects(self.held)

    async def _keep(self, wanted: Wanted) -> None:
        progress = self._progress.get(wanted.key)
        if progress is None or progress.due:
            return  # the plan changed meanwhile, or it waits for its next try
        async with self._slots:
            live = await self._writer.keep(wanted, progress, self.live(wanted.key))
        if live is not None:
            self._reflectors[wanted.resource.plural].put(live)

    async def _remove(self, key: Key) -> None:
        reflector, live = self._reflectors[key[0]], self.live(key)
        if live is None or not is_labelled(live):
            return  # changed since it was found
        if await self._writer.remove(reflector.resource, live):
            reflector.forget(key)
        else:
            self._dirty.add(key)


def _label(live: Live) -> str:
    return str((live["metadata"].get("labels") or {}).get(POLICY_LABEL, ""))
