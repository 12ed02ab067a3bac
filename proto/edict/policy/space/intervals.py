"""Sets of whole numbers as intervals: ports, ICMP types with codes, and addresses."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter
from typing import TypeAlias

from msgspec import Struct

Interval: TypeAlias = tuple[int, int]
"""First and last number, both inside."""
_end = itemgetter(1)


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
        theirs = iter(other.parts)
        taken = next(theirs, None)
        for first, last in self.parts:
            start = first
            while taken is not None and taken[0] <= last:
                if taken[0] > start:
                    found.append((start, taken[0] - 1))
                start = max(start, taken[1] + 1)
                if taken[1] > last:
                    break  # it may take from the next interval, too
                taken = next(theirs, None)
            if start <= last:
                found.append((start, last))
        return Intervals(tuple(found))

    def meets(self, other: Intervals) -> bool:
        """Tell whether some number is in both, without making what is."""
        mine, theirs = self.parts, other.parts
        here = there = 0
        while here < len(mine) and there < len(theirs):
            if mine[here][1] < theirs[there][0]:
                here += 1
            elif theirs[there][1] < mine[here][0]:
                there += 1
            else:
                return True
        return False

    def within(self, first: int, last: int) -> Intervals:
        """Return the numbers from the first to the last one; quick where the set has many intervals."""
        parts = self.parts
        found = []
        for index in range(bisect_left(parts, first, key=_end), len(parts)):
            begin, end = parts[index]
            if begin > last:
                break
            found.append((max(begin, first), min(end, last)))
        return Intervals(tuple(found))

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.parts)


NOTHING = Intervals()
