"""How one policy stands on each cluster, rule by rule, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from edict.policy.documents import AnyDocument, FederatedNetworkPolicy
from edict.trust.state import Target
from edict_cli.catalogue import Conformance
from edict_cli.output import Sheet


def conformance_sheet(found: Sequence[Conformance], target: Target, document: AnyDocument) -> Sheet:
    """Return a row for each cluster and one for each rule below it, by its name where the cluster has this version."""
    names = _rule_names(document)
    rows: list[list[str]] = []
    for item in found:
        report = item.report
        why = " ".join(part for part in (report.code, report.reason) if part)
        rows.append([item.cluster, item.dialect or "-", str(item.release or "-"), report.state.value, why])
        for rule in report.rules:
            said = " ".join(part for part in (rule.code, rule.direction, rule.reason) if part)
            name = names.get(rule.rule, "") if report.document == target.digest else ""
            rows.append([f"  {rule.rule} {name}".rstrip(), "", "", rule.fidelity.value, said])
    return Sheet(["cluster", "dialect", "release", "state", "reason"], rows)


def _rule_names(document: AnyDocument) -> dict[str, str]:
    """Return the names of the rules that have one, by their places."""
    if not isinstance(document, FederatedNetworkPolicy):
        return {}
    spec = document.spec.policy
    rules = [
        (f"{way}[{index}]", rule) for way in ("ingress", "egress") for index, rule in enumerate(getattr(spec, way))
    ]
    return {place: rule.name for place, rule in rules if rule.name}
