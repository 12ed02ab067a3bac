"""The way to the hub as a whole: enrol once, and keep a stream open to some replica, by a good certificate.

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
from edict.errors import EdictError
from edict.federation.v1 import federation_pb2 as pb
from edict_agent.backoff import RECONNECT, delay
from edict_agent.codes import Code
from edict_agent.conformance.chain import Chain
from edict_agent.credentials import Credentials
from edict_agent.metrics import Metrics
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.handover import Held
from edict_agent.sync.link import Dial, dial
from edict_agent.sync.renewal import Renewal
from edict_agent.sync.session import Session

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
        self._renewal = Renewal(credentials, clock=clock, rng=rng)

    def root_changed(self) -> None:
        """Another root was verified: the authorities of hubs may be others."""
        self._renewal.root_changed()

    async def run(self) -> None:
        """Stay connected for ever."""
        failures = 0
        while True:
            started = self._clock.monotonic()
            wait = 0.0
            try:
                wait = await self._connect()
            except grpc.aio.AioRpcError as error:
                self._credentials.refused(error.details() or "")
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
            await self._credentials.obtain(self._enrol.next())
        try:
            held: Held | None = await self._open(self._hub.next(), None)
        except _BusyError as busy:
            return busy.seconds
        while held is not None:
            held = await self._hold(held)
        return 0.0

    async def _open(self, address: str, before: Held | None) -> Held:
        """Open a link and a stream over it, in the place of another one.

        Raises:
            grpc.aio.AioRpcError: the hub was not reached, or refused.
            _BusyError: it has no room.
        """
        identity = self._credentials.believed
        link = self._dial(address, identity)
        try:
            answer = await link.hello(self._hello())
            self._check_admitted(answer, address)
            self._chain.follow(answer.receipt_sequence)
        except BaseException:
            await link.close()
            raise
        held = Held(address, identity, link, self._session, before)
        try:
            await held.opened()
        except BaseException:
            await held.close()
            raise
        self._metrics.connected(state=True)
        _log.info("connected", address=address, hub_release=answer.release)
        return held

    def _check_admitted(self, answer: pb.HelloResponse, address: str) -> None:
        if not answer.admitted:
            _log.info("hub is busy", address=address, seconds=answer.retry_after_seconds)
            raise _BusyError(bounded(answer.retry_after_seconds) * (1 + self._rng.random()))

    async def _hold(self, held: Held) -> Held | None:
        """Hold a stream; return the one that took its place, or None when it ended without."""
        succession = asyncio.create_task(self._successor(held))
        try:
            await asyncio.wait({held.stream, succession}, return_when=asyncio.FIRST_COMPLETED)
            if succession.done() or held.replaced:
                return await succession
            held.stream.result()
        except asyncio.CancelledError:
            succession.cancel()
            (made,) = await asyncio.gather(succession, return_exceptions=True)
            if isinstance(made, Held):  # it was open just as we were told to end
                await made.close()
            raise
        else:
            return None
        finally:
            succession.cancel()
            await asyncio.gather(succession, return_exceptions=True)
            await held.close()

    async def _successor(self, held: Held) -> Held | None:
        """Open the next stream once it is due; None when that fails and this one is not believed any more."""
        await self._renewal.due(held)
        while True:
            try:
                return await self._open(held.address, held)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, EdictError, _BusyError) as error:
                if held.replaced:
                    raise
                _log.warning("no new stream yet; the old one goes on", error=str(error))
            if not self._renewal.believes(held):
                return None
            await self._clock.sleep(self._renewal.pause())


class _BusyError(Exception):
    """A hub that does not admit us for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the hub is busy for {seconds:.0f} s")
        self.seconds = seconds


def bounded(seconds: float) -> float:
    """Return for how many seconds we stay away when a hub asks for so many, which may be any float."""
    return min(max(seconds, 0.0), MAX_AWAY_SECONDS) if math.isfinite(seconds) else 0.0
