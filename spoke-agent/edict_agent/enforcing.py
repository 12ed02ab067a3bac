"""Enforces with the dialect that the cluster speaks, reads its facts again, and begins anew with another one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from edict import log
from edict.clock import Clock
from edict.errors import AgentError
from edict_agent.backoff import RECONNECT, pause, wake_or_pause
from edict_agent.detect import Detected, NamespaceWatch, detect
from edict_agent.enforcement import Enforcement
from edict_agent.health import Health
from edict_agent.kube import Kube
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.reconcile.leftovers import leftovers
from edict_agent.reporter import Reporter
from edict_agent.sync.acks import Acks
from edict_agent.tasks import until_first
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.waiver_clock import WaiverClock

SETTLE_SECONDS = 0.2
"""How long to wait for what changes together, such as many namespaces at once, before the facts are read again."""
_log = log.get("edict_agent.enforcing")


class Enforcing:
    """One enforcement after the other; the one that runs is the reporter's.

    Args:
        facts_every: seconds between two readings of the cluster's facts.
        may_write: returns as soon as this agent holds the lease.
    """

    def __init__(
        self,
        kube: Kube,
        memory: Memory,
        acks: Acks,
        reporter: Reporter,
        *,
        namespace: str,
        facts_every: float,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        health: Health,
        may_write: Callable[[], Awaitable[None]],
    ) -> None:
        self._kube = kube
        self._memory = memory
        self._acks = acks
        self._reporter = reporter
        self._namespace = namespace
        self._facts_every = facts_every
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._health = health
        self._may_write = may_write
        self._waivers = WaiverClock(memory, clock)

    async def run(self) -> None:
        """Enforce for ever."""
        while True:
            detected = await self._detect()
            self._health.started = True
            self._reporter.problem, self._reporter.enforcement = detected.problem, None
            if detected.dialect is None:
                _log.error("no dialect", error=str(detected.problem))
                self._reporter.wake.set()
                await self._clock.sleep(self._facts_every)
                continue
            version = detected.facts.plugin_version
            _log.info("dialect", dialect=detected.dialect.value, version=version, advice=detected.advice)
            await self._enforce(detected.dialect, detected.facts)

    async def _enforce(self, dialect: Dialect, facts: Facts) -> None:
        """Enforce until the cluster speaks another dialect."""
        self._reporter.enforcement = enforcement = Enforcement(
            self._kube,
            dialect,
            facts,
            self._memory,
            self._acks,
            waivers=self._waivers,
            namespace=self._namespace,
            clock=self._clock,
            rng=self._rng,
            metrics=self._metrics,
            may_write=self._may_write,
            on_progress=self._reporter.wake.set,
            leftovers=await leftovers(self._kube, dialect),
        )
        changed = asyncio.Event()
        running = [enforcement.run(), self._refresh(enforcement, changed)]
        if dialect is Dialect.NETWORK_POLICY:
            watch = NamespaceWatch(
                self._kube, facts.namespaces, clock=self._clock, rng=self._rng, on_change=changed.set
            )
            running.append(watch.run())
        await until_first(*running)

    async def _refresh(self, enforcement: Enforcement, changed: asyncio.Event) -> None:
        """Read the facts again and again, soon after something changed; returns when the dialect is another one."""
        while True:
            await wake_or_pause(self._clock, changed, self._facts_every)
            await self._clock.sleep(SETTLE_SECONDS)
            changed.clear()
            if not enforcement.refresh(await self._detect()):
                _log.warning("the cluster speaks another dialect now")
                return

    async def _detect(self) -> Detected:
        failures = 0
        while True:
            try:
                return await detect(self._kube)
            except AgentError as error:
                failures += 1
                _log.warning("cluster not read", code=error.code, error=str(error))
                await pause(self._clock, RECONNECT, failures)
