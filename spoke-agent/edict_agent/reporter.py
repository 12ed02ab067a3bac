"""Says how things stand: reports into receipts, and one ConfigMap for people with kubectl."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx2

from edict import log
from edict.clock import Clock
from edict.errors import EdictError
from edict.trust.receipts import PolicyReport
from edict_agent.backoff import wake_or_pause
from edict_agent.conformance.chain import REPEAT_SECONDS, Chain
from edict_agent.conformance.reports import reports
from edict_agent.conformance.statement import Statement
from edict_agent.enforcement import Enforcement
from edict_agent.kube import Kube
from edict_agent.kube.resources import CONFIG_MAP
from edict_agent.memory import Memory

STATUS = "edict-agent-status"
PAUSE_SECONDS = 0.5
"""Changes that come together are told together."""
_log = log.get("edict_agent.reporter")


class Reporter:
    """Tells what `enforcement` does; `problem` says why there is none."""

    def __init__(self, kube: Kube, namespace: str, memory: Memory, chain: Chain, *, clock: Clock) -> None:
        self.enforcement: Enforcement | None = None
        self.problem: EdictError | None = None
        self.wake = asyncio.Event()
        self._kube = kube
        self._namespace = namespace
        self._memory = memory
        self._chain = chain
        self._clock = clock
        self._shown: dict[str, str] = {}
        self._was_stale = False

    async def run(self) -> None:
        """Report for ever."""
        self._chain.on_room = self.wake.set
        self.wake.set()
        while True:
            await wake_or_pause(self._clock, self.wake, self._pause())
            self._look_at_the_date()
            statement = self._statement()
            if statement is not None:
                await self._chain.say(statement)
            await self._show(statement)
            await self._clock.sleep(PAUSE_SECONDS)

    def _pause(self) -> float:
        """Return seconds until there is something to say by itself: at the latest when the release expires."""
        expires = self._expires()
        left = (expires - self._clock.now()).total_seconds() if expires else 0.0
        return min(left, REPEAT_SECONDS) if left > 0 else REPEAT_SECONDS

    def _expires(self) -> datetime | None:
        return self._memory.judged.state.expires if self._memory.judged else None

    def _stale(self) -> bool:
        expires = self._expires()
        return expires is not None and self._clock.now() >= expires

    def _look_at_the_date(self) -> None:
        stale = self._stale()
        if stale and not self._was_stale:
            _log.error("Stale: the release has expired and is enforced further", expired=str(self._expires()))
        elif self._was_stale and not stale:
            _log.info("no longer stale", expires=str(self._expires()))
        self._was_stale = stale

    def _statement(self) -> Statement | None:
        judged, enforcement = self._memory.judged, self.enforcement
        if judged is None or (enforcement is None and self.problem is None):
            return None
        found = reports(
            judged.policies,
            enforcement.desired if enforcement else None,
            enforcement.keeper if enforcement else None,
            problem=self.problem,
            floor_lost=self._memory.floor_lost,
            waivers=judged.waivers,
        )
        return Statement(
            release=judged.state.release,
            dialect=enforcement.dialect.value if enforcement else "",
            plugin_version=enforcement.facts.plugin_version if enforcement else "",
            policies=found,
            root_version=self._memory.state.root_version,
            timestamp_version=judged.state.timestamp_version,
            snapshot_expires=judged.state.expires,
            floor_lost=self._memory.floor_lost,
            stale=self._stale(),
        )

    async def _show(self, statement: Statement | None) -> None:
        """Write the ConfigMap, if it would say something else; best effort."""
        judged = self._memory.judged
        data = {
            "cluster": str(self._memory.cluster),
            "release": str(judged.state.release if judged else 0),
            "verified-at": judged.at.isoformat(timespec="seconds") if judged else "",
            "dialect": statement.dialect if statement else "",
            "plugin-version": statement.plugin_version if statement else "",
            "expires": expires.isoformat(timespec="seconds") if (expires := self._expires()) else "",
            "stale": str(self._stale()).lower(),
            "floor-lost": self._memory.floor_lost,
            "problem": str(self.problem or ""),
            "receipt-head": self._chain.head,
            **_counts(statement),
        }
        if data == self._shown:
            return
        metadata = {"name": STATUS, "namespace": self._namespace}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        try:
            await self._kube.apply(CONFIG_MAP, body)
            self._shown = data
        except httpx2.HTTPError as error:
            _log.warning("status not written", error=str(error) or repr(error))


def _counts(statement: Statement | None) -> dict[str, str]:
    found: dict[str, int] = {}
    policies: list[PolicyReport] = list(statement.policies.values()) if statement else []
    for report in policies:
        found[report.state.value] = found.get(report.state.value, 0) + 1
    return {"policies": ", ".join(f"{count} {state}" for state, count in sorted(found.items())) or "none"}
