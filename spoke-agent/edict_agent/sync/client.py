"""The way to the hub as a whole: enrol once, renew in time, and keep a stream open to some replica.

Whatever fails here, enforcement goes on: the loop ends only when it is cancelled.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

import grpc
import grpc.aio

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict_agent.backoff import RECONNECT, delay
from edict_agent.codes import Code
from edict_agent.conformance.chain import Chain
from edict_agent.credentials import Credentials
from edict_agent.metrics import Metrics
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.link import Dial, Link, dial
from edict_agent.sync.session import Session

RENEW_RETRY_SECONDS = 60.0
MAX_AWAY_SECONDS = 300.0
"""A hub that is busy cannot send us away for longer, before jitter."""
_UNEXPECTED = f"EDICT{Code.UNEXPECTED:04d}"
_log = log.get("edict_agent.client")


class HubClient:
    """Keeps the agent connected. `run` is a task."""

    def __init__(
        self,
        credentials: Credentials,
        session: Session,
        chain: Chain,
        hello: Callable[[], pb.HelloRequest],
        *,
        hub: Addresses,
        enrol: Addresses,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
        dial: Dial = dial,
    ) -> None:
        self._credentials = credentials
        self._session = session
        self._chain = chain
        self._hello = hello
        self._hub = hub
        self._enrol = enrol
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._dial = dial

    async def run(self) -> None:
        """Stay connected for ever."""
        failures = 0
        while True:
            started = self._clock.monotonic()
            wait = 0.0
            try:
                wait = await self._connect()
            except grpc.aio.AioRpcError as error:
                _log.warning("hub not reached", status=error.code().name, error=error.details() or "")
            except asyncio.InvalidStateError:
                _log.info("stream ended while writing")
            except EdictError as error:
                _log.error("hub refused or not believed", code=error.code, error=str(error))
            except Exception:  # noqa: BLE001 - whatever a hub sends, enforcement goes on
                _log.exception("a fault while talking to the hub", code=_UNEXPECTED)
            finally:
                self._metrics.connected(state=False)
            failures = 1 if self._clock.monotonic() - started > RECONNECT.max else failures + 1
            await self._clock.sleep(wait + delay(RECONNECT, failures))

    async def _connect(self) -> float:
        """Go through one connection; return how long the hub wants us to stay away."""
        if not self._credentials.usable:
            await self._credentials.enrol(self._enrol.next())
        address = self._hub.next()
        link = self._dial(address, self._credentials.identity)
        try:
            answer = await link.hello(self._hello())
            if not answer.admitted:
                _log.info("hub is busy", address=address, seconds=answer.retry_after_seconds)
                return bounded(answer.retry_after_seconds) * (1 + self._rng.random())
            self._chain.follow(answer.receipt_sequence)
            self._metrics.connected(state=True)
            _log.info("connected", address=address, hub_release=answer.release)
            await self._stream_until_renewed(link)
        finally:
            await link.close()
        return 0.0

    async def _stream_until_renewed(self, link: Link) -> None:
        """Hold the stream; after a renewal end it, because only a new channel carries the new certificate."""
        stream = asyncio.create_task(self._session.run(link))
        renewal = asyncio.create_task(self._renew(link))
        try:
            done, _ = await asyncio.wait({stream, renewal}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stream.cancel()
            renewal.cancel()
            await asyncio.gather(stream, renewal, return_exceptions=True)

    async def _renew(self, link: Link) -> None:
        at = self._credentials.renew_at()
        while True:
            await self._clock.sleep(max((at - self._clock.now()).total_seconds(), 0.0))
            try:
                await self._credentials.renew(link)
            except grpc.aio.AioRpcError as error:
                _log.warning("certificate not renewed", status=error.code().name, error=error.details() or "")
            except IdentityError as error:
                _log.error("certificate not kept", code=error.code, error=str(error))
            else:
                return
            await self._clock.sleep(RENEW_RETRY_SECONDS * (1 + self._rng.random()))


def bounded(seconds: float) -> float:
    """Return for how many seconds we stay away when a hub asks for so many, which may be any float."""
    return min(max(seconds, 0.0), MAX_AWAY_SECONDS) if math.isfinite(seconds) else 0.0
