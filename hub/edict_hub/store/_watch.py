"""A watch that loses nothing: it resumes at revision + 1, and lists anew when events are gone for good.

Events are gone when etcd compacted past us, or when the store is older than what we saw (restored from a backup, or
wiped). A failed streaming call leaks memory in grpcio's asyncio client, a failed unary one does not: so the store is
asked with a unary call first, and the stream is opened only once that was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
from aetcd import rpc

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict_hub.store import keys
from edict_hub.store._connection import Connection
from edict_hub.store._model import Changed, KeyValue, Relisted
from edict_hub.store._retry import TransientError, retrying

if TYPE_CHECKING:
    from edict_hub.store._model import Store

_log = log.get(__name__)
CREATE_SECONDS = 5.0
LONGEST_PAUSE = 0.5
"""Between two attempts while the store is away: a ban that follows its return must be heard within two seconds."""
REOPEN_SECONDS = 0.05
"""A pause, for an etcd that accepts watches and ends them at once."""


class _LostError(Exception):
    """The events that we would need are no longer there."""


async def watch(
    store: Store, connection: Connection, clock: Clock, prefix: str, *, values: bool
) -> AsyncIterator[Relisted | Changed]:
    """Follow a prefix for ever; see :meth:`edict_hub.store.Store.watch`."""
    following = 0  # the first revision that has not been delivered; 0 is: list first
    while True:
        page = await _list(store, clock, prefix, values=values and not following)
        if not following or page.revision < following - 1:
            if following:
                _log.warning("the store is older than what was seen; listing anew", key=prefix)
                page = await _list(store, clock, prefix, values=values)
            yield page
            following = page.revision + 1
        channel = connection.channel
        try:
            async for changed in _stream(channel, prefix, following):
                following = changed.revision + 1
                if changed.events:
                    yield changed
        except _LostError:
            _log.info("events were compacted away; listing anew", key=prefix)
            following = 0
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            _log.info("the watch broke and resumes", key=prefix, error=_reason(error))
            connection.failed(channel)
        await clock.sleep(REOPEN_SECONDS)


async def _list(store: Store, clock: Clock, prefix: str, *, values: bool) -> Relisted:
    async for attempt in retrying(clock, within=None, on=HubError, longest=LONGEST_PAUSE):
        with attempt:
            page = await store.range(prefix, values=values, limit=0 if values else 1)
            return Relisted(page.items if values else (), page.revision)
    raise TransientError  # never: the policy does not give up


async def _stream(channel: Any, prefix: str, following: int) -> AsyncIterator[Changed]:
    """Yield events until the stream breaks. None with a revision is progress: nothing happened up to there."""
    call = rpc.WatchStub(channel).Watch(metadata=(("hasleader", "true"),))
    try:
        create = rpc.WatchCreateRequest(
            key=prefix.encode(),
            range_end=keys.after_prefix(prefix).encode(),
            start_revision=following,
            progress_notify=True,
            fragment=True,
        )
        async with asyncio.timeout(CREATE_SECONDS):  # wait_for may swallow a cancellation that comes with the answer
            await call.write(rpc.WatchRequest(create_request=create))
        pending: list[tuple[str, KeyValue | None]] = []
        while True:
            answer = await call.read()
            if answer is grpc.aio.EOF or (answer.canceled and not answer.compact_revision):
                return
            if answer.compact_revision:
                raise _LostError
            if answer.created:
                continue
            pending.extend(map(_event, answer.events))
            if answer.fragment:
                continue
            revision = answer.events[-1].kv.mod_revision if answer.events else answer.header.revision
            changed = Changed(tuple(pending), revision)
            pending = []
            yield changed
    finally:
        call.cancel()
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
            await call.code()
        if (task := asyncio.current_task()) is not None and task.cancelling():  # ours, not the call's
            raise asyncio.CancelledError


def _event(event: Any) -> tuple[str, KeyValue | None]:
    key = event.kv.key.decode(errors="replace")
    if event.type == rpc.Event.DELETE:
        return key, None
    return key, KeyValue(key, event.kv.value, event.kv.mod_revision)


def _reason(error: Any) -> str:
    return str(error.details()) if isinstance(error, grpc.aio.AioRpcError) else "it could not be opened in time"
