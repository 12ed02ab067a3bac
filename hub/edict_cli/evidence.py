"""From receipts to conformance: what each cluster itself signed, never what the hub says of it. Pure.

Everything that is missing, not signed by the pinned key, out of the chain, older than what was seen before, or too old
is ``Unknown`` with its reason. What is placed on a cluster comes from the verified release alone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.codes import Code as Trust
from edict.trust.custom import ClusterCustom
from edict.trust.placement import placed
from edict.trust.receipts import Evidence, PolicyReport, PolicyState, ReceiptBody, envelope_digest, fold, verify_receipt
from edict.trust.roles import cluster_path
from edict.trust.state import Target, TrustState
from edict.trust.waivers import waived_at
from edict_cli.conformance import ClusterView, PolicyView, Seen
from edict_cli.freshness import dated, reasons, state_of

STALE_AFTER = timedelta(minutes=15)
"""Agents sign at least every few minutes; longer silence is Unknown."""

CLOCK_SKEW = timedelta(minutes=5)
"""A receipt from further in the future would be replayed for as long: it proves nothing of now."""


def evaluate(
    state: TrustState,
    name: ClusterName,
    said: pb.ClusterStatus,
    *,
    now: datetime,
    stale_after: timedelta = STALE_AFTER,
    seen: Seen | None = None,
) -> tuple[ClusterView, Seen | None]:
    """Judge one cluster.

    Args:
        state: the newest verified release.
        name: the cluster.
        said: what the hub relays of it; empty when it relays nothing.
        now: wall time, UTC.
        stale_after: receipts older than this count as silence.
        seen: the newest receipt that was verified before, or None.

    Returns:
        The view, and the newest receipt verified now (None when nothing verified).
    """
    last_seen = moment(said.last_seen_unix)
    blank = ClusterView(
        name,
        PolicyState.UNKNOWN,
        last_seen=last_seen,
        connected=said.connected,
        banned=said.banned,
        ban_reason=said.ban_reason,
    )
    found = placed(state, name)
    targets = [target for target in found if target.team]
    try:
        key = _pinned_key(state, name, said)
        evidence, newest = _verified(name, key, said, seen)
    except TrustError as error:
        return _unknown(blank, targets, error.code, error.what), None
    head = evidence.head
    view = msgspec.structs.replace(
        blank,
        release=head.release,
        behind=max(0, state.release - head.release),
        dialect=head.dialect,
        plugin_version=head.plugin_version,
        agent_version=head.agent_version,
        sequence=head.sequence,
        signed_at=head.time,
    )
    try:
        view = dated(view, evidence, state, now)
    except TrustError as error:
        return _unknown(view, targets, error.code, error.what), newest
    if now - head.time > stale_after:
        silence = f"the newest receipt is {_span(now - head.time)} old"
        return _unknown(view, targets, "", silence), newest
    if head.time - now > CLOCK_SKEW:
        return _unknown(view, targets, "", f"the newest receipt is from the future ({_span(head.time - now)})"), newest
    if head.release > state.release:
        ahead = f"the cluster has release {head.release}, and the hub shows {state.release} here"
        return _unknown(view, targets, "", ahead), newest
    waived = waived_at(found, head.time - CLOCK_SKEW)
    policies = tuple(_policy(target, evidence, view.behind, waived) for target in targets)
    if not view.behind:
        policies += _unplaced(evidence, targets)
    worst = state_of(view, (policy.state for policy in policies))
    return msgspec.structs.replace(view, state=worst, policies=policies, reason=reasons(view)), newest


def moment(unix: int) -> datetime | None:
    """Return a time that the hub said, or None where it said none that there is."""
    try:
        return datetime.fromtimestamp(unix, UTC) if unix else None
    except (OverflowError, OSError, ValueError):
        return None


def clusters_of(state: TrustState) -> dict[ClusterName, ClusterCustom]:
    """Return the signed inventory."""
    return {
        ClusterName(target.name): target.custom
        for _, target in sorted(state.documents.items())
        if isinstance(target.custom, ClusterCustom)
    }


def policy_name(target: Target) -> str:
    """Return ``team/name``."""
    return f"{target.team}/{target.name}"


def chain(name: ClusterName, key: str, said: pb.ClusterStatus) -> list[tuple[bytes, ReceiptBody]]:
    """Verify every receipt that the hub relays with the pinned key, and that they make one chain.

    Raises:
        TrustError: EDICT0241 to 0245.
    """
    verified = _signed(name, key, said)
    if verified:
        fold(verified)
    return verified


def way_to_a_key(name: ClusterName, said: pb.ClusterStatus | None) -> str:
    """Return what to do for a cluster without a pinned key: let it enrol, or approve the key that it has shown."""
    if said is None or not said.pending_receipt_key:
        return f"it has not enrolled; give its agent the token of `edict cluster token {name}`"
    return f"`edict cluster approve {name}` shows the key that it has; then `edict publish`"


def _pinned_key(state: TrustState, name: ClusterName, said: pb.ClusterStatus) -> str:
    own = state.documents.get(cluster_path(name))
    if own is None or not isinstance(own.custom, ClusterCustom):
        raise TrustError(Trust.RECEIPT_KEY, "it is not in the signed inventory")
    if not own.custom.receipt_key:
        raise TrustError(Trust.RECEIPT_KEY, f"no receipt key is pinned: {way_to_a_key(name, said)}")
    return own.custom.receipt_key


def _signed(name: ClusterName, key: str, said: pb.ClusterStatus) -> list[tuple[bytes, ReceiptBody]]:
    """Verify the receipts that the hub relays.

    The last one before a gap may be of an earlier key, where an identity was lost with receipts that no hub has: it
    only shows the gap, and is left out where a base by the pinned key comes next.
    """
    envelopes = [item.envelope for item in said.receipts]
    verified = [(envelope, verify_receipt(envelope, key, name)) for envelope in envelopes[1:]]
    for envelope in envelopes[:1]:
        try:
            verified.insert(0, (envelope, verify_receipt(envelope, key, name)))
        except TrustError:
            if not verified or not verified[0][1].base:
                raise
    return verified


def _verified(name: ClusterName, key: str, said: pb.ClusterStatus, seen: Seen | None) -> tuple[Evidence, Seen]:
    verified = _signed(name, key, said)
    evidence = fold(verified)
    newest = Seen(key, evidence.head.sequence, envelope_digest(verified[-1][0]))
    if seen is not None and seen.key == key:
        digests = {body.sequence - 1: body.previous for _, body in verified if body.previous}
        digests |= {body.sequence: envelope_digest(envelope) for envelope, body in verified}
        if newest.sequence < seen.sequence:
            raise TrustError(
                Trust.CHAIN, f"receipts up to {seen.sequence} were seen before, and they end at {newest.sequence} now"
            )
        if digests.get(seen.sequence, seen.digest) != seen.digest:
            raise TrustError(Trust.CHAIN, f"receipt {seen.sequence} is not the one that was seen before")
    return evidence, newest


def _policy(target: Target, evidence: Evidence, behind: int, waived: Collection[str]) -> PolicyView:
    name = policy_name(target)
    report = evidence.policies.get(name)
    unwaived = report is not None and report.state is PolicyState.WAIVED and name not in waived
    if report is not None and report.document == target.digest and not unwaived:
        return _view(report)
    if behind:
        return PolicyView(name, PolicyState.PENDING, reason=f"the cluster is behind by {behind}")
    if report is None:
        return PolicyView(name, PolicyState.UNKNOWN, reason="the cluster does not report it")
    if unwaived:
        return PolicyView(name, PolicyState.UNKNOWN, reason="the cluster says that it is waived, and no waiver says so")
    if report.state in {PolicyState.COMPLIANT, PolicyState.WAIVED}:
        return PolicyView(name, PolicyState.UNKNOWN, reason="the cluster reports another version of it")
    return _view(report)


def _unplaced(evidence: Evidence, targets: list[Target]) -> tuple[PolicyView, ...]:
    expected = {policy_name(target) for target in targets}
    return tuple(
        PolicyView(name, PolicyState.UNKNOWN, reason="the cluster reports it, and the release does not place it there")
        for name in sorted(evidence.policies.keys() - expected)
    )


def _view(report: PolicyReport) -> PolicyView:
    return PolicyView(
        policy=report.policy,
        state=report.state,
        accepted=report.accepted,
        objects=report.objects,
        reverts=report.reverts,
        code=report.code,
        reason=report.reason,
        document=report.document,
        rules=report.rules,
    )


def _unknown(view: ClusterView, targets: list[Target], code: str, reason: str) -> ClusterView:
    policies = tuple(PolicyView(policy_name(target), PolicyState.UNKNOWN, reason=reason) for target in targets)
    return msgspec.structs.replace(view, state=PolicyState.UNKNOWN, code=code, reason=reason, policies=policies)


def _span(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    minutes = seconds // 60
    if not minutes:
        return f"{seconds} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
