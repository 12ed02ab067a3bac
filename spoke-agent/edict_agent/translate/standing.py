"""A policy among others: its place in the order, whom it is about, and what its rules match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from edict.policy.lockout import WAY_OUT_ID, way_out
from edict.policy.model import Action, PolicySpec, Tier
from edict.policy.rules import Direction, PlacedRule, rules_of
from edict.policy.space import Box, Ground, boxes_about, subject_labels
from edict.policy.space.labels import Labels
from edict.policy.space.peers import ANYONE, realm
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.plan import PlacedPolicy


class Kind(NamedTuple):
    """What of a rule tells whether one behind it may hang on it.

    ``names`` where its policy has domain names, ``requests`` where it matches HTTP.
    """

    tier: Tier
    direction: Direction
    action: Action
    names: bool
    requests: bool


@dataclass(frozen=True)
class Matching:
    """A rule with what it matches, ``boxes``, which are worked out when they are first asked for."""

    policy: str
    rule: PlacedRule
    ground: Ground
    subject: Labels

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """What the rule matches."""
        return tuple(boxes_about(self.subject, self.rule.peers, self.rule.protocols, self.ground))

    @property
    def is_everything(self) -> bool:
        """Whether it matches whatever its subject speaks with whomever, in its direction."""
        return any(box.peer == ANYONE and box.spoken.is_everything for box in self.boxes)

    def meets(self, other: Matching) -> bool:
        """Tell whether some connection may match both; a rule that looks the other way never does."""
        return self.rule.direction is other.rule.direction and any(
            one.meets(its, self.ground)
            for here, mine in self._by_realm.items()
            for there, theirs in other._by_realm.items()
            if here == there or not here or not there
            for one in mine
            for its in theirs
        )

    @cached_property
    def _by_realm(self) -> dict[str, list[Box]]:
        found: dict[str, list[Box]] = {}
        for box in self.boxes:
            found.setdefault(realm(box.peer), []).append(box)
        return found


@dataclass(frozen=True)
class Standing:
    """A policy among others: its place in the order, whom it is about, and its rules.

    ``kinds`` are those of its rules, none where its subject is nobody: nothing then hangs on it, nor it on anything.
    ``names`` tells whether a peer of some rule is a domain name. ``late`` is, by the place of a rule, what the dialect
    said of it where rules behind it could decide first; empty in a dialect that keeps the order by itself, and until
    the policy is judged.
    """

    id: str
    spec: PolicySpec
    rank: tuple[int, int, str]
    subject: Labels
    rules: tuple[Matching, ...]
    kinds: frozenset[Kind]
    names: bool
    late: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)


def standing(policy: PlacedPolicy, dialect: Dialect, ground: Ground) -> Standing:
    """Return a policy as it stands among others in a dialect's order of tiers."""
    return _standing(policy.id, policy.document.spec.policy, dialect, ground)


def built_in(agent_namespace: str, dialect: Dialect, ground: Ground) -> Standing:
    """Return the built-in Accept, which stands before every other policy of its tier."""
    return _standing(WAY_OUT_ID, way_out(agent_namespace), dialect, ground)


def _standing(policy_id: str, spec: PolicySpec, dialect: Dialect, ground: Ground) -> Standing:
    subject = subject_labels(spec.subject)
    rules = tuple(Matching(policy_id, rule, ground, subject) for rule in rules_of(spec))
    names = any(one.rule.has_domain_names for one in rules)
    return Standing(
        id=policy_id,
        spec=spec,
        rank=rank(dialect, spec, policy_id),
        subject=subject,
        rules=rules,
        kinds=frozenset(
            Kind(spec.tier, one.rule.direction, one.rule.action, names, bool(one.rule.rule.http))
            for one in (rules if subject else ())
        ),
        names=names,
    )


def rank(dialect: Dialect, spec: PolicySpec, policy_id: str) -> tuple[int, int, str]:
    """Return the place of a policy in the order in which a dialect judges them."""
    return (dialect.tiers.index(spec.tier), spec.priority, policy_id)
