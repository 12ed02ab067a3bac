"""Admin: operators on the mutual TLS port. Every method judges the caller's role first, by one table."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

from edict import log
from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, is_dns_label
from edict.pki.reenrol import FRESH
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict_hub.alarms import Alarms
from edict_hub.codes import Code
from edict_hub.evidence import Evidence
from edict_hub.gate import Gate, Operator, expired, not_in_inventory
from edict_hub.publish import Publisher
from edict_hub.receipts import Receipts
from edict_hub.recovery import Recovery
from edict_hub.relay import Relay
from edict_hub.services import _requests
from edict_hub.services._answering import Answering
from edict_hub.status import StatusTable
from edict_hub.subscription import Subscription
from edict_hub.tokens import Tokens

_log = log.get(__name__)
_TOO_LARGE = f"EDICT{Code.TOO_LARGE:04d}"
MAX_ANSWER = 60 * 1024 * 1024
READ_BATCH = 64
"""Documents read at a time, of at most 1 MB each."""
SHA256_BYTES = 32
MAX_TTL = timedelta(days=7)
"""No token is good for longer: whoever has an operator's certificate for a day leaves none behind for years."""


class Admin(rpc.AdminServicer):
    """The operators' service."""

    def __init__(
        self,
        *,
        gate: Gate,
        relay: Relay,
        publisher: Publisher,
        recovery: Recovery,
        alarms: Alarms,
        status: StatusTable,
        receipts: Receipts,
        evidence: Evidence,
        tokens: Tokens,
        clock: Clock,
        replica: str,
    ) -> None:
        self._gate = gate
        self._relay = relay
        self._publisher = publisher
        self._recovery = recovery
        self._alarms = alarms
        self._status = status
        self._receipts = receipts
        self._evidence = evidence
        self._tokens = tokens
        self._clock = clock
        self._replica = replica

    async def State(self, request: pb.StateRequest, context: Any) -> pb.StateResponse:  # noqa: N802 - gRPC's name
        """Return the newest metadata, read through etcd, so that it includes what another replica just committed."""
        async with Answering(context, "State"):
            self._gate.operator(context, "State")
            await self._relay.reload()
            wanted = set(request.roles)
            metadata = [item for item in _metadata(self._relay) if not wanted or item.role in wanted]
            held = self._relay.held
            response = pb.StateResponse(metadata=metadata, release=held.release if held else 0)
            _check_size(response.ByteSize())
            return response

    async def Blobs(self, request: pb.BlobsRequest, context: Any) -> pb.BlobsResponse:  # noqa: N802 - gRPC's name
        """Return documents, with the bytes that etcd holds."""
        async with Answering(context, "Blobs"):
            self._gate.operator(context, "Blobs")
            response, size = pb.BlobsResponse(), 0
            wanted = _requests.digests(request.digests)
            for start in range(0, len(wanted), READ_BATCH):
                batch = wanted[start : start + READ_BATCH]
                contents = await self._relay.cache.blobs(batch)
                for digest in batch:
                    if digest not in contents:
                        raise HubError(Code.NOT_STORED, "no such document is stored", where=f"blobs/{digest}")
                    size += len(contents[digest])
                    _check_size(size)
                    response.blobs.add(digest=digest, content=contents[digest])
            return response

    async def Publish(self, request: pb.PublishRequest, context: Any) -> pb.PublishResponse:  # noqa: N802 - gRPC's name
        """Publish a release."""
        async with Answering(context, "Publish"):
            operator = self._gate.operator(context, "Publish")
            response = await self._publisher.publish(request)
            _log.info("acknowledged a publish", release=response.release, operator=operator.name)
            return response

    async def Recover(self, request: pb.RecoverRequest, context: Any) -> pb.RecoverResponse:  # noqa: N802 - gRPC's name
        """Bring back the newest release that verifies, after a loss of etcd's newest keys."""
        async with Answering(context, "Recover"):
            operator = self._gate.operator(context, "Recover")
            _log.warning("a recovery begins", operator=operator.name, from_agents=request.from_agents)
            return await self._recovery.recover(request)

    async def Status(self, request: pb.StatusRequest, context: Any) -> pb.StatusResponse:  # noqa: N802 - gRPC's name
        """Return every cluster's status with its receipts."""
        async with Answering(context, "Status"):
            self._gate.operator(context, "Status")
            return await self._answer(_requests.clusters(request.clusters) or self._status.names())

    async def WatchStatus(self, request: pb.StatusRequest, context: Any) -> AsyncIterator[pb.StatusResponse]:  # noqa: N802 - gRPC's name
        """Send the whole status, then what changes, as it changes."""
        async with Answering(context, "WatchStatus"):
            operator = self._gate.operator(context, "WatchStatus")
            wanted = _requests.clusters(request.clusters)
            subscription = self._status.subscribe()
            try:
                yield await self._answer(wanted or self._status.names())
                while (changed := await self._changed(subscription, operator)) is not None:
                    if not changed:
                        yield await self._answer([])
                    for cluster in changed:
                        self._left(operator)  # a reader may be so slow that it takes the rest only later
                        if not wanted or cluster in wanted:
                            yield await self._answer([cluster])
            finally:
                subscription.close()

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Any) -> pb.CreateTokenResponse:  # noqa: N802 - gRPC's name
        """Store the hash of a token."""
        async with Answering(context, "CreateToken"):
            operator = self._gate.operator(context, "CreateToken")
            left = request.expires_unix - self._clock.now().timestamp()
            good = 0 < left <= MAX_TTL.total_seconds() + FRESH.total_seconds()  # the clocks need not agree
            if not is_dns_label(request.cluster) or len(request.secret_sha256) != SHA256_BYTES or not good:
                raise HubError(
                    Code.MALFORMED,
                    f"a token needs a cluster's name, a SHA-256 and a time within {MAX_TTL.days} days",
                    remedy="use `edict cluster token`",
                )
            cluster = ClusterName(request.cluster)
            await self._tokens.create(
                request.secret_sha256.hex(), cluster, request.expires_unix, self._status.bans.dated(cluster)
            )
            _log.info("stored an enrolment token", cluster=cluster, operator=operator.name)
            return pb.CreateTokenResponse()

    async def Ban(self, request: pb.BanRequest, context: Any) -> pb.BanResponse:  # noqa: N802 - gRPC's name
        """Ban a cluster."""
        async with Answering(context, "Ban"):
            operator = self._gate.operator(context, "Ban")
            cluster, reason = _requests.ban(request)
            if not self._relay.admits(cluster) and cluster not in self._status.names():
                raise not_in_inventory(cluster)  # a slip of the pen must not look like a ban
            await self._status.bans.ban(cluster, operator.name, reason)
            _log.warning("banned", cluster=cluster, operator=operator.name, reason=reason)
            return pb.BanResponse()

    async def Unban(self, request: pb.UnbanRequest, context: Any) -> pb.UnbanResponse:  # noqa: N802 - gRPC's name
        """End a cluster's ban."""
        async with Answering(context, "Unban"):
            operator = self._gate.operator(context, "Unban")
            cluster = _requests.cluster(request.cluster)
            await self._status.bans.unban(cluster, same_keys=request.same_keys)
            _log.warning("ban ended", cluster=cluster, operator=operator.name, same_keys=request.same_keys)
            return pb.UnbanResponse()

    async def Receipts(self, request: pb.ReceiptsRequest, context: Any) -> AsyncIterator[pb.Receipt]:  # noqa: N802 - gRPC's name
        """Send every receipt of a cluster that is stored, in etcd or in the archive, oldest first."""
        async with Answering(context, "Receipts"):
            operator = self._gate.operator(context, "Receipts")
            (cluster,) = _requests.clusters([request.cluster])
            async for receipt in self._evidence.receipts(cluster, request.after_sequence):
                self._left(operator)
                yield receipt

    async def History(self, request: pb.HistoryRequest, context: Any) -> AsyncIterator[pb.Metadata]:  # noqa: N802 - gRPC's name
        """Send every signed metadata file of every release, oldest first."""
        del request
        async with Answering(context, "History"):
            operator = self._gate.operator(context, "History")
            async for metadata in self._evidence.history():
                self._left(operator)
                yield metadata

    def _left(self, operator: Operator) -> float:
        """Return for how many seconds an operator's certificate still lets a stream go on."""
        left = (operator.not_after - self._clock.now()).total_seconds()
        if left <= 0:
            raise expired(operator.name)
        return left

    async def _changed(self, subscription: Subscription, operator: Operator) -> list[ClusterName] | None:
        """Wait for changes, but no longer than the operator's certificate lets."""
        try:
            return await asyncio.wait_for(subscription.take(), self._left(operator))
        except TimeoutError:
            raise expired(operator.name) from None

    async def _answer(self, clusters: Iterable[ClusterName]) -> pb.StatusResponse:
        """Return the status of clusters; where all does not fit, without the receipts of those that have the most."""
        held = self._relay.held
        response = pb.StatusResponse(release=held.release if held else 0, replica=self._replica)
        total, largest = 0, list[tuple[int, ClusterName, pb.ClusterStatus]]()
        for cluster in clusters:
            status = response.clusters.add()
            status.CopyFrom(self._status.view(cluster))
            status.receipts.extend(await self._receipts.tail(cluster))
            size = status.ByteSize()
            total += size
            heapq.heappush(largest, (-size, cluster, status))
            while total > MAX_ANSWER and largest:
                _, dropped, shortened = heapq.heappop(largest)
                total -= shortened.ByteSize()
                shortened.ClearField("receipts")
                total += shortened.ByteSize()
                _log.warning("an answer leaves a cluster's receipts out", cluster=dropped, code=_TOO_LARGE)
        _check_size(total)
        for fault in self._alarms.faults:
            since = int(fault.since.timestamp())
            response.faults.append(pb.Fault(key=fault.key, error_code=fault.code, error=fault.why, since_unix=since))
        return response


def _metadata(relay: Relay) -> Iterable[pb.Metadata]:
    held = relay.held
    root = relay.trusted
    roots = {**(held.roots if held is not None else {}), root.root_version: root.root}
    for version, content in sorted(roots.items()):
        yield pb.Metadata(role=ROOT, version=version, content=content)
    if held is None:
        return
    yield pb.Metadata(role=TIMESTAMP, version=held.timestamp_version, content=held.timestamp)
    yield pb.Metadata(role=SNAPSHOT, version=held.release, content=held.snapshot)
    for role, (version, content) in sorted(held.targets.items()):
        yield pb.Metadata(role=role, version=version, content=content)


def _check_size(size: int) -> None:
    if size > MAX_ANSWER:
        raise HubError(
            Code.TOO_LARGE, f"the answer is larger than {MAX_ANSWER} bytes", remedy="ask for fewer at a time"
        )
