"""Federation: agents on the mutual TLS port. Sync writes bytes that were serialized once for all that need them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.codes import Code, unexpected
from edict_hub.fanout import Fanout
from edict_hub.gate import Gate
from edict_hub.receipts import Receipts
from edict_hub.relay import Relay
from edict_hub.services._answering import Answering
from edict_hub.services._intake import Intake
from edict_hub.services._issuing import Issuer
from edict_hub.session import Session
from edict_hub.status import StatusTable

_log = log.get(__name__)
STREAM_AGE = timedelta(minutes=20)
"""Streams end after this, give or take a tenth, so that agents spread over new replicas."""
MAX_STREAMS = 4
"""Streams of one cluster, ended ones included that grpc cannot finish: it sends the status of a stream to a peer that
does not read only when the connection reaches its greatest age."""
RETRY_AFTER = 5.0


class Federation:
    """The agents' service.

    Args:
        gate: who may.
        relay: what is served.
        fanout: takes the streams.
        status: takes what agents say.
        receipts: takes their evidence.
        issuer: renews certificates.
        clock: for time limits.
        rng: spreads the age of streams.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        relay: Relay,
        fanout: Fanout,
        status: StatusTable,
        receipts: Receipts,
        issuer: Issuer,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._gate = gate
        self._relay = relay
        self._fanout = fanout
        self._status = status
        self._receipts = receipts
        self._issuer = issuer
        self._clock = clock
        self._rng = rng
        self._streams: Counter[ClusterName] = Counter()

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handlers by method. Sync has no serializer: it is given bytes."""
        methods = {
            "Hello": grpc.unary_unary_rpc_method_handler(
                self.hello, pb.HelloRequest.FromString, pb.HelloResponse.SerializeToString
            ),
            "Renew": grpc.unary_unary_rpc_method_handler(
                self.renew, pb.RenewRequest.FromString, pb.RenewResponse.SerializeToString
            ),
            "Sync": grpc.stream_stream_rpc_method_handler(self.sync, pb.AgentMessage.FromString, None),
        }
        return grpc.method_handlers_generic_handler("edict.federation.v1.Federation", methods)

    async def hello(self, request: pb.HelloRequest, context: Any) -> pb.HelloResponse:
        """Say whether a stream may be opened. Works while etcd is away."""
        async with Answering(context, "Hello"):
            cluster = self._gate.cluster(context).cluster
            self._status.hello(cluster, request)
            held = self._relay.held
            response = pb.HelloResponse(admitted=self._fanout.has_room(cluster), release=held.release if held else 0)
            if not response.admitted:
                response.retry_after_seconds = RETRY_AFTER
                return response
            response.receipt_sequence = await self._newest_receipt(cluster)
            return response

    async def _newest_receipt(self, cluster: ClusterName) -> int:
        try:
            head = await self._receipts.head(cluster)
        except HubError as error:
            _log.warning("the newest receipt is the last that was seen", cluster=cluster, code=error.code)
            return self._status.newest_receipt(cluster)
        return head.sequence if head else 0

    async def renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
        """Issue the next certificate to the holder of the present one."""
        async with Answering(context, "Renew"):
            peer = self._gate.cluster(context)
            return pb.RenewResponse(certificate_pem=await self._issuer.issue(request.csr_pem, peer.cluster, peer.dated))

    async def sync(self, requests: AsyncIterator[pb.AgentMessage], context: Any) -> None:
        """Serve one stream until it is closed."""
        async with Answering(context, "Sync"):
            peer = self._gate.cluster(context)
            if self._streams[peer.cluster] >= MAX_STREAMS:
                raise _too_many()
            self._streams[peer.cluster] += 1
            context.add_done_callback(lambda _context: self._ended(peer.cluster))
            # Headers go out before anything can end the stream: grpcio cannot send a status while it still sends them.
            await context.send_initial_metadata(())
            # From here to `add` nothing is awaited: a ban or another inventory is either seen now or finds the session.
            peer = self._gate.cluster(context)
            if not self._fanout.has_room(peer.cluster):
                raise _too_many()
            now = self._clock.now()
            until = now + STREAM_AGE * self._rng.uniform(0.9, 1.1)
            session = Session(peer.cluster, peer.not_after, until)
            self._fanout.add(session)
            self._status.seen(peer.cluster, connected=True)
            reason = await self._serve(session, requests, context)
            if reason is not None:
                raise reason

    def _ended(self, cluster: ClusterName) -> None:
        self._streams[cluster] -= 1
        if not self._streams[cluster]:
            del self._streams[cluster]

    async def _serve(
        self, session: Session, requests: AsyncIterator[pb.AgentMessage], context: Any
    ) -> EdictError | None:
        intake = Intake(session, self._fanout, self._status, self._receipts, self._clock)
        tasks = [
            asyncio.create_task(_until_closed(session, session.write(context.write, self._clock))),
            asyncio.create_task(_until_closed(session, intake.read(requests))),
        ]
        try:
            return await session.ended()
        finally:
            intake.stop()
            for task in tasks:
                task.cancel()
            if self._fanout.remove(session):
                self._status.seen(session.cluster, connected=False)


def _too_many() -> HubError:
    return HubError(Code.TOO_MANY_AGENTS, "this replica has all the streams it can serve")


async def _until_closed(session: Session, work: Any) -> None:
    """Run one half of a stream; its end, and the caller's going away, ends the session."""
    try:
        await work
    except EdictError as error:
        session.close(error)
    except (grpc.aio.BaseError, grpc.RpcError):
        pass
    except Exception:  # noqa: BLE001 - whatever it is ends this stream alone, with a code
        _log.exception("a stream failed", cluster=session.cluster)
        session.close(unexpected())
    finally:
        session.close()
