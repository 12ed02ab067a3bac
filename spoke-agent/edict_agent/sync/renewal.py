"""When a link has to be made anew: the agent has another certificate, or believes other authorities than the link's."""

from __future__ import annotations

import asyncio
import random

import grpc.aio

from edict import log
from edict.clock import Clock
from edict.errors import EdictError
from edict_agent.credentials import Credentials
from edict_agent.sync.handover import Held
from edict_agent.sync.link import Link
from edict_agent.tasks import until_first

RETRY_SECONDS = 60.0
SPREAD_SECONDS = 120.0
"""A fleet that verifies one root makes its links anew over this time, not at once."""
_log = log.get("edict_agent.renewal")


class Renewal:
    """Renews the certificate in time, and notices a root that lists other authorities."""

    def __init__(self, credentials: Credentials, *, clock: Clock, rng: random.Random) -> None:
        self._credentials = credentials
        self._clock = clock
        self._rng = rng
        self._root_changed = asyncio.Event()

    def root_changed(self) -> None:
        """Another root was verified."""
        self._root_changed.set()

    def believes(self, held: Held) -> bool:
        """Tell whether a link was made with the authorities that are believed now."""
        return self._credentials.believed.pins == held.identity.pins

    def pause(self) -> float:
        """Return how many seconds to wait after something failed: less where the certificate is near its end."""
        left = self._credentials.left.total_seconds()
        return max(min(RETRY_SECONDS, left / 4), 1.0) * (1 + self._rng.random())

    async def due(self, held: Held) -> None:
        """Return when a link has to be made anew."""
        await until_first(self._renewed(held.link), self._other_authorities(held))

    async def _renewed(self, link: Link) -> None:
        at = self._credentials.renew_at()
        await self._clock.sleep(max((at - self._clock.now()).total_seconds(), 0.0))
        while not await self._renew(link):
            await self._clock.sleep(self.pause())

    async def _other_authorities(self, held: Held) -> None:
        while self.believes(held):
            await self._root_changed.wait()
            self._root_changed.clear()
        _log.info("other authorities are believed from now on")
        await self._clock.sleep(self._rng.uniform(0.0, SPREAD_SECONDS))
        if not self._credentials.of_a_believed_authority:
            await self._renew(held.link)

    async def _renew(self, link: Link) -> bool:
        try:
            await self._credentials.renew(link)
        except grpc.aio.AioRpcError as error:
            _log.warning("certificate not renewed", status=error.code().name, error=error.details() or "")
        except EdictError as error:
            _log.error("certificate not kept", code=error.code, error=str(error))
        else:
            return True
        return False
