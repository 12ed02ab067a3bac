"""A list-watch reflector: what a collection holds, kept up to date through every way that a watch can end.

It lists, then watches from the list's resource version and resumes from the last event or bookmark when the server
closes the stream; after 410 it lists again and finds what was deleted meanwhile by comparing. Reads have a time limit
a little above the watch's own, so a connection that died unseen is noticed. Failures back off with full jitter.

It asks for the whole collection and selects here: Calico's API server tells a watch with a label selector nothing when
an object loses the label.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import TypeAlias

import httpx2
from tenacity import wait_random_exponential

from edict import log
from edict.clock import Clock
from edict_agent.backoff import pause
from edict_agent.kube import Gone, Kube, Live, Resource

Key: TypeAlias = tuple[str, str, str]
"""(plural, namespace, name) of an object."""
OnChange: TypeAlias = Callable[[Key], None]

WATCH_SECONDS = (60, 120)
LASTED_SECONDS = 5.0
"""A watch that ends sooner counts as failed, however it ended, so that no server can make us spin."""
LIST_AFTER = 3
"""After so many failures in a row it lists anew: a restored etcd waits in vain for a version of its future."""
BACKOFF = wait_random_exponential(multiplier=0.5, max=30)
_log = log.get("edict_agent.reflector")


def key_of(resource: Resource, live: Live) -> Key:
    """Return the key of an object."""
    metadata = live["metadata"]
    return (resource.plural, metadata.get("namespace", ""), metadata["name"])


def version_of(live: Live | None) -> int:
    """Return an object's resource version as a number (comparable by KEP-5504); 0 when there is none."""
    raw = str(((live or {}).get("metadata") or {}).get("resourceVersion", ""))
    return int(raw) if raw.isdigit() else 0


class Reflector:
    """The objects of one collection that `keep` selects. `run` it as a task; read `objects` once `synced` is set."""

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        keep: Callable[[Live], bool],
        *,
        clock: Clock,
        rng: random.Random,
        on_change: OnChange,
    ) -> None:
        self.resource = resource
        self._keep = keep
        self.synced = asyncio.Event()
        self._kube = kube
        self._clock = clock
        self._rng = rng
        self._on_change = on_change
        self._objects: dict[Key, Live] = {}
        self._version = ""

    @property
    def objects(self) -> Mapping[Key, Live]:
        """What the collection held when it was last heard of."""
        return self._objects

    def put(self, live: Live) -> None:
        """Take the answer to a write of ours at once, so that an older event does not look like drift."""
        key = key_of(self.resource, live)
        if version_of(live) >= version_of(self._objects.get(key)):
            self._objects[key] = live

    def forget(self, key: Key) -> None:
        """Take the success of a deletion of ours at once."""
        self._objects.pop(key, None)

    async def run(self) -> None:
        """Reflect for ever."""
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Gone:
                _log.info("watch too old, listing again", kind=self.resource.kind)
                self._version = ""
            except httpx2.HTTPError as error:
                _log.warning("watch failed", kind=self.resource.kind, error=str(error) or repr(error))
            failures = 0 if self._clock.monotonic() - began >= LASTED_SECONDS else failures + 1
            if failures >= LIST_AFTER:
                self._version = ""
            if failures:
                await pause(self._clock, BACKOFF, failures)

    async def _list(self) -> None:
        items, version = await self._kube.list(self.resource)
        fresh = {key_of(self.resource, item): item for item in items if self._keep(item)}
        changed = [key for key in fresh if version_of(fresh[key]) != version_of(self._objects.get(key))]
        changed += self._objects.keys() - fresh.keys()
        self._objects = fresh
        self._version = version
        self.synced.set()
        for key in changed:
            self._on_change(key)

    async def _watch(self) -> None:
        seconds = self._rng.randint(*WATCH_SECONDS)
        async for event, live in self._kube.watch(self.resource, version=self._version, seconds=seconds):
            self._version = live["metadata"]["resourceVersion"]
            if event != "BOOKMARK":
                self._take(event, live)

    def _take(self, event: str, live: Live) -> None:
        key = key_of(self.resource, live)
        held = self._objects.get(key)
        if version_of(live) < version_of(held):
            return  # older than the answer to a write of ours
        if event != "DELETED" and self._keep(live):
            self._objects[key] = live
        elif held is not None:
            del self._objects[key]
        else:
            return
        self._on_change(key)
