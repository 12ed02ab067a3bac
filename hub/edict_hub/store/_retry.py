"""The one retry policy: exponential with full jitter, on the clock that is passed in."""

from __future__ import annotations

from tenacity import AsyncRetrying, retry_if_exception_type, stop_before_delay, stop_never, wait_random_exponential

from edict.clock import Clock

FIRST = 0.05
LONGEST = 5.0


class TransientError(Exception):
    """The store did not answer; asking again may help."""


def retrying(
    clock: Clock, *, within: float | None, on: type[Exception] = TransientError, longest: float = LONGEST
) -> AsyncRetrying:
    """Return an iterator of attempts.

    Args:
        clock: sleeps between attempts.
        within: no attempt starts later than this many seconds after the first; None never gives up.
        on: what is worth another attempt.
        longest: seconds between two attempts, at most.
    """
    return AsyncRetrying(
        sleep=clock.sleep,
        wait=wait_random_exponential(multiplier=FIRST, max=longest),
        stop=stop_never if within is None else stop_before_delay(within),
        retry=retry_if_exception_type(on),
        reraise=True,
    )
