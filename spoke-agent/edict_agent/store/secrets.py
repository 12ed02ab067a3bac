"""Keeps the state in Secrets so that a crash at any point leaves the old or the new, never a mixture.

A release fills the generation that does not count; the head Secret, which names the generation and the digest of its
content, is replaced last and only at the resource version that this agent wrote: a second agent cannot fork it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import httpx2
from msgspec.structs import replace

from edict import log
from edict.clock import Clock
from edict.errors import AgentError
from edict.ids import Digest
from edict_agent.backoff import persist
from edict_agent.codes import Code
from edict_agent.kube import Kube, Live, as_agent_error, is_conflict
from edict_agent.kube.resources import SECRET
from edict_agent.store.model import Head, ReceiptHead, Verified, pack, unpack_head, unpack_verified

HEAD = "edict-agent-state"
CHUNK = 900 * 1024
MAX_CHUNKS = 64
_log = log.get("edict_agent.store")


class StateStore:
    """The stored state of one agent. `load` comes first; writes are one at a time."""

    def __init__(self, kube: Kube, namespace: str, *, clock: Clock) -> None:
        self._kube = kube
        self._namespace = namespace
        self._clock = clock
        self._lock = asyncio.Lock()
        self._version = ""
        self.head = Head()

    async def load(self) -> Verified | None:
        """Read the state; None when there is none, or when it cannot be read. Sets `head`."""
        secret = await persist(self._clock, lambda: self._kube.get(SECRET, HEAD, self._namespace))
        if secret is None:
            return None
        self._version = secret["metadata"]["resourceVersion"]
        try:
            self.head = unpack_head(_content(secret))
            return unpack_verified(await self._read_generation()) if self.head.generation else None
        except ValueError as error:
            _log.error("stored state unreadable", error=str(error))
            return None

    async def save(self, verified: Verified) -> None:
        """Write a release; the head that makes it count flips last.

        Raises:
            AgentError: EDICT0558 when it is too large, EDICT0559 when another agent wrote the head.
        """
        async with self._lock:
            content = await asyncio.to_thread(pack, verified)
            chunks = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
            if len(chunks) > MAX_CHUNKS:
                raise _too_large(f"{len(content)} bytes", f"{MAX_CHUNKS * CHUNK}")
            generation = "b" if self.head.generation == "a" else "a"
            for index, chunk in enumerate(chunks):
                body = self._body(f"{HEAD}-{generation}-{index}", chunk)
                await persist(self._clock, partial(self._kube.apply, SECRET, body))
            sha256 = hashlib.sha256(content).hexdigest()
            await self._flip(replace(self.head, generation=generation, chunks=len(chunks), sha256=sha256))

    async def set_applied(self, applied: Mapping[str, Digest]) -> None:
        """Remember which document of each policy stands."""
        async with self._lock:
            await self._flip(replace(self.head, applied=dict(applied)))

    async def set_receipts(self, receipts: ReceiptHead) -> None:
        """Remember where the receipt chain stands."""
        async with self._lock:
            await self._flip(replace(self.head, receipts=receipts))

    async def set_floor_lost(self, since: str) -> None:
        """Remember since when a floor is lost; empty when an author cleared it."""
        async with self._lock:
            await self._flip(replace(self.head, floor_lost=since))

    async def set_ended(self, ended: Collection[Digest]) -> None:
        """Remember which waivers have ended."""
        async with self._lock:
            await self._flip(replace(self.head, ended=tuple(sorted(ended))))

    async def _flip(self, head: Head) -> None:
        content = await asyncio.to_thread(pack, head)
        if len(content) > CHUNK:
            raise _too_large(f"a head of {len(content)} bytes", f"{CHUNK}")
        body = self._body(HEAD, content)
        if self._version:
            body["metadata"]["resourceVersion"] = self._version
        write = self._kube.replace if self._version else self._kube.create
        try:
            stored = await persist(self._clock, partial(write, SECRET, body))
        except httpx2.HTTPStatusError as error:
            if not is_conflict(error):
                raise as_agent_error(error, self._where) from None
            stored = await self._own_write(body)
        self._version = stored["metadata"]["resourceVersion"]
        self.head = head

    async def _own_write(self, body: Live) -> Live:
        """Return the stored head if it is what we just wrote, whose answer was lost; else somebody else wrote it."""
        stored = await persist(self._clock, lambda: self._kube.get(SECRET, HEAD, self._namespace))
        if stored is not None and stored.get("data") == body["data"]:
            return stored
        raise AgentError(
            Code.STATE_CONTESTED,
            "another agent, or a person, changed the agent's state",
            where=self._where,
            remedy="run one agent in a cluster; this one ends and starts again from what is stored",
        )

    async def _read_generation(self) -> bytes:
        head, parts = self.head, []
        for index in range(head.chunks):
            name = f"{HEAD}-{head.generation}-{index}"
            read = partial(self._kube.get, SECRET, name, self._namespace)
            secret = await persist(self._clock, read)
            if secret is None:
                raise ValueError(f"Secret {name} is missing")
            parts.append(_content(secret))
        content = b"".join(parts)
        if hashlib.sha256(content).hexdigest() != head.sha256:
            raise ValueError("the digest differs")
        return content

    @property
    def _where(self) -> str:
        return f"Secret {self._namespace}/{HEAD}"

    def _body(self, name: str, content: bytes) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self._namespace},
            "type": "Opaque",
            "data": {"state": base64.b64encode(content).decode()},
        }


def _content(secret: Live) -> bytes:
    try:
        return base64.b64decode(secret["data"]["state"])
    except (KeyError, TypeError, binascii.Error):
        raise ValueError("a Secret of the state has no content") from None


def _too_large(has: str, limit: str) -> AgentError:
    return AgentError(
        Code.STATE_TOO_LARGE,
        f"the state has {has} and at most {limit} are kept",
        remedy="split the federation: fewer clusters or fewer policies under one root",
    )
