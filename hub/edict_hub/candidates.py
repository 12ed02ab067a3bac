"""Signed releases as somebody holds them, and which of them is the newest that verifies. No I/O.

Nothing that a candidate says of itself counts. Every one is verified from the hub's own pinned root, along the longest
chain of roots that anybody could show: agents accept nothing below that chain either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from edict.errors import HubError, TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import digest_of
from edict.trust import verify
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, TrustState
from edict_hub.codes import Code
from edict_hub.release import EXPIRY_NOT_JUDGED, Held
from edict_hub.stamping import Stamper, newest_version

ETCD = "etcd"
CALLER = "caller"


@dataclass(frozen=True)
class Candidate:
    """One release, none of it believed. An agent's counts only with its timestamp: without one it was not published."""

    source: str
    roots: Mapping[int, bytes]
    timestamp: bytes | None
    snapshot: bytes | None
    targets: Mapping[str, bytes]
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_agents(self) -> bool:
        """Whether an agent offered it."""
        return self.source not in {ETCD, CALLER}


def of_etcd(held: Held) -> Candidate:
    """Return what etcd has."""
    targets = {role: data for role, (_, data) in held.targets.items()}
    return Candidate(ETCD, held.roots, held.timestamp, held.snapshot, targets)


def of_caller(request: pb.RecoverRequest) -> Candidate:
    """Return what an operator sent."""
    return _sorted(CALLER, request.metadata, request.blobs)


def of_agent(cluster: str, offer: pb.Release) -> Candidate:
    """Return what an agent offered."""
    return _sorted(cluster, [*offer.roots, *offer.targets, offer.timestamp, offer.snapshot], offer.blobs)


class Search:
    """Takes candidates one after the other and keeps the newest that verifies.

    Args:
        pinned: the root that the hub's own file pins.
        stamper: a caller's release may lack a good timestamp: this signs one, to verify the rest with.
    """

    def __init__(self, pinned: TrustState, stamper: Stamper) -> None:
        self.rooted = pinned
        """The longest chain of roots, without a release."""
        self.best: TrustState | None = None
        self.source = ""
        """Whose the best is."""
        self.problem: TrustError | None = None
        """Why what the operator sent does not verify."""
        self._stamper = stamper
        self._stamps: dict[int, bytes] = {}
        self._kept: list[Candidate] = []
        self._rival = ""

    @property
    def timestamp_version(self) -> int:
        """The newest timestamp that verifies, of any candidate; 0 for none."""
        return max(self._stamps, default=0)

    @property
    def versions(self) -> tuple[int, int, int]:
        """Root, release and timestamp: whoever claims no more than these need not be asked."""
        return self.rooted.root_version, self.best.release if self.best else 0, self.timestamp_version

    def consider(self, candidate: Candidate) -> bool:
        """Take one more; tell whether it verifies."""
        if self._follow(candidate):
            stamps, self._stamps = self._stamps, {}
            kept, self._kept, self.best, self._rival = self._kept, [], None, ""
            for stamp in stamps.values():
                self._count(stamp)
            for before in kept:
                self._count(before.timestamp)
                self._judge(before)
        self._count(candidate.timestamp)
        return self._judge(candidate)

    def found(self) -> TrustState | None:
        """Return the newest release that verifies, or None.

        Raises:
            HubError: EDICT0414 when there are two of it.
        """
        if self.best is not None and self._rival:
            raise HubError(
                Code.TWO_HISTORIES,
                f"release {self.best.release} has two contents, one from {self.source} and one from {self._rival}",
                where=f"metadata/{SNAPSHOT}/{self.best.release}",
                remedy="publish the right one under a higher number: `edict hub recover --renumber` in its workspace",
            )
        return self.best

    def _follow(self, candidate: Candidate) -> bool:
        """Follow the candidate's roots, then those of who came before; tell whether that led further."""
        before = self.rooted.root_version
        sources = [candidate.roots, *(kept.roots for kept in self._kept)]
        while any(self._followed(roots) for roots in sources):
            continue
        return self.rooted.root_version > before

    def _followed(self, roots: Mapping[int, bytes]) -> bool:
        following = roots.get(self.rooted.root_version + 1)
        if following is None:
            return False
        try:
            self.rooted = verify.follow(self.rooted, [following])
        except TrustError:
            return False
        return True

    def _count(self, stamp: bytes | None) -> None:
        version = newest_version(self.rooted, [stamp]) if stamp else 0
        if stamp and version:
            self._stamps[version] = stamp

    def _judge(self, candidate: Candidate) -> bool:
        if not candidate.is_agents:
            self._kept.append(candidate)
        if candidate.snapshot is None:
            return False
        best = self.best
        if best is not None and candidate.snapshot == best.snapshot and candidate.targets == best.targets:
            return True
        try:
            state = self._verified(candidate)
        except TrustError as error:
            if candidate.source == CALLER:
                self.problem = error
            return False
        if best is None or state.release > best.release:
            self.best, self.source, self._rival = state, candidate.source, ""
            if candidate.is_agents:
                self._kept = [kept for kept in self._kept if not kept.is_agents] + [candidate]
        elif state.release == best.release and _content(state) != _content(best):
            self._rival = candidate.source
        return True

    def _verified(self, candidate: Candidate) -> TrustState:
        bundle = Bundle(timestamp=candidate.timestamp, snapshot=candidate.snapshot, targets=candidate.targets)
        try:
            return verify.advance(self.rooted, bundle, now=EXPIRY_NOT_JUDGED)
        except TrustError:
            if candidate.is_agents:
                raise
            stamp = self._stamper.sign(candidate.snapshot or b"", 1)
            return verify.advance(self.rooted, replace(bundle, timestamp=stamp), now=EXPIRY_NOT_JUDGED)


def _content(state: TrustState) -> tuple[object, ...]:
    """Return what a release says, whatever signatures it has."""
    return state.versions, state.targets, state.expires


def _sorted(source: str, metadata: Iterable[pb.Metadata], blobs: Iterable[pb.Blob]) -> Candidate:
    roots = {item.version: item.content for item in metadata if item.role == ROOT}
    others = {item.role: item.content for item in metadata if item.role != ROOT}
    timestamp, snapshot = others.pop(TIMESTAMP, None), others.pop(SNAPSHOT, None)
    real: dict[str, bytes] = {digest_of(blob.content): blob.content for blob in blobs}
    return Candidate(source, roots, timestamp, snapshot, others, real)
