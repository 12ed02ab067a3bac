"""The one retry policy: exponential with full jitter, tenacity's, on the clock that is passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential
from tenacity.wait import wait_base

from edict.clock import Clock
from edict_agent.kube import is_transient

T = TypeVar("T")
RECONNECT = wait_random_exponential(multiplier=1, max=60)
"""Between two attempts to reach a hub."""
API_BACKOFF = wait_random_exponential(multiplier=0.2, max=20)


def delay(policy: wait_base, failures: int) -> float:
    """Return how many seconds to wait after so many failures in a row (1 is the first)."""
    state = RetryCallState(retry_object=AsyncRetrying(), fn=None, args=(), kwargs={})
    state.attempt_number = failures
    return policy(state)


async def pause(clock: Clock, policy: wait_base, failures: int) -> None:
    """Wait as the policy says."""
    await clock.sleep(delay(policy, failures))


async def persist(clock: Clock, call: Callable[[], Awaitable[T]]) -> T:
    """Call until the API server answers with something other than a fault of its own."""
    retrying = AsyncRetrying(
        sleep=clock.sleep,
        wait=API_BACKOFF,
        retry=retry_if_exception(lambda error: isinstance(error, httpx2.HTTPError) and is_transient(error)),
        reraise=True,
    )

    async def attempt() -> T:
        return await call()

    return await retrying(attempt)


async def wake_or_pause(clock: Clock, event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, at most so many seconds (None: for ever); clears the event."""
    if seconds is None:
        await event.wait()
    elif not event.is_set():
        tasks = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(max(seconds, 0.0)))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
    event.clear()
