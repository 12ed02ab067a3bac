"""Committing a release: documents first, then metadata, then one compare-and-swap of the timestamp.

Replicas may publish at once. Documents are named by their digest, so that writing them needs no care. Metadata is not:
two publishers can write different bytes under one version. Each therefore takes the fence first (a key whose last
writer wins), every write of metadata and the flip itself are conditions of its own fence, and the flip also of the
timestamp that the release was built on. Nobody holds a lock: a publisher that dies leaves only metadata that no
timestamp names, which the next one overwrites.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

from opentelemetry import trace
from securesystemslib.signer import Signer

from edict import log, telemetry
from edict.clock import Clock
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.state import TrustState
from edict.trust.timestamp import sign_timestamp
from edict_hub import metrics, raw, submission
from edict_hub.batches import batches
from edict_hub.relay import Relay
from edict_hub.release import Held
from edict_hub.store import Put, Store, Unchanged, keys
from edict_hub.submission import Submission

_log = log.get(__name__)
_tracer = trace.get_tracer("edict_hub")


class Publisher:
    """Publishes releases and keeps the timestamp fresh.

    Args:
        store: etcd.
        relay: what is served; reloaded before and after each commit.
        signer: the timestamp key.
        lifetime: of a timestamp.
        clock: for expiry.
        replica: who takes the fence; for people.
    """

    def __init__(
        self, store: Store, relay: Relay, *, signer: Signer, lifetime: timedelta, clock: Clock, replica: str
    ) -> None:
        self._store = store
        self._relay = relay
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock
        self._replica = replica
        self._one_at_a_time = asyncio.Lock()

    async def publish(self, request: pb.PublishRequest) -> pb.PublishResponse:
        """Verify and commit a release; returns once etcd has it.

        Publishing the present release again changes nothing but repairs its damaged documents.

        Raises:
            TrustError, DocumentError: the release does not verify; nothing was written.
            HubError: EDICT0401 etcd is out of reach, 0410 another release came first, 0411 to 0413 the request.
        """
        begun = time.perf_counter()
        wanted = submission.read(request)
        with _tracer.start_as_current_span("publish", telemetry.context_from(request.traceparent)):
            async with self._one_at_a_time:
                state = await self._attempt(wanted) or await self._attempt(wanted)
        if state is None:
            raise submission.conflict("another publish was committed at the same time, twice")
        metrics.publishes.add(1)
        metrics.publish_seconds.record(time.perf_counter() - begun)
        return pb.PublishResponse(release=state.release, timestamp_version=state.timestamp_version)

    async def refresh(self) -> bool:
        """Sign the present snapshot anew when half of the timestamp's life is over; tell whether that was done.

        A release that does not verify is never signed for again: it must be published anew.
        """
        await self._relay.reload()
        held = self._relay.held
        if held is None or held.state is None or held.state.timestamp is None:
            return False
        now = self._clock.now()
        expires = raw.expiry_of(held.timestamp, keys.TIMESTAMP)
        if expires is not None and expires - now > self._lifetime / 2:
            return False
        stamp = self._sign(held.snapshot, held.timestamp_version + 1)
        done = await self._store.commit([Unchanged(keys.TIMESTAMP, held.revision)], [Put(keys.TIMESTAMP, stamp)])
        if done is not None:
            _log.info("signed the timestamp anew", release=held.release, timestamp_version=held.timestamp_version + 1)
        return done is not None

    async def idle(self) -> None:
        """Wait until no publish is under way."""
        async with self._one_at_a_time:
            return

    async def _attempt(self, wanted: Submission) -> TrustState | None:
        """Try once; None when another publish was committed in between."""
        await self._relay.reload()
        held, base = self._relay.held, self._relay.trusted
        if held is not None and held.state is not None and submission.is_present(wanted, held):
            await self._repair(wanted, held)
            return held.state
        version = max(base.timestamp_version, held.timestamp_version if held else 0) + 1
        stamp = self._sign(wanted.snapshot, version)
        now = self._clock.now()
        state = await asyncio.to_thread(submission.advanced, wanted, base=base, held=held, timestamp=stamp, now=now)
        puts = await self._blob_puts(wanted, state, base)
        if not await self._write(puts, submission.metadata_puts(wanted, state, base=base, held=held), state, held):
            return None
        _log.info("published", release=state.release, timestamp_version=state.timestamp_version)
        await self._relay.reload(verified=state)
        return state

    async def _blob_puts(self, wanted: Submission, state: TrustState, base: TrustState) -> list[Put]:
        """Check every document that is new or sent, and return the writes of those that are not stored well."""
        stored = await self._relay.cache.found({target.digest for target in state.documents.values()})
        targets = list(state.documents.values())
        for digest in wanted.blobs.keys() - {target.digest for target in targets}:
            raise submission.malformed("the release does not name this document", f"blobs/{digest}")
        judged = [target for target in targets if base.documents.get(target.path) != target]
        judged += [target for target in targets if stored.get(target.digest) != target.digest]
        lacking = {target.digest for target in judged} - wanted.blobs.keys()
        contents: Mapping[str, bytes] = {**await self._relay.cache.blobs(lacking), **wanted.blobs}
        await asyncio.to_thread(submission.check_documents, judged, contents)
        return [
            Put(keys.blob(digest), content) for digest, content in wanted.blobs.items() if stored.get(digest) != digest
        ]

    async def _write(self, blobs: list[Put], metadata: list[Put], state: TrustState, held: Held | None) -> bool:
        timestamp = Unchanged(keys.TIMESTAMP, held.revision if held else 0)
        for batch in batches(blobs):
            await self._store.commit([], batch)
        fenced = await self._store.commit([timestamp], [Put(keys.FENCE, self._replica.encode())])
        if fenced is None:
            return False
        fence = Unchanged(keys.FENCE, fenced)
        for batch in batches(metadata):
            if await self._store.commit([fence], batch) is None:
                return False
        stamp = state.timestamp or b""
        traceparent = telemetry.current_traceparent().encode()
        flip = [Put(keys.TIMESTAMP, stamp), Put(keys.trace(state.release), traceparent)]
        if await self._store.commit([timestamp, fence], flip) is not None:
            return True
        now = await self._store.get(keys.TIMESTAMP)
        return now is not None and now.value == stamp

    async def _repair(self, wanted: Submission, held: Held) -> None:
        damaged = {digest for digest, real in held.digests.items() if real != digest}
        puts = [Put(keys.blob(digest), wanted.blobs[digest]) for digest in damaged & wanted.blobs.keys()]
        for batch in batches(puts):
            await self._store.commit([], batch)

    def _sign(self, snapshot: bytes, version: int) -> bytes:
        expires = self._clock.now() + self._lifetime
        return sign_timestamp(self._signer, snapshot, version=version, expires=expires)
