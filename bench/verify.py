"""What verifying costs an agent: a first release, one changed document, nothing new; beside bare python-tuf.

The peer is python-tuf's own TrustedMetadataSet over the same bytes, as its Updater drives it: what is stored is loaded
and verified again, then what is new. For a first release and for a change it reads every role, because a cluster's
placement can be in any; with nothing new it reads the top-level roles alone. Documents are held against their digests
on both sides, and read by neither. Times are of the processor, medians of alternated runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from bench.federation import NOW, Federation
from bench.python_tuf import Peer, first_sync
from bench.result import Sample, write
from edict.federation.v1 import federation_pb2 as pb
from edict.trust import documents, verify
from edict.trust.state import Bundle, Target, TrustState
from edict_hub.have import compose, having
from edict_hub.release import Held

DOCUMENTS, MANY = 1_000, 10_000
RUNS = 15
MOST_RATIO, MOST_WIRE = 1.3, 64 * 1024


class Case(msgspec.Struct, frozen=True):
    """One situation: processor seconds of both."""

    what: str
    edict: Sample
    peer: Sample

    @property
    def ratio(self) -> float:
        """Edict's median to the peer's."""
        return self.edict.median / self.peer.median


class Table(msgspec.Struct, frozen=True):
    """All that was measured; ``wire`` is bytes of one change by the number of documents."""

    cases: tuple[Case, ...]
    wire: dict[int, int]

    def line(self) -> str:
        """Return the printed table with what is missed below it."""
        head = (
            f"verify: {DOCUMENTS:,} documents, processor time in ms beside bare python-tuf on the same metadata "
            f"(at most {MOST_RATIO}); bytes of one change on the wire (at most {MOST_WIRE:,} at {MANY:,} documents)"
        )
        rows = [
            f"{case.what:<22} {case.edict.median * 1e3:8.2f}  python-tuf {case.peer.median * 1e3:8.2f}  "
            f"ratio {case.ratio:5.2f}  (spread {case.edict.minimum * 1e3:.2f} to {case.edict.maximum * 1e3:.2f})"
            for case in self.cases
        ]
        rows += [f"one change of {count:>6,} documents: {size:,} bytes" for count, size in self.wire.items()]
        return "\n".join([head, *rows, *(f"missed: {what}" for what in self.misses())])

    def misses(self) -> list[str]:
        """Return the targets that are missed."""
        missed = [f"{case.what}: ratio {case.ratio:.2f}" for case in self.cases if case.ratio > MOST_RATIO]
        return missed + [f"{size:,} bytes at {count:,}" for count, size in self.wire.items() if size > MOST_WIRE]

    def write(self) -> object:
        """Write what was measured, as :func:`bench.result.write` does."""
        cases = [
            {"what": case.what, "value": case.edict.median, "unit": "s", "peer": case.peer.median, "ratio": case.ratio}
            | {"spread": msgspec.to_builtins(case.edict)}
            for case in self.cases
        ]
        wire = [{"documents": count, "bytes": size} for count, size in self.wire.items()]
        return write("verify", {"name": "verify", "cases": cases, "wire": wire, "missed": self.misses()})


def run() -> Table:
    """Measure the three situations at 1,000 documents, and the wire at both sizes."""
    fed = Federation()
    pinned = verify.pin(fed.root)
    fed.publish(*((index, index % 1000) for index in range(DOCUMENTS)))
    last = fed.publish((0, 1))
    whole = Bundle(timestamp=last.timestamp, snapshot=last.snapshot, targets=fed.targets)
    state = verify.advance(pinned, whole, now=NOW)
    changed = fed.publish((7, 999))
    peer = Peer.of(state)
    cases = (
        _case(
            "first release",
            lambda: _taken(pinned, whole, fed.contents),
            lambda: first_sync(fed.root, whole, fed.contents),
        ),
        _case(
            "one changed document",
            lambda: verify.advance(state, changed, now=NOW),
            lambda: peer.everything(changed),
        ),
        _case("nothing new", lambda: verify.advance(state, Bundle(), now=NOW), lambda: peer.refresh(Bundle())),
    )
    return Table(cases, {count: _wire(count) for count in (DOCUMENTS, MANY)})


def _taken(pinned: TrustState, bundle: Bundle, contents: Mapping[str, bytes]) -> int:
    state = verify.advance(pinned, bundle, now=NOW)
    for target in state.documents.values():
        documents.check_blob(target, contents[target.digest])
    return len(state.documents)


def _case(what: str, ours: Callable[[], object], theirs: Callable[[], object]) -> Case:
    ours(), theirs()
    times: dict[bool, list[float]] = {True: [], False: []}
    for run_ in range(RUNS * 2):
        mine = (run_ + run_ // 2) % 2 == 0
        begun = time.process_time()
        (ours if mine else theirs)()
        times[mine].append(time.process_time() - begun)
    return Case(what, Sample.of(times[True]), Sample.of(times[False]))


def _wire(count: int) -> int:
    """Return the size of the message that brings one changed document to an agent that has the release before."""
    fed = Federation()
    for start in range(0, count, 1000):
        fed.publish(*((index, index % 1000) for index in range(start, start + 1000)))
    before = _held(fed, fed.publish((0, 1)))
    after = _held(fed, fed.publish((count // 2, 999)))
    have = having(
        pb.Have(
            root_version=1,
            timestamp_version=before.timestamp_version,
            release=before.release,
            metadata={role: version for role, (version, _) in before.targets.items()},
            blobs=sorted(before.digests),
        ),
        after,
    )
    new = after.digests.keys() - have.blobs
    update = compose(
        after,
        have,
        needed=frozenset(after.digests),
        contents={digest: fed.contents[digest] for digest in new},
        fingerprint="",
    )
    if len(new) != 1:
        msg = f"{len(new)} documents changed, not one"
        raise RuntimeError(msg)
    return len(update.message)


def _held(fed: Federation, bundle: Bundle) -> Held:
    state = verify.advance(
        verify.pin(fed.root), Bundle(timestamp=bundle.timestamp, snapshot=bundle.snapshot, targets=fed.targets), now=NOW
    )
    named: Mapping[str, Target] = state.documents
    return Held(
        release=state.release,
        timestamp_version=state.timestamp_version,
        timestamp=state.timestamp or b"",
        snapshot=state.snapshot or b"",
        roots={1: fed.root},
        targets={role: (state.versions[role], data) for role, data in state.targets.items()},
        digests={target.digest: target.digest for target in named.values()},
        traceparent="",
        revision=1,
        state=state,
    )
