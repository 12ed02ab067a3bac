"""A place in a document that can fail: what every check is given."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from edict.errors import DocumentError
from edict.policy.codes import Code
from edict.policy.origin import Origin, child, item


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a document: ``subject`` is ``Kind name``, ``path`` the field."""

    subject: str
    origin: Origin
    path: str = ""

    def child(self, key: str) -> Place:
        """Return the place of a field of this object."""
        return Place(self.subject, self.origin, child(self.path, key))

    def item(self, index: int) -> Place:
        """Return the place of an item of this list."""
        return Place(self.subject, self.origin, item(self.path, index))

    def fail(self, code: Code, what: str, remedy: str = "") -> NoReturn:
        """Raise the error that stands here."""
        raise DocumentError(code, what, where=self.origin.where(self.subject, self.path), remedy=remedy)

    def exactly_one(self, present: Sequence[str], of: Sequence[str]) -> str:
        """Return the one field that is set; upstream's MinProperties and MaxProperties of 1."""
        if len(present) == 1:
            return present[0]
        if present:
            self.fail(Code.EXACTLY_ONE, f"{' and '.join(present)} are both set", "keep one of them")
        return self.fail(Code.EXACTLY_ONE, "no field is set", f"set one of {', '.join(of)}")

    def count(self, items: Sequence[object], least: int, most: int) -> None:
        """Check upstream's MinItems and MaxItems."""
        if len(items) < least:
            self.fail(
                Code.ITEMS,
                f"there are {len(items)} items, fewer than {least}",
                "add one, or remove the field",
            )
        if len(items) > most:
            self.fail(Code.ITEMS, f"there are {len(items)} items, more than {most}", "split the rule or the policy")

    def unique(self, items: Sequence[Hashable]) -> None:
        """Check that a list is a set."""
        seen: dict[Hashable, int] = {}
        for index, entry in enumerate(items):
            if entry in seen:
                self.item(index).fail(
                    Code.DUPLICATE_ITEM,
                    f"{str(entry)!r} stands in the list already, as item {seen[entry]}",
                    "remove it",
                )
            seen[entry] = index
