"""Waits for a started process to be ready by asking it, and finds free ports."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from tests.env._errors import EnvError, last_lines
from tests.env._process import Process

_INTERVAL = 0.05
"""Seconds between two questions."""


def free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports of 127.0.0.1 that are free now. Another process may still take one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def answers_ok(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Return whether GET `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310 - always our own URL
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, urllib.error.URLError):
        return False


def await_true(question: Callable[[], bool], *, subject: str, what: str, timeout: float) -> None:
    """Ask `question` until it says yes; raise EnvError (EDICT9005) after `timeout` seconds."""
    asking = Retrying(
        stop=stop_after_delay(timeout), wait=wait_fixed(_INTERVAL), retry=retry_if_result(lambda yes: not yes)
    )
    try:
        asking(question)
    except RetryError:
        raise EnvError(
            "EDICT9005",
            subject,
            f"{what} did not come about within {timeout:.0f} s",
            remedy="look at its log in the cluster's folder; a machine under heavy load needs longer",
        ) from None


def await_ready(process: Process, question: Callable[[], bool], *, subject: str, timeout: float = 60) -> None:
    """Ask until `process` is ready; raise EnvError when it ends first (EDICT9004) or is late (EDICT9005)."""

    def ready_or_dead() -> bool:
        code = process.exit_code()
        if code is not None:
            raise EnvError(
                "EDICT9004",
                subject,
                f"ended with exit code {code} while starting: {last_lines(process.log)}. Log: {process.log}",
                remedy="read the log; a port taken by another process is tried once more by itself",
            )
        return question()

    await_true(ready_or_dead, subject=subject, what="readiness", timeout=timeout)


def with_second_try(start: Callable[[], None]) -> None:
    """Call `start`, which picks ports of its own, and call it once more when its process ended at once.

    Between choosing a free port and listening on it, another process can take it.
    """
    try:
        start()
    except EnvError as error:
        if error.code != "EDICT9004":
            raise
        start()
