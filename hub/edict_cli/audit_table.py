"""How an audit is printed: one row for each cluster, one for each finding, one for each rule as of a time."""

from __future__ import annotations

from datetime import datetime

from edict.trust.audit.report import ClusterAt, ClusterReport, PolicyAt, Report
from edict_cli.output import Sheet

SHORT_DIGEST = 12


def clusters(report: Report) -> Sheet:
    """Return the chains."""
    columns = ["cluster", "receipts", "sequence", "release", "from", "to", "missing", "notes", "findings", "head"]
    return Sheet(columns, [_chain(row) for row in report.clusters], frozenset({"head"}))


def findings(report: Report) -> Sheet:
    """Return what does not hold."""
    return Sheet(["code", "where", "what"], [[each.code, each.where, each.what] for each in report.findings])


def states(report: Report) -> Sheet:
    """Return how every policy and rule stood at the time that was asked for."""
    columns = ["cluster", "policy", "rule", "state", "fidelity", "release", "signed", "evidence", "reason"]
    rows = [row for state in report.states for row in _state(state)]
    return Sheet(columns, rows)


def headline(report: Report) -> str:
    """Return the judgement in one line."""
    many = len(report.findings) + report.omitted
    judged = f"{sum(row.verified for row in report.clusters)} receipts of {len(report.clusters)} clusters verify"
    span = f"releases {report.first_release} to {report.last_release}" if report.releases else "no release"
    found = "nothing was found" if report.holds else f"{many} finding{'s' if many != 1 else ''}"
    return f"{judged}; {span}; {found}."


def _chain(row: ClusterReport) -> list[str]:
    return [
        row.cluster,
        f"{row.verified} of {row.receipts}",
        f"{row.first}-{row.last}" if row.verified else "-",
        f"{row.first_release}-{row.last_release}" if row.verified else "-",
        _time(row.first_time),
        _time(row.last_time),
        ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in row.missing) or "-",
        ", ".join(_notes(row)) or "-",
        str(row.findings or "-"),
        f"{row.last}:{row.head}" if row.verified else "-",
    ]


def _notes(row: ClusterReport) -> list[str]:
    counted = {
        "before its key was pinned": row.early,
        "after its release expired": row.stale,
        "with the clock set back": row.clock_back,
        "with a lost floor": row.floor_lost,
    }
    notes = [f"{count} {what}" for what, count in counted.items() if count]
    if row.silences:
        notes.append(f"silent {row.silences} times, the longest {row.longest_silence // 60} min")
    return [*notes, *(f"key {key.fingerprint} from {key.sequence}" for key in row.keys[1:])]


def _state(state: ClusterAt) -> list[list[str]]:
    if not state.policies:
        return [[state.cluster, "-", "-", "Unknown" if state.reason else "-", "-", *_signed(state), "-", state.reason]]
    return [row for policy in state.policies for row in _policy(state, policy)]


def _policy(state: ClusterAt, policy: PolicyAt) -> list[list[str]]:
    evidence = f"{policy.sequence}:{policy.receipt[:SHORT_DIGEST]}" if policy.sequence else "-"
    rules = [(rule.rule, rule.fidelity.value, rule.reason) for rule in policy.rules] or [("-", "-", "")]
    return [
        [
            state.cluster,
            policy.policy,
            rule,
            policy.state.value,
            fidelity,
            *_signed(state),
            evidence,
            policy.reason or reason or "-",
        ]
        for rule, fidelity, reason in rules
    ]


def _signed(state: ClusterAt) -> list[str]:
    return [str(state.release or "-"), _time(state.signed_at) + (" (stale)" if state.stale else "")]


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "-"
