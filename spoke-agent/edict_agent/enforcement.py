"""From a verified release to what stands and what is said of it, with one dialect, for as long as it lasts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from opentelemetry import trace

from edict import log
from edict.clock import Clock
from edict.ids import Digest
from edict.telemetry import context_from
from edict_agent.backoff import wake_or_pause
from edict_agent.conformance.acceptance import Accepted, acceptance, together
from edict_agent.desired import Desired, desire_waived
from edict_agent.detect import Detected
from edict_agent.kube import Kube, Resource
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.reconcile.keeper import Keeper
from edict_agent.reconcile.order import KINDS
from edict_agent.reconcile.wanted import wanted_from
from edict_agent.sync.acks import Acks
from edict_agent.sync.judge import Judged
from edict_agent.translate import Translator
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.facts import Facts
from edict_agent.waiver_clock import WaiverClock

ACCEPT_SECONDS = 3.0
"""How long a plugin may take to answer before its silence is told; a later answer is told too."""
_log = log.get("edict_agent.enforcement")
_tracer = trace.get_tracer("edict_agent")


class Enforcement:
    """Plans and keeps. `keeper` and `desired` are what reports are made of.

    `leftovers` are kinds of other dialects of which objects of ours stand: they go once the plan stands.
    """

    def __init__(
        self,
        kube: Kube,
        dialect: Dialect,
        facts: Facts,
        memory: Memory,
        acks: Acks,
        *,
        waivers: WaiverClock,
        namespace: str,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        may_write: Callable[[], Awaitable[None]],
        on_progress: Callable[[], None],
        leftovers: tuple[Resource, ...] = (),
    ) -> None:
        self.dialect = dialect
        self.facts = facts
        self.desired: Desired | None = None
        self._memory = memory
        self._acks = acks
        self._waivers = waivers
        self._namespace = namespace
        self._clock = clock
        self._on_progress = on_progress
        self._wake = asyncio.Event()
        self._planned: Judged | None = None
        self._planned_facts: Facts | None = None
        self._translator = Translator(dialect, facts, namespace)
        self._applied: Judged | None = None
        self._applied_at = 0.0
        self._told: Accepted | None = None
        self._apply_span: trace.Span = trace.INVALID_SPAN
        self.keeper = Keeper(
            kube,
            (*KINDS[dialect], *leftovers),
            clock=clock,
            rng=rng,
            metrics=metrics,
            may_write=may_write,
            on_progress=self._wake.set,
        )

    def refresh(self, detected: Detected) -> bool:
        """Take newly read facts; False when the dialect is another one now and this enforcement must end."""
        if detected.dialect is not self.dialect:
            return False
        self.facts = detected.facts
        self._wake.set()
        return True

    def release_changed(self) -> None:
        """A release was verified."""
        self._wake.set()

    async def run(self) -> None:
        """Enforce for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeper.run())
            group.create_task(self._steer())

    async def _steer(self) -> None:
        self._wake.set()
        while True:
            await wake_or_pause(self._clock, self._wake, self._pause())
            judged = self._memory.judged
            if judged is not None:
                await self._plan(judged)
                await self._advance(judged)
            self._on_progress()

    async def _plan(self, judged: Judged) -> None:
        waived, planned = await self._waivers.judge(judged), self.desired
        if judged is self._planned and self.facts == self._planned_facts and planned and planned.waived is waived:
            return
        facts = self.facts
        if planned is None or waived.policies != planned.waived.policies or facts != self._planned_facts:
            with _tracer.start_as_current_span("translate", context=context_from(judged.traceparent)) as span:
                span.set_attribute("edict.release", judged.state.release)
                if facts != self._translator.facts:
                    self._translator = Translator(self.dialect, facts, self._namespace)
                desired = await asyncio.to_thread(desire_waived, self._translator, waived, self._memory.standing)
            kinds = KINDS[self.dialect]
            wanted = {each.key: each for each in (wanted_from(one, kinds) for one in desired.plan.objects)}
            namespaces = None if facts.namespaces is None else frozenset(facts.namespaces)
            self.keeper.want(wanted, desired.kept, namespaces)
            self.desired = desired
            _log.info(
                "planned",
                release=judged.state.release,
                dialect=self.dialect.value,
                objects=len(wanted),
                refused=sum(outcome.refused for outcome in desired.outcomes.values()),
            )
        else:
            self.desired = replace(planned, waived=waived)
        self._planned, self._planned_facts = judged, facts
        self._applied, self._told = None, None
        self._apply_span = _tracer.start_span("apply", context=context_from(judged.traceparent))

    async def _advance(self, judged: Judged) -> None:
        desired = self.desired
        if desired is None or not self.keeper.synced:
            return
        await self._memory.set_applied(self._now_standing(judged, desired))
        if self._memory.judged is not judged or not self._all_stands():
            return
        release, version = judged.state.release, judged.state.timestamp_version
        if self._applied is not judged:
            self._applied, self._applied_at = judged, self._clock.monotonic()
            self._apply_span.set_attribute("edict.release", release)
            self._apply_span.end()
            self._acks.applied(release, version)
            _log.info("release applied", release=release, objects=len(self.keeper.wanted))
        answer = together(
            acceptance(each.resource, self.keeper.live(each.key))[0] for each in self.keeper.wanted.values()
        )
        waited = self._clock.monotonic() - self._applied_at
        if answer != self._told and (answer != "unobservable" or waited >= ACCEPT_SECONDS):
            self._told = answer
            with _tracer.start_as_current_span("accepted", context=context_from(judged.traceparent)) as span:
                span.set_attribute("edict.release", release)
                span.set_attribute("edict.accepted", answer)
            self._acks.accepted(release, version, answer)
            _log.info("release accepted", release=release, accepted=answer)

    def _now_standing(self, judged: Judged, desired: Desired) -> dict[str, Digest]:
        """Return which document of each policy stands: the planned one once all its objects do."""
        placed = {policy.id for policy in judged.policies}
        standing = {policy: digest for policy, digest in self._memory.applied.items() if policy in placed}
        late = {each.policy for each in self.keeper.wanted.values() if not self.keeper.stands(each)}
        standing |= {policy: digest for policy, digest in desired.standing.items() if policy not in late}
        return standing

    def _all_stands(self) -> bool:
        return all(self.keeper.stands(each) for each in self.keeper.wanted.values()) and not self.keeper.unwanted()

    def _pause(self) -> float | None:
        """Return how long to wait when nothing happens: until the plugin is late, or a waiver begins or ends."""
        due = [each for each in (self._until_answer(), self._waivers.wait()) if each is not None]
        return min(due, default=None)

    def _until_answer(self) -> float | None:
        """Return how long to wait for the plugin before telling that it says nothing."""
        if self._applied is None or self._told is not None:
            return None
        return self._applied_at + ACCEPT_SECONDS - self._clock.monotonic()
