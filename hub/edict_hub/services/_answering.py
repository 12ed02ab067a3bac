"""Every call ends in an answer or in a coded status; a traceback goes to the log, never to the caller."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import grpc

from edict import log
from edict.errors import EdictError, HubError
from edict_hub import metrics
from edict_hub.codes import nameless, status_of, unexpected

_log = log.get(__name__)
_PASSED_ON = (asyncio.CancelledError, GeneratorExit, grpc.aio.BaseError)
"""The caller is gone, or the call was aborted already."""


class Answering:
    """Turns what is raised inside into the status of the call.

    Args:
        context: the call's.
        method: for log and metrics.
        stranger: nobody knows who calls: what is wrong with the store is told to the log alone.
    """

    def __init__(self, context: Any, method: str, *, stranger: bool = False) -> None:
        self._context = context
        self._method = method
        self._stranger = stranger

    async def __aenter__(self) -> None:
        """Do nothing."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Abort the call with a coded status, which raises in its turn."""
        if error is None or isinstance(error, _PASSED_ON):
            return
        if isinstance(error, EdictError):
            _log.info("refused", method=self._method, code=error.code, error=error.what)
            if self._stranger and isinstance(error, HubError):
                error = nameless(error)
        else:
            _log.error("a call failed", method=self._method, exc_info=error)
            error = unexpected()
        metrics.errors.add(1, {"code": error.code, "method": self._method})
        await self._context.abort(status_of(error), error.diagnostics())
