"""The policies of a plan, found by what one hangs on: those before it that it heeds, those behind that heed it.

Only policies whose subjects share a pod can meet, and only rules of kinds that the dialect names, or of one priority,
matter to each other. A policy stands on a shelf for each kind of its rules, there under one label whose value its
subject fixes, a namespace's name before all others: a question looks only where an answer can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import TypeAlias

from edict.policy.model import Action, Tier
from edict.policy.rules import Direction
from edict.policy.space.labels import NAMESPACE, Key, Labels, Values
from edict_agent.translate.standing import Kind, Standing

Heeds: TypeAlias = Callable[[Kind, Kind], bool]
"""Tells whether what becomes of a rule of one kind may hang on an earlier one of another kind."""
_Place: TypeAlias = tuple[Kind, int | None]
"""Where a shelf stands: a kind, by itself or of one priority."""
_KINDS = tuple(Kind(*parts) for parts in product(Tier, Direction, Action, (False, True), (False, True)))
_ONE_WAY = {mine: [its for its in _KINDS if its.direction is mine.direction] for mine in _KINDS}
"""By kind those that look the same way."""
_TIES = {
    mine: [its for its in others if its.tier is mine.tier and its.action is not mine.action]
    for mine, others in _ONE_WAY.items()
}
"""By kind those that may say something else with the same right."""
_UNKNOWN = Values()


class Past:
    """Judged policies, of which some are kept and count for those behind them.

    Args:
        heeds: of a dialect; it is asked only of kinds that look the same way.
    """

    def __init__(self, heeds: Heeds) -> None:
        self._heeded = {mine: [its for its in others if heeds(mine, its)] for mine, others in _ONE_WAY.items()}
        self._heeding = {its: [mine for mine in others if heeds(mine, its)] for its, others in _ONE_WAY.items()}
        self._by_id: dict[str, Standing] = {}
        self._kept: set[str] = set()
        self._shelves: dict[_Place, _Shelf] = {}

    def add(self, one: Standing, *, kept: bool) -> None:
        """Take in a policy, or take note again whether it is kept."""
        if self._by_id.get(one.id) is not one:
            self.remove(one.id)
            self._by_id[one.id] = one
            for place in _places(one):
                self._shelves.setdefault(place, _Shelf()).add(one)
        if kept:
            self._kept.add(one.id)
        else:
            self._kept.discard(one.id)

    def remove(self, policy_id: str) -> None:
        """Put a policy away; nothing happens where it is not there."""
        gone = self._by_id.pop(policy_id, None)
        self._kept.discard(policy_id)
        if gone is not None:
            for place in _places(gone):
                self._shelves[place].remove(gone)

    def before(self, one: Standing) -> list[Standing]:
        """Return the kept policies before one that it may hang on, all of which share a pod with it, in their order."""
        found = self._about(one, self._heeded)
        return sorted((its for its in found if its.rank < one.rank and its.id in self._kept), key=_rank)

    def behind(self, one: Standing) -> list[Standing]:
        """Return the policies behind one that may hang on it, kept or not, in no order."""
        return [its for its in self._about(one, self._heeding) if its.rank > one.rank]

    def _about(self, one: Standing, others: dict[Kind, list[Kind]]) -> Iterable[Standing]:
        places: dict[_Place, None] = {(its, None): None for mine in one.kinds for its in others[mine]}
        places |= {(its, one.spec.priority): None for mine in one.kinds for its in _TIES[mine]}
        found = {
            its.id: its
            for place in places
            if place in self._shelves
            for its in self._shelves[place].candidates(one.subject)
            if its.subject.meets(one.subject)
        }
        return found.values()


class _Shelf:
    """Policies by one label of their subject, and those whose subject fixes none."""

    def __init__(self) -> None:
        self._filed: dict[Key, dict[str, dict[str, Standing]]] = {}
        self._anywhere: dict[str, Standing] = {}

    def add(self, one: Standing) -> None:
        for drawer in self._drawers(one.subject):
            drawer[one.id] = one

    def remove(self, one: Standing) -> None:
        for drawer in self._drawers(one.subject):
            del drawer[one.id]

    def candidates(self, subject: Labels) -> Iterator[Standing]:
        """Yield all that may share a pod with a subject, some of them more than once."""
        yield from self._anywhere.values()
        for key, drawers in self._filed.items():
            asked = subject.terms.get(key, _UNKNOWN)
            if asked.others:
                for drawer in drawers.values():
                    yield from drawer.values()
            else:
                for value in asked.listed:
                    yield from drawers.get(value, {}).values()

    def _drawers(self, subject: Labels) -> list[dict[str, Standing]]:
        key = _anchor(subject)
        if key is None:
            return [self._anywhere]
        drawers = self._filed.setdefault(key, {})
        return [drawers.setdefault(value, {}) for value in subject.terms[key].listed]


def _places(one: Standing) -> Iterator[_Place]:
    for kind in one.kinds:
        yield (kind, None)
        yield (kind, one.spec.priority)


def _rank(one: Standing) -> tuple[int, int, str]:
    return one.rank


def _anchor(subject: Labels) -> Key | None:
    """Return the key that a policy is filed under: one whose values are listed, and which must be there."""
    fixed = [key for key, values in subject.terms.items() if not values.others and not values.absent]
    if not fixed:
        return None
    return NAMESPACE if NAMESPACE in fixed else min(fixed)
