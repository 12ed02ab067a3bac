"""What a rule that cannot be said exactly may become instead: a wider Deny or a narrower Accept, never the other way.

Both are stricter, whatever stands around them: a Deny decides at least what it should, and what an Accept leaves is
decided by what comes later, which is at most an Accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.model import Action
from edict_agent.translate.inexact import InexactError, exact

Part = TypeVar("Part")
Said = TypeVar("Said")


class Leeway:
    """Remembers whether one rule was rendered stricter than it is written, and why."""

    def __init__(self, action: Action) -> None:
        self._action = action
        self._taken: InexactError | None = None

    def widen(self, error: InexactError) -> None:
        """Go on with a rule that matches more, or raise the error where the rule is no Deny."""
        self._take(error, Action.DENY)

    def narrow(self, error: InexactError) -> None:
        """Go on with a rule that matches less, or raise the error where the rule is no Accept."""
        self._take(error, Action.ACCEPT)

    def kept(self, parts: Iterable[Part], say: Callable[[Part], Iterable[Said]]) -> Iterator[Said]:
        """Yield what is said of parts of which any may match, without those that cannot be said.

        Raises:
            InexactError: of the first that cannot be said, where the rule is no Accept or nothing else is left.
        """
        something = False
        left_out: list[InexactError] = []
        for part in parts:
            try:
                for one in say(part):
                    yield one
                    something = True
            except InexactError as error:
                self.narrow(error)
                left_out.append(error)
        if left_out and not something:
            raise left_out[0]

    @property
    def taken(self) -> InexactError | None:
        """The first reason why the rule is not exact."""
        return self._taken

    def fidelity(self, place: str) -> RuleFidelity:
        """Return the fidelity of the rule at a place, which has been rendered."""
        if self._taken is None:
            return exact(place)
        return RuleFidelity(
            rule=place,
            fidelity=Fidelity.APPROXIMATE,
            direction="stricter",
            code=self._taken.reason.code,
            reason=self._taken.what,
            remedy=self._taken.remedy,
        )

    def _take(self, error: InexactError, action: Action) -> None:
        if self._action is not action:
            raise error
        if self._taken is None:
            self._taken = error
