"""The store on etcd v3, by aetcd's generated stubs over channels of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
from aetcd import rpc

from edict.clock import Clock
from edict.errors import HubError
from edict_hub.codes import Code
from edict_hub.store import keys
from edict_hub.store._connection import Connection, EtcdTls
from edict_hub.store._model import Changed, Delete, KeyValue, Operation, Page, Put, Relisted, Unchanged
from edict_hub.store._retry import TransientError, retrying
from edict_hub.store._watch import watch

ATTEMPT_SECONDS = 2.5
RETRY_SECONDS = 2.0
"""No attempt starts later than this: with ATTEMPT_SECONDS, every failure is told within 5 s."""
LONGEST_PAUSE = 0.25
READ_BATCH = 64
"""Keys read in one transaction: below etcd's limit of 128 operations, and at most 64 MB of documents."""

_TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
}


class EtcdStore:
    """An implementation of :class:`edict_hub.store.Store`.

    Args:
        endpoints: ``http://``, ``https://`` or ``unix://`` URLs of the members of one cluster.
        tls: for https endpoints.
        clock: for the pauses between attempts.
    """

    def __init__(self, endpoints: Sequence[str], *, clock: Clock, tls: EtcdTls | None = None) -> None:
        self._connection = Connection(endpoints, tls)
        self._clock = clock

    async def get(self, key: str) -> KeyValue | None:
        """Return one key, or None."""
        answer = await self._call(lambda kv: kv.Range, rpc.RangeRequest(key=key.encode()))
        return _key_value(answer.kvs[0]) if answer.kvs else None

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, KeyValue]:
        """Return those of the keys that exist."""
        found: dict[str, KeyValue] = {}
        for start in range(0, len(keys), READ_BATCH):
            reads = [
                rpc.RequestOp(request_range=rpc.RangeRequest(key=key.encode()))
                for key in keys[start : start + READ_BATCH]
            ]
            answer = await self._call(lambda kv: kv.Txn, rpc.TxnRequest(success=reads))
            for response in answer.responses:
                found.update({kv.key: kv for kv in map(_key_value, response.response_range.kvs)})
        return found

    async def range(self, prefix: str, *, start: str = "", values: bool = True, limit: int = 0) -> Page:
        """Return the keys below a prefix."""
        request = rpc.RangeRequest(
            key=(start or prefix).encode(),
            range_end=keys.after_prefix(prefix).encode(),
            keys_only=not values,
            limit=limit,
        )
        answer = await self._call(lambda kv: kv.Range, request)
        return Page(tuple(map(_key_value, answer.kvs)), answer.header.revision)

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        """Apply all operations if all conditions hold."""
        request = rpc.TxnRequest(
            compare=[
                rpc.Compare(
                    key=condition.key.encode(),
                    target=rpc.Compare.MOD,
                    result=rpc.Compare.EQUAL,
                    mod_revision=condition.revision,
                )
                for condition in conditions
            ],
            success=[_request_op(operation) for operation in operations],
        )
        answer = await self._call(lambda kv: kv.Txn, request)
        return int(answer.header.revision) if answer.succeeded else None

    def watch(self, prefix: str, *, values: bool = True) -> AsyncIterator[Relisted | Changed]:
        """Follow a prefix for ever."""
        return watch(self, self._connection, self._clock, prefix, values=values)

    async def close(self) -> None:
        """Close the channels."""
        await self._connection.close()

    async def _call(self, method: Callable[[Any], Callable[..., Awaitable[Any]]], request: Any) -> Any:
        try:
            async for attempt in retrying(self._clock, within=RETRY_SECONDS, longest=LONGEST_PAUSE):
                with attempt:
                    channel = self._connection.channel
                    try:
                        return await method(rpc.KVStub(channel))(request, timeout=ATTEMPT_SECONDS)
                    except grpc.aio.AioRpcError as error:
                        if error.code() not in _TRANSIENT:
                            raise _refused(error) from None
                        self._connection.failed(channel)
                        raise TransientError(error.details()) from None
        except TransientError as error:
            raise HubError(
                Code.STORE_UNREACHABLE,
                f"etcd does not answer: {error}",
                where=", ".join(self._connection.endpoints),
                remedy="check that etcd runs and that the hub can reach it",
            ) from None
        raise AssertionError  # retrying either returns or raises


def _key_value(kv: Any) -> KeyValue:
    return KeyValue(kv.key.decode(errors="replace"), kv.value, kv.mod_revision)


def _request_op(operation: Operation) -> Any:
    match operation:
        case Put(key, value):
            return rpc.RequestOp(request_put=rpc.PutRequest(key=key.encode(), value=value))
        case Delete(key, until):
            request = rpc.DeleteRangeRequest(key=key.encode(), range_end=until.encode())
            return rpc.RequestOp(request_delete_range=request)


def _refused(error: Any) -> HubError:
    return HubError(
        Code.STORE_REFUSED,
        f"etcd refused: {error.details()}",
        where=error.code().name,
        remedy="read etcd's log; check its quota and the hub's permissions in it",
    )
