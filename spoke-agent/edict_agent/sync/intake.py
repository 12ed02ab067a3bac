"""Takes releases in, one at a time, the newest only: verifies, keeps, and says so. It outlives any stream."""

from __future__ import annotations

import asyncio

from opentelemetry import trace

from edict import log
from edict.clock import Clock
from edict.errors import AgentError, EdictError, TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.telemetry import context_from
from edict_agent.codes import Code
from edict_agent.memory import Memory
from edict_agent.metrics import Metrics
from edict_agent.sync.acks import Acks
from edict_agent.sync.judge import bundle_of, judge

_log = log.get("edict_agent.intake")
_CONTESTED = f"EDICT{Code.STATE_CONTESTED:04d}"
_tracer = trace.get_tracer("edict_agent")


class Intake:
    """The one place where a release is let in. `offer` never waits; `run` is a task."""

    def __init__(self, memory: Memory, acks: Acks, *, clock: Clock, metrics: Metrics) -> None:
        self._memory = memory
        self._acks = acks
        self._clock = clock
        self._metrics = metrics
        self._slot: pb.Release | None = None
        self._wake = asyncio.Event()

    def offer(self, message: pb.Release) -> None:
        """Put a release into the one slot, in the place of an older one."""
        self._slot = message
        self._wake.set()

    async def run(self) -> None:
        """Take in for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            message, self._slot = self._slot, None
            if message is not None:
                await self._take(message)

    async def _take(self, message: pb.Release) -> None:
        release, version = message.release, message.timestamp_version
        self._acks.received(release, version)
        with _tracer.start_as_current_span("verify", context=context_from(message.traceparent)) as span:
            span.set_attribute("edict.release", release)
            try:
                judged = await asyncio.to_thread(
                    judge,
                    message,
                    state=self._memory.state,
                    held=self._memory.blobs,
                    cluster=self._memory.cluster,
                    now=self._clock.now(),
                )
                await self._memory.accept(judged)
            except AgentError as error:
                if error.code == _CONTESTED:
                    raise
                self._reject(message, error)
                return
            except TrustError as error:
                await self._follow(message)
                self._reject(message, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a hub sends, enforcement goes on
                _log.exception("a release could not be judged", release=release)
                what = f"a fault of the agent while it judged the release: {type(error).__name__}"
                self._reject(message, AgentError(Code.UNEXPECTED, what, remedy="report what the log says"))
                return
        self._acks.verified(judged.state.release, judged.state.timestamp_version)
        _log.info("release verified", release=judged.state.release, policies=len(judged.policies))

    async def _follow(self, message: pb.Release) -> None:
        """Keep what verifies of the roots of a refused release. Where they cannot be kept, they are not trusted."""
        try:
            await self._memory.follow(bundle_of(message).roots, self._clock.now())
        except Exception as error:
            if isinstance(error, AgentError) and error.code == _CONTESTED:
                raise
            _log.exception("the roots of a refused release could not be kept", release=message.release)

    def _reject(self, message: pb.Release, error: EdictError) -> None:
        """Keep what stands, and say what was refused and why."""
        trace.get_current_span().set_attribute("edict.error_code", error.code)
        self._metrics.rejected(error.code)
        self._acks.rejected(message.release, message.timestamp_version, error)
        _log.error("release rejected", release=message.release, code=error.code, error=str(error))
