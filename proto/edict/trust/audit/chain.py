"""One cluster's receipts, oldest first: whose they are, that none is missing, and that they fit their releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edict.ids import ClusterName
from edict.trust.audit.findings import Findings
from edict.trust.audit.lines import ReceiptLine
from edict.trust.audit.report import ClusterAt, ClusterReport
from edict.trust.audit.signing import Signing
from edict.trust.audit.state import SILENCE, Folded, as_of
from edict.trust.audit.timeline import Moment, Timeline
from edict.trust.codes import Code
from edict.trust.receipts import PolicyState, ReceiptBody, envelope_digest
from edict.trust.roles import policy_path

MOST_SPANS = 1000
"""Spans of missing receipts that are listed; each is a finding too."""


@dataclass(frozen=True)
class Head:
    """What a cluster's owner read from the cluster: its newest receipt."""

    sequence: int
    digest: str


@dataclass(frozen=True)
class Asked:
    """What an audit was asked for.

    Attributes:
        since: the release that the export begins with; receipts of earlier ones lead up to it and are not judged
            against their release, which the export does not have.
        at: a time whose state is wanted, or None.
        heads: what owners read from their clusters, or somebody saw before.
        release: the newest release that is known of otherwise; 0 is none.
    """

    since: int = 0
    at: datetime | None = None
    heads: Mapping[str, Head] = field(default_factory=dict)
    release: int = 0


class Chain:
    """Judges the receipts of one cluster.

    Args:
        cluster: its name.
        timeline: the verified releases.
        findings: what does not hold goes there.
        asked: what else is wanted.
    """

    def __init__(self, cluster: ClusterName, timeline: Timeline, findings: Findings, asked: Asked) -> None:
        self.cluster = cluster
        self._timeline = timeline
        self._findings = findings
        self._asked = asked
        self._head = asked.heads.get(cluster)
        self._signing = Signing(cluster, timeline, findings, since=asked.since)
        self._folded = Folded()
        self._then: Folded | None = None
        self._first: ReceiptBody | None = None
        self._newest: Moment | None = None
        self._begin = self._sequence = 0
        self._digest = ""
        self._met_head = False
        self._receipts = self._verified = 0
        self._stale = self._clock_back = self._floor_lost = self._silences = 0
        self._longest = SILENCE
        self._missing: list[tuple[int, int]] = []

    def take(self, line: ReceiptLine) -> None:
        """Take the next receipt."""
        self._receipts += 1
        sequence, digest = line.sequence, envelope_digest(line.content)
        if self._is_behind(sequence):
            return
        self._begin = self._begin or sequence
        self._look_for_gap(sequence)
        self._compare_head(sequence, digest)
        follows, before = sequence == self._sequence + 1, self._digest
        self._sequence, self._digest = sequence, digest
        body = self._signing.body(line, started=self._newest is not None)
        if body is None:
            self._folded.forget()
            return
        if not (follows and self._is_linked(body, before)):
            self._folded.forget()
        self._verified += 1
        self._fold(body, digest)

    def report(self) -> ClusterReport:
        """Say how the chain stands; call once, behind its last receipt."""
        self._end()
        first, last = self._first, self._folded.body
        return ClusterReport(
            cluster=self.cluster,
            receipts=self._receipts,
            verified=self._verified,
            first=first.sequence if first else 0,
            last=last.sequence if last else 0,
            head=self._folded.digest,
            first_release=first.release if first else 0,
            last_release=last.release if last else 0,
            first_time=first.time if first else None,
            last_time=last.time if last else None,
            missing=tuple(self._missing[:MOST_SPANS]),
            keys=tuple(change for _, change in self._signing.used),
            early=self._signing.early,
            stale=self._stale,
            clock_back=self._clock_back,
            silences=self._silences,
            longest_silence=int(self._longest.total_seconds()) if self._silences else 0,
            floor_lost=self._floor_lost,
            findings=sum(1 for _ in self._findings.of(self.cluster)),
        )

    def state(self, at: datetime) -> ClusterAt:
        """Say how the cluster stood at the time that was asked for."""
        folded = self._then or (self._folded if self._folded.body is not None else None)
        return as_of(self.cluster, folded, self._timeline, at)

    def _end(self) -> None:
        if self._asked.since and self._verified and self._newest is None:
            what = f"no receipt is of release {self._asked.since}, with which the export begins, or later"
            self._found(Code.NO_EVIDENCE, what, 0)
        if not self._receipts and self._signing.pinned:
            self._found(Code.NO_EVIDENCE, "its receipt key is pinned, and there is not one receipt of it", 0)
        if self._head is not None and not self._met_head and self._head.sequence >= self._begin:
            self._found(
                Code.OTHER_HEAD,
                f"the chain does not have receipt {self._head.sequence}, which the cluster has: its tail is missing"
                if self._head.sequence > self._sequence
                else f"the chain does not have receipt {self._head.sequence}, which the cluster has",
                self._head.sequence,
            )

    def _is_behind(self, sequence: int) -> bool:
        if sequence > self._sequence:
            return False
        self._found(Code.CHAIN, f"it stands behind receipt {self._sequence}: out of order, or a second one", sequence)
        return True

    def _look_for_gap(self, sequence: int) -> None:
        first = self._sequence + 1
        if sequence == first or (not self._sequence and self._asked.since):
            return
        self._missing.append((first, sequence - 1))
        self._findings.about(self.cluster, Code.CHAIN, "receipts are missing", first, sequence - 1)

    def _is_linked(self, body: ReceiptBody, before: str) -> bool:
        if body.previous != before:
            self._found(Code.CHAIN, "it names another receipt as the one before", body.sequence)
        return body.previous == before

    def _compare_head(self, sequence: int, digest: str) -> None:
        if self._head is None or sequence != self._head.sequence:
            return
        self._met_head = True
        if digest != self._head.digest:
            self._found(Code.OTHER_HEAD, "the cluster has another receipt of this number", sequence)

    def _fold(self, body: ReceiptBody, digest: str) -> None:
        last = self._folded.body
        if self._asked.at is not None and self._then is None and body.time > self._asked.at:
            self._then = self._folded.copy()
        self._first = self._first or body
        if last is not None:
            self._clock_back += body.time < last.time
            self._silences += body.time - last.time > SILENCE
            self._longest = max(self._longest, body.time - last.time)
        self._floor_lost += bool(body.floor_lost)
        if not self._folded.apply(body, digest):
            self._found(Code.STATE_DIGEST, "the receipts do not add up to the state that it signs for", body.sequence)
        moment = self._timeline.moment(body.release)
        if moment is not None:
            self._judge(body, moment)

    def _judge(self, body: ReceiptBody, moment: Moment) -> None:
        """Hold a receipt against its release."""
        self._stale += body.time > moment.expires
        if body.snapshot_expires not in {None, moment.expires}:
            what = f"the cluster verified another release {body.release} than the one in the history"
            self._found(Code.SPLIT_VIEW, what, body.sequence)
        if 0 < body.root_version < moment.root_version:
            what = f"the cluster verified release {body.release} under a root that did not sign it"
            self._found(Code.RELEASE_UNKNOWN, what, body.sequence)
        if self._newest is not None and moment.order < self._newest.order:
            what = f"the cluster went back from release {self._newest.release} to {moment.release}"
            self._found(Code.WENT_BACK, what, body.sequence)
        self._newest = moment
        for report in body.policies:
            if not self._is_placed(report.policy, report.document, report.state, moment):
                what = f"release {moment.release} does not place document {report.document} of {report.policy} there"
                self._found(Code.NOT_PLACED, what, body.sequence)

    def _is_placed(self, policy: str, document: str, state: PolicyState, moment: Moment) -> bool:
        """Tell whether a release places a document; one that does not comply may be of an earlier release."""
        team, _, name = policy.partition("/")
        path = policy_path(team, name)
        target = self._timeline.target(path, moment.order)
        if target is not None and target.digest == document:
            return self._timeline.is_placed(target, self.cluster, moment.order)
        return state is not PolicyState.COMPLIANT and self._timeline.was_placed(
            path, document, self.cluster, moment.order
        )

    def _found(self, code: Code | str, what: str, sequence: int) -> None:
        self._findings.about(self.cluster, code, what, sequence)
