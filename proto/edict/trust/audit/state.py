"""The state that receipts add up to, with the receipt that last spoke of each policy; and how it stood at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edict.ids import ClusterName
from edict.trust.audit.report import ClusterAt, PolicyAt
from edict.trust.audit.timeline import Moment, Timeline
from edict.trust.receipts import PolicyReport, PolicyState, ReceiptBody, state_digest
from edict.trust.state import Target

SILENCE = timedelta(minutes=15)
"""Agents sign at least every ten minutes; a state that was signed longer before a time says nothing of it."""


@dataclass(frozen=True)
class Said:
    """One policy's newest report, and the receipt that it stands in."""

    report: PolicyReport
    sequence: int
    digest: str


@dataclass
class Folded:
    """What a chain adds up to so far. It is known from a base receipt on, until a receipt is missing or does not hold.

    Attributes:
        known: whether ``said`` is the whole state.
        body: the newest verified receipt, with its digest.
    """

    known: bool = False
    body: ReceiptBody | None = None
    digest: str = ""
    said: dict[str, Said] = field(default_factory=dict)

    def apply(self, body: ReceiptBody, digest: str) -> bool:
        """Take the next receipt; tell whether the state is the one that it signs for, as far as that is known."""
        self.body, self.digest = body, digest
        if body.base:
            self.known, self.said = True, {}
        if not self.known:
            return True
        self.said.update({report.policy: Said(report, body.sequence, digest) for report in body.policies})
        for name in body.removed:
            self.said.pop(name, None)
        self.known = state_digest({name: said.report for name, said in self.said.items()}) == body.state_digest
        return self.known

    def forget(self) -> None:
        """Something is missing: what is known again begins with the next base."""
        self.known, self.said = False, {}

    def copy(self) -> Folded:
        """Return it as it is now."""
        return Folded(self.known, self.body, self.digest, dict(self.said))


def as_of(cluster: ClusterName, folded: Folded | None, timeline: Timeline, at: datetime) -> ClusterAt:
    """Say how a cluster stood at a time, from its newest receipt by then.

    What is silent, cannot be followed, or does not fit the release is Unknown, with the reason.
    """
    body = folded.body if folded is not None else None
    if folded is None or body is None:
        return ClusterAt(cluster, reason="no verified receipt is as old")
    moment = timeline.moment(body.release)
    reason = _why_unknown(folded, body, moment, at)
    targets = timeline.placed(cluster, moment.order) if moment is not None else []
    return ClusterAt(
        cluster,
        release=body.release,
        sequence=body.sequence,
        receipt=folded.digest,
        signed_at=body.time,
        stale=moment is not None and moment.expires < at,
        reason=reason,
        policies=tuple(_policies(targets, folded.said, reason)),
    )


def _why_unknown(folded: Folded, body: ReceiptBody, moment: Moment | None, at: datetime) -> str:
    if moment is None:
        return f"release {body.release} is not in the verified history"
    if not folded.known:
        return "receipts are missing or do not hold, and no base came since"
    if at - body.time > SILENCE:
        return f"the newest receipt is {int((at - body.time).total_seconds()) // 60} min older"
    return ""


def _policies(targets: list[Target], said: Mapping[str, Said], reason: str) -> list[PolicyAt]:
    names = {f"{target.team}/{target.name}": target for target in targets}
    return [_policy(name, names.get(name), said.get(name), reason) for name in sorted({*names, *said})]


def _policy(name: str, target: Target | None, said: Said | None, reason: str) -> PolicyAt:
    if said is None:
        return PolicyAt(name, PolicyState.UNKNOWN, reason=reason or "the cluster does not report it")
    report = said.report
    state, why = report.state, report.reason
    if reason:
        state, why = PolicyState.UNKNOWN, reason
    elif target is None:
        state, why = PolicyState.UNKNOWN, "the release does not place it there"
    elif report.document != target.digest and state is PolicyState.COMPLIANT:
        state, why = PolicyState.UNKNOWN, "the cluster reports another version of it"
    return PolicyAt(name, state, report.document, report.code, why, report.rules, said.sequence, said.digest)
