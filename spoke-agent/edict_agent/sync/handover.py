"""One open stream, and the next one in its place: the new is open before the old ends, so nothing is missed between."""

from __future__ import annotations

import asyncio

from edict_agent.store.identity import Identity
from edict_agent.sync.link import Link
from edict_agent.sync.session import Session


class Held:
    """A link that was admitted, with a stream over it.

    Attributes:
        address: of the replica.
        identity: the certificate and the authorities that the link was made with.
        link: to the replica.
        stream: ends when the hub ends the stream, or it breaks.
        replaced: another stream has taken its place: that it ends means nothing.
    """

    def __init__(self, address: str, identity: Identity, link: Link, session: Session, before: Held | None) -> None:
        """Begin to open a stream, which ends the one before it as soon as it is open."""
        self.address = address
        self.identity = identity
        self.link = link
        self.replaced = False
        self._opened = asyncio.Event()
        self._session = session
        self._before = before
        self.stream = asyncio.create_task(self._run())

    async def opened(self) -> None:
        """Wait until the stream is open.

        Raises:
            grpc.aio.AioRpcError: it did not open; the one before goes on.
        """
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait({opened, self.stream}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        if not self._opened.is_set():
            self.stream.result()

    async def close(self) -> None:
        """End the stream and close the link."""
        await self._end()
        await self.link.close()

    async def _run(self) -> None:
        await self._session.run(self.link, self._open)

    async def _open(self) -> None:
        if self._before is not None:
            self._before.replaced = True
            await self._before._end()  # noqa: SLF001 - one of its own kind
        self._opened.set()

    async def _end(self) -> None:
        self.stream.cancel()
        await asyncio.gather(self.stream, return_exceptions=True)
