"""Waivers that say too little, too much, or nothing that can be held to."""

from __future__ import annotations

from tests.unit.policy.bad.good import GOOD_WAIVER, Bad

_END = '"2026-12-31T18:00:00Z"'


def _bad(old: str, new: str, code: int, at: str, line: int, remedy: str) -> Bad:  # noqa: PLR0917 - a row of the table
    return Bad(old, new, code, at, line, remedy, GOOD_WAIVER)


WAIVERS: dict[str, Bad] = {
    "waiver-policy-missing": _bad("  policy: net/deny\n", "", 108, "spec", 5, "add spec.policy"),
    "waiver-policy-no-team": _bad("net/deny", "deny", 120, "spec.policy", 6, "TEAM/NAME"),
    "waiver-policy-path": _bad("net/deny", "policies/net/deny", 120, "spec.policy", 6, "TEAM/NAME"),
    "waiver-policy-pattern": _bad("net/deny", '"net/*"', 120, "spec.policy", 6, "TEAM/NAME"),
    "waiver-rule-place": _bad(
        "rule: {direction: egress, name: out}", "rule: egress[0]", 109, "spec.rule", 7, "mapping"
    ),
    "waiver-rule-index": _bad("name: out", "index: 0", 107, "spec.rule.index", 7, "name"),
    "waiver-rule-no-direction": _bad("direction: egress, ", "", 108, "spec.rule", 7, "add spec.rule.direction"),
    "waiver-rule-direction": _bad("egress", "Egress", 109, "spec.rule.direction", 7, "ingress or egress"),
    "waiver-rule-no-name": _bad("name: out", 'name: ""', 120, "spec.rule.name", 7, "remove rule"),
    "waiver-rule-name-long": _bad("name: out", f"name: {'o' * 101}", 120, "spec.rule.name", 7, "remove rule"),
    "waiver-clusters-missing": _bad("  clusters: {}\n", "", 108, "spec", 5, "add spec.clusters"),
    "waiver-clusters-nothing": _bad("clusters: {}", "clusters:", 109, "spec.clusters", 8, "{} to select everything"),
    "waiver-clusters-selector": _bad(
        "clusters: {}", "clusters: {matchLabels: {env: -}}", 124, "spec.clusters.matchLabels.env", 8, "63"
    ),
    "waiver-reason-missing": _bad("  reason: a hotfix\n", "", 108, "spec", 5, "add spec.reason"),
    "waiver-reason-blank": _bad("reason: a hotfix", 'reason: "  "', 109, "spec.reason", 9, "say why"),
    "waiver-reason-long": _bad("a hotfix", "a" * 1001, 109, "spec.reason", 9, "say why"),
    "waiver-reason-lines": _bad("a hotfix", r'"a\nhotfix"', 109, "spec.reason", 9, "one line"),
    "waiver-approver-missing": _bad("  approver: Ann Other\n", "", 108, "spec", 5, "add spec.approver"),
    "waiver-approver-blank": _bad("Ann Other", '""', 109, "spec.approver", 10, "who answers"),
    "waiver-approver-long": _bad("Ann Other", "A" * 201, 109, "spec.approver", 10, "who answers"),
    "waiver-end-missing": _bad(f"  expires: {_END}\n", "", 108, "spec", 5, "add spec.expires"),
    "waiver-end-unquoted": _bad(_END, _END.strip('"'), 104, "spec.expires", 11, "quote it"),
    "waiver-end-without-zone": _bad(_END, '"2026-12-31T18:00:00"', 109, "spec.expires", 11, "with its zone"),
    "waiver-end-without-time": _bad(_END, '"2026-12-31"', 109, "spec.expires", 11, "with its zone"),
    "waiver-end-in-words": _bad(_END, "tomorrow", 109, "spec.expires", 11, "with its zone"),
    "waiver-end-number": _bad(_END, "1798740000", 109, "spec.expires", 11, "with its zone"),
    "waiver-end-null": _bad(_END, "", 109, "spec.expires", 11, "with its zone"),
    "waiver-end-never": _bad(_END, '"9999-12-31T23:59:59-14:00"', 109, "spec.expires", 11, "day it ends"),
    "waiver-end-long-ago": _bad(_END, '"0001-01-01T00:00:00+14:00"', 109, "spec.expires", 11, "day it ends"),
}
