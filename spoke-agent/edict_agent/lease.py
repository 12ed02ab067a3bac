"""One agent in a cluster: a Lease that is held by renewing it (coordination.k8s.io/v1), so that receipts never fork."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2

from edict import log
from edict.clock import Clock
from edict.errors import AgentError
from edict_agent.backoff import persist
from edict_agent.codes import Code
from edict_agent.kube import Kube, Live, as_agent_error, is_conflict, is_transient
from edict_agent.kube.resources import LEASE

NAME = "edict-agent"
DURATION = 15
RENEW_EVERY = 5.0
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_log = log.get("edict_agent.lease")


class Lease:
    """The right to be this cluster's agent.

    Args:
        holder: what nobody else calls himself. An agent that restarts under the same name goes on at once.
    """

    def __init__(self, kube: Kube, namespace: str, holder: str, *, clock: Clock) -> None:
        self._kube = kube
        self._namespace = namespace
        self._holder = holder
        self._clock = clock
        self._renewed = 0.0
        self._fresh = asyncio.Event()

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        told = ""
        while True:
            live = await persist(self._clock, lambda: self._kube.get(LEASE, NAME, self._namespace))
            other = self._other(live)
            if other and other != told:
                _log.info("waiting: another agent holds the lease", holder=other)
                told = other
            if not other and await self._take(live):
                _log.info("lease held", holder=self._holder)
                return
            await self._clock.sleep(1.0)

    async def hold(self) -> None:
        """Renew for ever.

        Raises:
            AgentError: EDICT0560 when another agent took it.
        """
        while True:
            await self._clock.sleep(RENEW_EVERY)
            try:
                live = await self._kube.get(LEASE, NAME, self._namespace)
                if self._other(live):
                    raise AgentError(
                        Code.LEASE_LOST, "another agent took the lease", where=self._where, remedy="run one agent"
                    )
                await self._take(live)
            except httpx2.HTTPError as error:
                if not is_transient(error):
                    raise as_agent_error(error, self._where) from None
                _log.warning("lease not renewed", error=str(error) or repr(error))
            self._judge()

    async def held(self) -> None:
        """Return as soon as the lease was renewed recently enough that nobody else can have it."""
        self._judge()
        await self._fresh.wait()

    async def release(self) -> None:
        """Give it up, so that the next agent need not wait; best effort."""
        try:
            live = await self._kube.get(LEASE, NAME, self._namespace)
            if live is not None and live["spec"].get("holderIdentity") == self._holder:
                await self._kube.replace(LEASE, {**live, "spec": {**live["spec"], "holderIdentity": ""}})
        except httpx2.HTTPError as error:
            _log.info("lease not released", error=str(error) or repr(error))

    def _judge(self) -> None:
        if self._clock.monotonic() - self._renewed < DURATION:
            self._fresh.set()
        else:
            self._fresh.clear()

    def _other(self, live: Live | None) -> str:
        """Return who else holds the lease now; empty when nobody does."""
        spec = (live or {}).get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        if holder in {"", self._holder}:
            return ""
        renewed = datetime.fromisoformat(spec["renewTime"]) if spec.get("renewTime") else None
        length = timedelta(seconds=int(spec.get("leaseDurationSeconds") or DURATION))
        return holder if renewed is not None and self._clock.now() < renewed + length else ""

    async def _take(self, live: Live | None) -> bool:
        started = self._clock.monotonic()
        now = self._clock.now().strftime(_FORMAT)
        spec: dict[str, Any] = dict((live or {}).get("spec") or {})
        if spec.get("holderIdentity") != self._holder:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        spec |= {"holderIdentity": self._holder, "renewTime": now, "leaseDurationSeconds": DURATION}
        try:
            if live is None:
                metadata = {"name": NAME, "namespace": self._namespace}
                body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
                await self._kube.create(LEASE, body)
            else:
                await self._kube.replace(LEASE, {**live, "spec": spec})
        except httpx2.HTTPStatusError as error:
            if is_conflict(error):
                return False
            raise
        self._renewed = started
        self._fresh.set()
        return True

    @property
    def _where(self) -> str:
        return f"Lease {self._namespace}/{NAME}"
