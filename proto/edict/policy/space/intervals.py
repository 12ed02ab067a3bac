"""Sets of whole numbers as intervals: ports, ICMP types with codes, and addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

Interval: TypeAlias = tuple[int, int]
"""First and last number, both inside."""


class Intervals(Struct, frozen=True, gc=False):
    """A set of numbers: intervals in ascending order that neither meet nor touch."""

    parts: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Interval]) -> Intervals:
        """Return the union of intervals in any order, empty ones (first > last) left out."""
        joined: list[Interval] = []
        for first, last in sorted(part for part in parts if part[0] <= part[1]):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(joined[-1][1], last))
            else:
                joined.append((first, last))
        return cls(tuple(joined))

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __or__(self, other: Intervals) -> Intervals:
        if not self.parts or not other.parts:
            return self if self.parts else other
        return Intervals.of((*self.parts, *other.parts))

    def __and__(self, other: Intervals) -> Intervals:
        if not self.parts or not other.parts:
            return NOTHING
        found = []
        mine, theirs = iter(self.parts), iter(other.parts)
        one, two = next(mine, None), next(theirs, None)
        while one is not None and two is not None:
            first, last = max(one[0], two[0]), min(one[1], two[1])
            if first <= last:
                found.append((first, last))
            if one[1] < two[1]:
                one = next(mine, None)
            else:
                two = next(theirs, None)
        return Intervals(tuple(found))

    def __sub__(self, other: Intervals) -> Intervals:
        if not self.parts or not other.parts:
            return self
        found = []
        for first, last in self.parts:
            start = first
            for begin, end in other.parts:
                if end < start or begin > last:
                    continue
                if begin > start:
                    found.append((start, begin - 1))
                start = end + 1
            if start <= last:
                found.append((start, last))
        return Intervals(tuple(found))

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.parts)


NOTHING = Intervals()
