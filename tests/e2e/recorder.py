"""Writes down every state that a cluster's managed objects go through, with the official client's watch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Self

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from demo.objects import KINDS, OURS
from tests.env import Cluster
from tests.env.clients import dynamic_client

DIGEST = "federation.edict.dev/document"


@dataclass(frozen=True)
class Sighting:
    """One watch event of one object."""

    kind: str
    name: str
    event: str
    uid: str
    digest: str
    generation: int


class Recorder:
    """Watches until it is closed, through restarts of the API server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = Lock()
        self._done = Event()
        self._seen: list[Sighting] = []
        self._threads = [
            Thread(target=self._watch, args=(version, kind), daemon=True) for version, kind in KINDS[cluster.kind]
        ]

    def __enter__(self) -> Self:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._done.set()

    def seen(self) -> list[Sighting]:
        """Return all sightings so far."""
        with self._lock:
            return list(self._seen)

    def flaps(self) -> list[str]:
        """Return objects that were deleted, or that went back to a document they had left."""
        found: list[str] = []
        history: dict[tuple[str, str], list[str]] = {}
        for sighting in self.seen():
            past = history.setdefault((sighting.kind, sighting.name), [])
            if sighting.event == "DELETED":
                found.append(f"{sighting.kind} {sighting.name} was deleted")
            elif not past or past[-1] != sighting.digest:
                if sighting.digest in past:
                    found.append(f"{sighting.kind} {sighting.name} went back to {sighting.digest}")
                past.append(sighting.digest)
        return found

    def _watch(self, version: str, kind: str) -> None:
        while not self._done.is_set():
            try:
                resource = dynamic_client(self._cluster.kubeconfig).resources.get(api_version=version, kind=kind)
                for event in resource.watch(label_selector=OURS, timeout=5):
                    self._note(event["type"], kind, event["object"])
                    if self._done.is_set():
                        return
            except (ApiException, HTTPError, OSError):
                time.sleep(0.2)  # the API server is restarting: ask again

    def _note(self, event: str, kind: str, item: Any) -> None:
        meta = item.metadata
        digest = (meta.annotations or {}).get(DIGEST, "")
        sighting = Sighting(kind, meta.name, event, meta.uid, digest, meta.generation or 0)
        with self._lock:
            if sighting not in self._seen:
                self._seen.append(sighting)
