"""/livez, /readyz and /metrics: whether the agent is well, which is more than that its process runs.

Ready means: it has started, holds the lease, and what it enforces was verified not too long ago. An agent whose hub
has not published anything yet has nothing to be late with. A release that has expired is said, and goes on being
enforced: a restart would not mend that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from edict.errors import AgentError
from edict_agent.codes import Code
from edict_agent.config import Listen
from edict_agent.metrics import Metrics

READ_SECONDS = 5.0
MAX_LINES = 64


@dataclass
class Health:
    """What is known of the agent's health."""

    metrics: Metrics
    max_age: float
    started: bool = False

    def readiness(self) -> tuple[bool, str]:
        """Return whether the agent is ready, and a line that says why."""
        if not self.started:
            return False, "starting"
        if self.metrics.values.verified_at is None:
            return True, "no release yet"
        age, values = self.metrics.age(), self.metrics.values
        said = f"release {values.release} verified {age:.0f} s ago"
        if self.metrics.stale():
            said += f"; Stale: it expired at {values.expires:%Y-%m-%dT%H:%M:%SZ} and is enforced further"
        return age <= self.max_age, said


async def serve(health: Health, at: Listen) -> asyncio.Server:
    """Open the health port.

    Raises:
        AgentError: EDICT0564 when it cannot be opened.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(READ_SECONDS):
                path = await _path(reader)
                writer.write(_response(health, path))
                await writer.drain()
        writer.close()

    try:
        return await asyncio.start_server(answer, at.host, at.port)
    except OSError as error:
        raise AgentError(
            Code.HEALTH_PORT,
            f"the health port cannot be opened: {error.strerror or error}",
            where=f"{at.host}:{at.port}",
            remedy="choose another --health-listen",
        ) from None


async def _path(reader: asyncio.StreamReader) -> str:
    """Read a request up to its empty line and return its path."""
    request = await reader.readline()
    for _ in range(MAX_LINES):
        if not (await reader.readline()).strip():
            break
    parts = request.decode("latin-1").split()
    return parts[1].partition("?")[0] if len(parts) > 1 else ""


def _response(health: Health, path: str) -> bytes:
    routes: dict[str, Callable[[], tuple[HTTPStatus, str, bytes]]] = {
        "/livez": lambda: (HTTPStatus.OK, "text/plain", b"ok\n"),
        "/readyz": lambda: _ready(health),
        "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()),
    }
    route = routes.get(path)
    status, kind, body = route() if route else (HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def _ready(health: Health) -> tuple[HTTPStatus, str, bytes]:
    ready, why = health.readiness()
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "text/plain", f"{why}\n".encode()
