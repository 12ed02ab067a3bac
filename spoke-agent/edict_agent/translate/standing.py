"""The policies of a plan, found by whom they are about: what a policy asks of those before it.

Only policies whose subjects share a pod can meet. A policy is filed under one label whose value its subject fixes, a
namespace's name before all others, and a question looks only where an answer can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from edict.policy.lockout import WAY_OUT_ID, way_out
from edict.policy.model import PolicySpec
from edict.policy.rules import PlacedRule, rules_of
from edict.policy.space import Box, Ground, boxes_of, subject_labels
from edict.policy.space.labels import NAMESPACE, Key, Labels, Values
from edict.policy.space.peers import ANYONE
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.plan import PlacedPolicy

_UNKNOWN = Values()


@dataclass(frozen=True)
class Matching:
    """A rule with what it matches, ``boxes``, which are worked out when they are first asked for."""

    policy: str
    rule: PlacedRule
    ground: Ground

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """What the rule matches."""
        return tuple(boxes_of(self.rule.subject, self.rule.peers, self.rule.protocols, self.ground))

    @property
    def is_everything(self) -> bool:
        """Whether it matches whatever its subject speaks with whomever, in its direction."""
        return any(box.peer == ANYONE and box.spoken.is_everything for box in self.boxes)

    def meets(self, other: Matching) -> bool:
        """Tell whether some connection may match both; a rule that looks the other way never does."""
        return self.rule.direction is other.rule.direction and any(
            mine.meets(its, self.ground) for mine in self.boxes for its in other.boxes
        )


@dataclass(frozen=True)
class Standing:
    """A policy among others: its place in the order, whom it is about, and its rules.

    ``late`` is, by the place of a rule, what the dialect said of it where rules behind it could decide first; empty in
    a dialect that keeps the order by itself, and until the policy is judged.
    """

    id: str
    spec: PolicySpec
    rank: tuple[int, int, str]
    subject: Labels
    rules: tuple[Matching, ...]
    late: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)


def standing(policy: PlacedPolicy, dialect: Dialect, ground: Ground) -> Standing:
    """Return a policy as it stands among others in a dialect's order of tiers."""
    return _standing(policy.id, policy.document.spec.policy, dialect, ground)


def built_in(agent_namespace: str, dialect: Dialect, ground: Ground) -> Standing:
    """Return the built-in Accept, which stands before every other policy of its tier."""
    return _standing(WAY_OUT_ID, way_out(agent_namespace), dialect, ground)


def _standing(policy_id: str, spec: PolicySpec, dialect: Dialect, ground: Ground) -> Standing:
    return Standing(
        id=policy_id,
        spec=spec,
        rank=rank(dialect, spec, policy_id),
        subject=subject_labels(spec.subject),
        rules=tuple(Matching(policy_id, rule, ground) for rule in rules_of(spec)),
    )


def rank(dialect: Dialect, spec: PolicySpec, policy_id: str) -> tuple[int, int, str]:
    """Return the place of a policy in the order in which a dialect judges them."""
    return (dialect.tiers.index(spec.tier), spec.priority, policy_id)


class Past:
    """Judged policies, of which some are kept and count for those behind them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Standing] = {}
        self._kept: set[str] = set()
        self._filed: dict[Key, dict[str, dict[str, None]]] = {}
        self._anywhere: dict[str, None] = {}

    def add(self, one: Standing, *, kept: bool) -> None:
        """Take in a policy, or take note again whether it is kept."""
        if kept:
            self._kept.add(one.id)
        else:
            self._kept.discard(one.id)
        if self._by_id.get(one.id) is one:
            return
        self.remove(one.id, forget=False)
        self._by_id[one.id] = one
        for shelf in self._shelves(one.subject):
            shelf[one.id] = None

    def remove(self, policy_id: str, *, forget: bool = True) -> None:
        """Put a policy away; nothing happens where it is not there."""
        gone = self._by_id.pop(policy_id, None)
        if forget:
            self._kept.discard(policy_id)
        if gone is not None:
            for shelf in self._shelves(gone.subject):
                del shelf[policy_id]

    def before(self, one: Standing) -> list[Standing]:
        """Return the kept policies that share a pod with one and stand before it, in their order."""
        found = [other for other in self._about(one.subject) if other.rank < one.rank and other.id in self._kept]
        return sorted(found, key=_rank)

    def behind(self, one: Standing) -> list[Standing]:
        """Return the policies, kept or not, that share a pod with one and stand behind it, in no order."""
        return [other for other in self._about(one.subject) if other.rank > one.rank]

    def _about(self, subject: Labels) -> Iterator[Standing]:
        for policy_id in dict.fromkeys(self._candidates(subject)):
            other = self._by_id[policy_id]
            if other.subject.meets(subject):
                yield other

    def _shelves(self, subject: Labels) -> list[dict[str, None]]:
        key = _anchor(subject)
        if key is None:
            return [self._anywhere]
        filed = self._filed.setdefault(key, {})
        return [filed.setdefault(value, {}) for value in subject.terms[key].listed]

    def _candidates(self, subject: Labels) -> Iterator[str]:
        yield from self._anywhere
        for key, shelf in self._filed.items():
            asked = subject.terms.get(key, _UNKNOWN)
            if asked.others:
                for filed in shelf.values():
                    yield from filed
            else:
                for value in asked.listed:
                    yield from shelf.get(value, ())


def _rank(one: Standing) -> tuple[int, int, str]:
    return one.rank


def _anchor(subject: Labels) -> Key | None:
    """Return the key that a policy is filed under: one whose values are listed, and which must be there."""
    fixed = [key for key, values in subject.terms.items() if not values.others and not values.absent]
    if not fixed:
        return None
    return NAMESPACE if NAMESPACE in fixed else min(fixed)
