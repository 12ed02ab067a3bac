"""Publishing: a request is verified on top of the present release and written by :mod:`edict_hub.commit`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from opentelemetry import trace

from edict import log, telemetry
from edict.clock import Clock
from edict.federation.v1 import federation_pb2 as pb
from edict.trust import verify
from edict.trust.state import TrustState
from edict_hub import metrics, raw, submission
from edict_hub.commit import Writer
from edict_hub.relay import Relay
from edict_hub.release import Held
from edict_hub.stamping import Stamper, newest_version
from edict_hub.store import Put, Store, Unchanged, keys
from edict_hub.submission import Submission

_log = log.get(__name__)
_tracer = trace.get_tracer("edict_hub")


class Publisher:
    """Publishes releases and keeps the timestamp fresh.

    Args:
        store: etcd.
        relay: what is served; reloaded before and after each commit.
        writer: commits.
        stamper: signs timestamps.
        clock: for expiry.
    """

    def __init__(self, store: Store, relay: Relay, writer: Writer, stamper: Stamper, clock: Clock) -> None:
        self._store = store
        self._relay = relay
        self._writer = writer
        self._stamper = stamper
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def publish(self, request: pb.PublishRequest) -> pb.PublishResponse:
        """Verify and commit a release; returns once etcd has it.

        Publishing the present release again changes nothing but repairs its damaged documents.

        Raises:
            TrustError, DocumentError: the release does not verify; nothing was written.
            HubError: EDICT0401 etcd is out of reach, 0410 another release came first, 0411 to 0413 the request, 0415
                the timestamp key's numbers are used up, 0440 or 0441 the present release cannot be read.
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

        A release that does not verify is never signed for again: it must be published anew. Nor does a key sign that
        the trust root does not name.

        Raises:
            HubError: EDICT0401 etcd is out of reach, 0415 the numbers are used up, 0417 the key is another one.
        """
        await self._relay.reload()
        held = self._relay.held
        if held is None or held.state is None or held.state.timestamp is None:
            return False
        now = self._clock.now()
        expires = raw.expiry_of(held.timestamp, keys.TIMESTAMP)
        if expires is not None and expires - now > self._stamper.lifetime / 2:
            return False
        if not self._stamper.is_named_by(held.state.root):
            raise self._stamper.unnamed()
        stamp = self._stamper.sign(held.snapshot, held.timestamp_version + 1)
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
        if self._relay.unreadable is not None and self._relay.revision != (held.revision if held else 0):
            raise self._relay.unreadable
        if held is not None and held.state is not None and submission.is_present(wanted, held):
            await self._repair(wanted, held)
            return held.state
        rooted = verify.follow(base, submission.roots_after(wanted, base, held))
        if not self._stamper.is_named_by(rooted.root):
            raise self._stamper.unnamed()
        version = newest_version(rooted, [held.timestamp] if held else []) + 1
        stamp = self._stamper.sign(wanted.snapshot, version)
        now = self._clock.now()
        state = await asyncio.to_thread(submission.advanced, wanted, base=base, held=held, timestamp=stamp, now=now)
        await self._writer.documents(await self._blob_puts(wanted, state, base))
        metadata = submission.metadata_puts(wanted, state, base=base, held=held)
        if not await self._writer.release(metadata, state, on=held.revision if held else 0):
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

    async def _repair(self, wanted: Submission, held: Held) -> None:
        damaged = {digest for digest, real in held.digests.items() if real != digest}
        await self._writer.documents(
            Put(keys.blob(digest), wanted.blobs[digest]) for digest in damaged & wanted.blobs.keys()
        )
