"""What the translators say of each construct on each cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from docs.reference.fidelity.clusters import AGENT_NAMESPACE, LABEL_FILTERS, others, standard
from docs.reference.fidelity.constructs import constructs
from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect, Facts, PlacedPolicy, translate

_WORST_FIRST = (Fidelity.UNSUPPORTED, Fidelity.APPROXIMATE, Fidelity.EXACT)


@dataclass(frozen=True)
class Answer:
    """What becomes of a policy: the worst of what is said of its rules, the first where several are as bad."""

    fidelity: Fidelity
    direction: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""
    refused: bool = False

    @property
    def verdict(self) -> tuple[Fidelity, str, str, bool]:
        """What a reader goes by: all but the words."""
        return (self.fidelity, self.direction, self.code, self.refused)


@dataclass(frozen=True)
class Asked:
    """A construct with the action that it is tried with, empty where there is but one."""

    construct: str
    action: str = ""

    @property
    def title(self) -> str:
        """The name, with the action."""
        return f"{self.construct} ({self.action})" if self.action else self.construct


Answers = Mapping[Asked, Answer]


@dataclass(frozen=True)
class Told:
    """The answers of a dialect.

    Attributes:
        standard: on its standard cluster.
        others: on each other cluster, by what is other there.
        filters: those of them whose Cilium has a filter of labels of its own.
        read: the plugin's options that a translation has looked at.
    """

    standard: Answers
    others: Mapping[str, Answers]
    filters: frozenset[str]
    read: frozenset[str]


class _Watched(dict[str, str]):
    """Options that remember which of them were looked at."""

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(options)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)


@lru_cache
def told(dialect: Dialect) -> Told:
    """Return what a dialect says.

    A translation depends on nothing but its input, so that an option that it did not look at changes nothing.
    """
    asked = {Asked(name, action): policies for name, variants in constructs().items() for action, policies in variants}
    standard_answers: dict[Asked, Answer] = {}
    read: dict[Asked, set[str]] = {}
    for one, policies in asked.items():
        options = _Watched(standard(dialect).options)
        standard_answers[one] = _ask(dialect, policies, replace(standard(dialect), options=options))
        read[one] = options.read
    other_answers = {
        other.what: {
            one: standard_answers[one]
            if other.option and other.option not in read[one]
            else _ask(dialect, policies, other.facts)
            for one, policies in asked.items()
        }
        for other in others(dialect)
    }
    filters = frozenset(other.what for other in others(dialect) if other.option in LABEL_FILTERS)
    return Told(standard_answers, other_answers, filters, frozenset[str]().union(*read.values()))


def _ask(dialect: Dialect, policies: list[PlacedPolicy], facts: Facts) -> Answer:
    plan = translate(dialect, policies, facts, AGENT_NAMESPACE)
    judged = next(one for one in plan.policies if one.policy == policies[-1].id)
    worst = min(judged.rules, key=lambda rule: _WORST_FIRST.index(rule.fidelity))
    return Answer(worst.fidelity, worst.direction, worst.code, worst.reason, worst.remedy, judged.refused)
