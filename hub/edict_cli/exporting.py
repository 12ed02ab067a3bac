"""Making an export: everything that the hub has of the evidence, judged line by line as it is written."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.audit.chain import Asked
from edict.trust.audit.history import Trusted
from edict.trust.audit.lines import DocumentLine, Header, Line, MetadataLine, ReceiptLine, Sink, Writer
from edict.trust.audit.report import Report
from edict.trust.audit.verifier import Audit
from edict.trust.roles import ROOT, SNAPSHOT
from edict_cli.hub import HubClient, RefusedError

NOT_STORED = "EDICT0416"
BATCH_BYTES = 2 * 1024 * 1024
BATCH_DOCUMENTS = 1000
MAX_BEFORE = 512
"""Receipts that are held back until one is of the release that is asked for: agents make a base after at most 200."""


class Exporter:
    """Writes one export.

    Args:
        hub: whom to ask; nothing that it says is believed.
        sink: where the export goes.
        trusted: the trust root that it is judged from.
        asked: what is known already, and the release to begin with.
        only: whose receipts; empty is every cluster's.
        tell: takes words for what is under way.
    """

    def __init__(
        self,
        hub: HubClient,
        sink: Sink,
        trusted: Trusted,
        asked: Asked,
        *,
        only: Sequence[ClusterName],
        tell: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._writer = Writer(sink)
        self._audit = Audit(trusted, asked)
        self._since = asked.since
        self._only = tuple(sorted(only))
        self._tell = tell
        self._waiting: dict[str, MetadataLine] = {}
        self._nowhere: set[str] = set()

    def run(self) -> Report:
        """Write everything; return what was found on the way.

        Raises:
            HubError: the hub was lost or refused.
            TrustError: EDICT0206 when the hub does not have the trust root; EDICT0250 for what no export can hold.
        """
        self._write(Header(since=self._since, clusters=self._only))
        for item in self._hub.history():
            self._metadata(MetadataLine(item.role, item.version, item.content))
        names = self._only or tuple(self._audit.timeline.clusters())
        for number, name in enumerate(names, 1):
            self._tell(f"fetching receipts of {name} ({number} of {len(names)})")
            for receipt in self._asked_for(self._hub.receipts(name)):
                self._write(ReceiptLine(name, receipt.sequence, receipt.envelope))
        self._audit.take(self._writer.end())
        return self._audit.report()

    def _write(self, line: Line) -> None:
        self._writer.write(line)
        self._audit.take(line)

    def _metadata(self, line: MetadataLine) -> None:
        """Write roots at once, and what waits when the first release comes that is asked for."""
        if line.role == ROOT:
            self._write(line)
            return
        if line.role != SNAPSHOT:
            self._waiting[line.role] = line
            return
        if line.version < self._since:
            return
        self._tell(f"fetching release {line.version}")
        for _, waiting in sorted(self._waiting.items()):
            self._write(waiting)
        self._waiting.clear()
        self._write(line)
        self._documents()

    def _documents(self) -> None:
        """Write the documents that the newest release is first to name."""
        lengths = {digest: targets[0].length for digest, targets in sorted(self._audit.wanted.items())}
        wanted = [(digest, length) for digest, length in lengths.items() if digest not in self._nowhere]
        for batch in _batches(wanted):
            found = self._fetched(batch)
            self._nowhere.update(digest for digest in batch if digest not in found)
            for digest in batch:
                if digest in found:
                    self._write(DocumentLine(digest, found[digest]))

    def _fetched(self, batch: Sequence[str]) -> dict[str, bytes]:
        """Return what the hub has of some documents: it refuses all of them where one is not stored."""
        try:
            return self._hub.blobs(batch)
        except RefusedError as error:
            if error.code != NOT_STORED:
                raise
        if len(batch) == 1:
            return {}
        half = len(batch) // 2
        return {**self._fetched(batch[:half]), **self._fetched(batch[half:])}

    def _asked_for(self, receipts: Iterable[pb.Receipt]) -> Iterator[pb.Receipt]:
        """Leave out what is before the release that is asked for, but for what leads up to it from a base."""
        held: deque[pb.Receipt] = deque(maxlen=MAX_BEFORE)
        begun = not self._since
        for receipt in receipts:
            if begun:
                yield receipt
                continue
            release, base = _glance(receipt.envelope)
            if base:
                held.clear()
            held.append(receipt)
            if release >= self._since:
                begun = True
                yield from held
                held.clear()


class _Body(msgspec.Struct):
    release: int
    base: bool


class _Envelope(msgspec.Struct):
    payload: str


def _glance(envelope: bytes) -> tuple[int, bool]:
    """Return the release that a receipt speaks of, and whether it is a base, believing it; (0, no) of no receipt."""
    try:
        payload = msgspec.json.decode(envelope, type=_Envelope).payload
        body = msgspec.json.decode(base64.b64decode(payload), type=_Body)
    except (ValueError, RecursionError):
        return 0, False
    return body.release, body.base


def _batches(wanted: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    batch: list[str] = []
    total = 0
    for digest, length in wanted:
        batch.append(digest)
        total += length
        if total > BATCH_BYTES or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
