"""The fleet as a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from edict.errors import printable
from edict.trust.receipts import PolicyState
from edict_cli.conformance import WORST_FIRST, ClusterView, PolicyView, rollup
from edict_cli.fleet import FleetView
from edict_cli.output import Sheet

COLUMNS = ("cluster", "dialect", "release", "state", "last seen", "receipt", "agent", "reason")
WIDE = frozenset({"receipt", "agent"})
LOST = frozenset({"EDICT0207", "EDICT0440", "EDICT0441", "EDICT0442", "EDICT0453"})
"""Faults of a hub that has less than it had, or less than somebody else knows."""
RECOVERED = ". Try: if its etcd was restored or lost, edict hub recover --from-agents"


def sheet(view: FleetView, now: datetime, *, wide: bool) -> Sheet:
    """Return one row for each cluster, and with ``wide`` one for each policy below it."""
    rows: list[tuple[str, ...]] = []
    for cluster in view.clusters:
        rows.append(_row(cluster, now))
        if wide:
            rows += [_policy_row(policy) for policy in cluster.policies]
    return Sheet(COLUMNS, rows, WIDE)


def headline(view: FleetView, now: datetime) -> Iterator[str]:
    """Yield what stands around the table: an expired release, the hub's faults, an empty fleet."""
    if view.expires is not None and view.expires <= now:
        expired = f"{view.expires:%Y-%m-%d %H:%M} UTC"
        yield f"Release {view.release} expired at {expired}: clusters go on enforcing it. Try: edict publish --refresh"
    for fault in view.faults:
        remedy = RECOVERED if fault.code in LOST else ""
        yield printable(f"Hub fault [{fault.code}] ({fault.key}) {fault.error}{remedy}")
    if not view.release:
        yield "Nothing is published yet. Try: edict publish"
    elif not view.clusters:
        yield "There is no cluster yet. Try: edict cluster add NAME --plugin cilium"


def lines(cluster: ClusterView, now: datetime, *, wide: bool) -> Iterator[str]:
    """Yield one cluster as a line of text, and with ``wide`` its policies: a watch that is not on a terminal."""
    row = _row(cluster, now)
    yield printable("  ".join(part for part in (f"{now:%H:%M:%SZ}", *row[:4], row[-1]) if part))
    if wide:
        for policy in cluster.policies:
            yield printable("  ".join(part for part in (f"{now:%H:%M:%SZ}", *_policy_row(policy)) if part))


def ago(then: datetime | None, now: datetime) -> str:
    """Return how long ago something was, for people."""
    if then is None:
        return "never"
    seconds = max(0, int((now - then) / timedelta(seconds=1)))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _row(cluster: ClusterView, now: datetime) -> tuple[str, ...]:
    dialect = " ".join(part for part in (cluster.dialect, cluster.plugin_version) if part)
    release = f"{cluster.release} (-{cluster.behind})" if cluster.behind else str(cluster.release or "-")
    seen = "banned" if cluster.banned else "connected" if cluster.connected else ago(cluster.last_seen, now)
    receipt = f"#{cluster.sequence} {ago(cluster.signed_at, now)}" if cluster.signed_at else "-"
    reason = " ".join(part for part in (cluster.code, cluster.reason) if part) or _first_findings(cluster)
    if cluster.banned:
        reason = "; ".join(part for part in (f"banned: {cluster.ban_reason or 'no reason'}", reason) if part)
    return (
        cluster.cluster,
        dialect or "-",
        release,
        rollup(cluster),
        seen,
        receipt,
        cluster.agent_version or "-",
        reason,
    )


def _first_findings(cluster: ClusterView) -> str:
    """Return the first policy of each state that is not compliant, the worst state first, and why."""
    first: dict[PolicyState, PolicyView] = {}
    for policy in sorted(cluster.policies, key=lambda policy: WORST_FIRST.index(policy.state)):
        if policy.state is not PolicyState.COMPLIANT:
            first.setdefault(policy.state, policy)
    return "; ".join(f"{policy.policy} {policy.code or policy.reason}".rstrip() for policy in first.values())


def _policy_row(policy: PolicyView) -> tuple[str, ...]:
    reason = " ".join(part for part in (policy.code, policy.reason) if part)
    facts = [reason or (_count(policy.objects, "object") if policy.accepted else "")]
    if not reason and policy.accepted in {"yes", "no"}:
        facts.append(f"accepted: {policy.accepted}")
    if policy.reverts:
        facts.append(_count(policy.reverts, "revert"))
    said = ", ".join(fact for fact in facts if fact)
    return f"  {policy.policy}", "", "", policy.state.value, "", "", "", said


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
