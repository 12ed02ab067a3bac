"""A clock that a test turns, and an API server in memory for faults that a real one will not show on demand."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from edict_agent.kube import Live, Resource


class TurnedClock:
    """Sleeping takes no time and turns the clock."""

    def __init__(self) -> None:
        self.start = datetime(2026, 1, 1, tzinfo=UTC)
        self.passed = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)


def refused(status: int) -> httpx2.HTTPStatusError:
    request = httpx2.Request("GET", "https://cluster.example")
    return httpx2.HTTPStatusError(f"status {status}", request=request, response=httpx2.Response(status))


class MemoryKube:
    """Objects in a dict, resource versions that grow, and faults to order."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Live] = {}
        self.faults: list[httpx2.HTTPError] = []
        self.writes = 0
        self.answers: dict[str, Any] = {}
        self._versions = itertools.count(1)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Live | None:
        self._fail()
        return deepcopy(self.objects.get((resource.plural, namespace, name)))

    async def list(self, resource: Resource, namespace: str = "", labels: str = "") -> tuple[list[Live], str]:
        self._fail()
        assert not namespace
        items = [
            deepcopy(live)
            for (plural, _, _), live in self.objects.items()
            if plural == resource.plural and _selected(live, labels)
        ]
        return items, str(next(self._versions))

    async def watch(self, *_: object, **__: object) -> AsyncIterator[tuple[str, Live]]:
        events: list[tuple[str, Live]] = []
        for event in events:
            yield event

    async def apply(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        self._fail()
        return self._store(resource, body)

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        self._fail()
        if self._key(resource, body) in self.objects:
            raise refused(409)
        return self._store(resource, body)

    async def replace(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        self._fail()
        held = self.objects.get(self._key(resource, body))
        if held is None:
            raise refused(404)
        if body["metadata"].get("resourceVersion") != held["metadata"]["resourceVersion"]:
            raise refused(409)
        return self._store(resource, body)

    async def drop_fields(self, resource: Resource, live: Live, paths: Sequence[tuple[str, ...]]) -> Live:
        raise NotImplementedError

    async def delete(self, resource: Resource, live: Live) -> None:
        self._fail()
        held = self.objects.get(self._key(resource, live))
        if held is None:
            return
        if held["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
            raise refused(409)
        del self.objects[self._key(resource, live)]

    async def raw(self, path: str) -> Any | None:
        self._fail()
        return self.answers.get(path)

    def put(self, resource: Resource, **body: Any) -> None:
        """Have an object."""
        self._store(resource, body)

    def _store(self, resource: Resource, body: Mapping[str, Any]) -> Live:
        self.writes += 1
        live = deepcopy(dict(body))
        live["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[self._key(resource, body)] = live
        return deepcopy(live)

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    @staticmethod
    def _key(resource: Resource, body: Mapping[str, Any]) -> tuple[str, str, str]:
        return (resource.plural, body["metadata"].get("namespace", ""), body["metadata"]["name"])


def _selected(live: Live, labels: str) -> bool:
    """Tell whether an object has all of ``key=value,key``."""
    has = live["metadata"].get("labels") or {}
    return all(
        has.get(key) == value if equals else key in has
        for key, equals, value in (each.partition("=") for each in labels.split(",") if each)
    )
