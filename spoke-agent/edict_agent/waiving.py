"""What waivers leave of a release's policies at one moment. Pure.

A waiver that does not count leaves its policy enforced: it is beyond the limits of its role, cannot be read, has ended,
or names a rule that is not there. The release is not rejected for it: rejecting would keep what stood before, with the
waivers of before in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from edict.ids import Digest
from edict.policy.codes import Code
from edict.policy.documents import FederatedNetworkPolicy, RuleRef
from edict.policy.rules import PlacedRule, rules_of
from edict.trust.waivers import beyond_limits, counts_from, has_ended
from edict_agent.sync.judge import Placed, PlacedWaiver
from edict_agent.waived import Note, Part, Waived, ref_of, sentence, waived_rules, without


def waive(
    policies: Sequence[Placed], waivers: Sequence[PlacedWaiver], now: datetime, ended: Collection[Digest] = ()
) -> Waived:
    """Judge every waiver at one moment.

    Args:
        policies: of the release.
        waivers: of the release, for this cluster.
        now: the moment.
        ended: digests of waivers that have ended here before: a clock that is set back does not bring one back.
    """
    if not waivers:
        return Waived(tuple(policies))
    found = _judge(waivers, now, ended)
    whole: dict[str, tuple[Digest, str]] = {}
    parts: dict[str, Part] = {}
    enforced = []
    for policy in policies:
        waiver = found.whole.get(policy.id)
        if waiver is not None:
            whole[policy.id] = (policy.digest, sentence(waiver))
            continue
        rules = found.rules.get(policy.id)
        if policy.document is None or rules is None:
            enforced.append(policy)
            continue
        hits = waived_rules(policy.document, rules)
        for ref in rules.keys() - {ref_of(rule) for rule, _ in hits}:
            found.note(rules[ref], f"EDICT{Code.WAIVED_NOTHING:04d}", _why_not(policy.document, ref))
        if hits:
            parts[policy.id] = _part(policy.document, hits)
            policy = replace(policy, document=without(policy.document, [rule for rule, _ in hits]))  # noqa: PLW2901
        enforced.append(policy)
    notes = {policy: tuple(some) for policy, some in found.notes.items()}
    until = min(found.changes, default=None)
    return Waived(tuple(enforced), whole, parts, notes, tuple(found.ended), until, found.rules, tuple(waivers))


@dataclass
class _Found:
    whole: dict[str, PlacedWaiver] = field(default_factory=dict)
    rules: dict[str, dict[RuleRef, PlacedWaiver]] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)
    ended: list[Digest] = field(default_factory=list)
    changes: list[datetime] = field(default_factory=list)

    def note(self, waiver: PlacedWaiver, code: str, why: str) -> None:
        text = f"waiver {waiver.name} does not count: {why}"
        self.notes.setdefault(waiver.copy.policy, []).append(Note(code, text))


def _judge(waivers: Iterable[PlacedWaiver], now: datetime, ended: Collection[Digest]) -> _Found:
    """Sort the waivers by what they do now; of two for one thing the one counts that ends last."""
    found = _Found()
    for waiver in sorted(waivers, key=lambda one: (one.copy.expires, one.path)):
        if waiver.digest in ended or has_ended(waiver.copy, now):
            found.ended.append(waiver.digest)
            continue
        if waiver.document is None:
            problem = waiver.problem
            found.note(waiver, problem.code if problem else "", problem.what if problem else "it cannot be read")
            continue
        error = beyond_limits(waiver.copy, waiver.limits, waiver.path, now)
        begins = counts_from(waiver.copy, waiver.limits)
        if error is not None:
            found.note(waiver, error.code, error.what)
            found.changes += [begins] if begins is not None and begins > now else []
            continue
        found.changes.append(waiver.copy.expires)
        if waiver.copy.rule is None:
            found.whole[waiver.copy.policy] = waiver
        else:
            found.rules.setdefault(waiver.copy.policy, {})[waiver.copy.rule] = waiver
    return found


def _why_not(document: FederatedNetworkPolicy, ref: RuleRef) -> str:
    count = sum(ref_of(rule) == ref for rule in rules_of(document.spec.policy))
    number = "no rule" if count == 0 else f"{count} rules"
    return f"the policy has {number} {ref.name!r} in its {ref.direction} rules"


def _part(document: FederatedNetworkPolicy, hits: Sequence[tuple[PlacedRule, PlacedWaiver]]) -> Part:
    said = {rule.place: sentence(waiver) for rule, waiver in hits}
    kept = [rule for rule in rules_of(document.spec.policy) if rule.place not in said]
    left = rules_of(without(document, [rule for rule, _ in hits]).spec.policy)
    return Part(said, {new.place: old.place for new, old in zip(left, kept, strict=True)})
