"""What is enforced of a release's policies while waivers count, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace as changed

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy, RuleRef
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict_agent.sync.judge import Placed, PlacedWaiver


@dataclass(frozen=True, slots=True)
class Note:
    """A waiver that should count and does not, and why."""

    code: str
    text: str


@dataclass(frozen=True)
class Part:
    """A policy without some of its rules.

    Attributes:
        said: what to say of each waived rule, by its place in the signed document.
        places: of the other rules: their place in the signed document, by that in what is enforced.
    """

    said: Mapping[str, str]
    places: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Every waived rule, in one sentence."""
        return "; ".join(f"{place} is {said}" for place, said in sorted(self.said.items()))

    def rules(self, enforced: Iterable[RuleFidelity]) -> tuple[RuleFidelity, ...]:
        """Return every rule by its place in the signed document."""
        found = [changed(rule, rule=self.places.get(rule.rule, rule.rule)) for rule in enforced]
        waived = [RuleFidelity(place, Fidelity.WAIVED, reason=said) for place, said in self.said.items()]
        return tuple(sorted((*found, *waived), key=_in_document))

    def placed(self, reason: str) -> str:
        """Return what was said of what is enforced, with the rule's place in the signed document."""
        place, colon, rest = reason.partition(": ")
        return f"{self.places[place]}{colon}{rest}" if place in self.places else reason


@dataclass(frozen=True)
class Waived:
    """What is enforced, and why not all.

    Attributes:
        policies: to be enforced: without those that are waived as a whole, and without waived rules.
        whole: what to say of each policy that is waived as a whole, by its id, and which of its documents is.
        parts: of policies of which rules are waived, by id.
        notes: of waivers that should count and do not, by the policy's id.
        ended: digests of the waivers of this release that have ended here, in the order of their ends.
        until: when a waiver begins or ends next; None when none does.
        rules: by policy id, which rules are waived and by what.
        given: every waiver that was judged.
    """

    policies: tuple[Placed, ...]
    whole: Mapping[str, tuple[Digest, str]] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    ended: tuple[Digest, ...] = ()
    until: datetime | None = None
    rules: Mapping[str, Mapping[RuleRef, PlacedWaiver]] = field(default_factory=dict)
    given: tuple[PlacedWaiver, ...] = ()

    def was_given(self, policy: str, waivers: Iterable[PlacedWaiver]) -> bool:
        """Tell whether these waivers, as far as they are for one policy, are those that were judged."""
        if waivers is self.given:  # as it is all the time but between a release and its plan
            return True
        own = [each for each in waivers if each.copy.policy == policy]
        return own == [each for each in self.given if each.copy.policy == policy]

    def without_rules(self, policy: str, document: FederatedNetworkPolicy) -> FederatedNetworkPolicy:
        """Return any version of a policy without its waived rules; the version that stands in a refused one's place."""
        return without(document, [rule for rule, _ in waived_rules(document, self.rules.get(policy, {}))])


NOTHING_WAIVED = Waived(())


def sentence(waiver: PlacedWaiver) -> str:
    """Return what is said wherever a waiver counts."""
    approver = waiver.document.spec.approver if waiver.document else "?"
    return f"waived until {waiver.copy.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {approver}: {waiver.name}"


def waived_rules(
    document: FederatedNetworkPolicy, rules: Mapping[RuleRef, PlacedWaiver]
) -> list[tuple[PlacedRule, PlacedWaiver]]:
    """Return the rules that references name: a name that two rules of a direction share names none."""
    if not rules:
        return []
    named: dict[RuleRef, list[PlacedRule]] = {}
    for rule in rules_of(document.spec.policy):
        named.setdefault(ref_of(rule), []).append(rule)
    return [(some[0], rules[ref]) for ref, some in named.items() if ref in rules and len(some) == 1]


def without(document: FederatedNetworkPolicy, rules: Sequence[PlacedRule]) -> FederatedNetworkPolicy:
    """Return a policy without some of its rules."""
    if not rules:
        return document
    gone = {rule.place for rule in rules}
    policy = document.spec.policy
    left = changed(
        policy,
        ingress=tuple(rule for index, rule in enumerate(policy.ingress) if f"{Direction.INGRESS}[{index}]" not in gone),
        egress=tuple(rule for index, rule in enumerate(policy.egress) if f"{Direction.EGRESS}[{index}]" not in gone),
    )
    return changed(document, spec=changed(document.spec, policy=left))


def ref_of(rule: PlacedRule) -> RuleRef:
    """Return how a waiver would name a rule."""
    return RuleRef(rule.direction, rule.rule.name)


def _in_document(rule: RuleFidelity) -> tuple[bool, int]:
    direction, _, index = rule.rule.rstrip("]").partition("[")
    return direction != Direction.INGRESS, int(index or 0)
