"""What a dialect must do: the seam between what all share and what each knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edict.policy.fidelity import RuleFidelity
from edict.policy.space import Box, Ground
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.plan import PlacedPolicy, RenderedObject
from edict_agent.translate.standing import Kind, Standing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dialect made of one policy.

    ``rules`` holds every rule that is not exact, and may hold others; ``refusal`` is set when the policy as a
    whole cannot be said; ``objects`` count only when nothing is inexact. ``late`` is for those behind, and is theirs
    as :attr:`Standing.late`.
    """

    rules: tuple[RuleFidelity, ...]
    objects: tuple[RenderedObject, ...]
    refusal: InexactError | None = None
    late: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)


def refused(own: Standing, error: InexactError) -> Outcome:
    """Return the outcome of a policy that cannot be said as a whole: every rule for the one reason."""
    rules = tuple(unsupported(rule.rule.place, error) for rule in own.rules)
    return Outcome(rules=rules, objects=(), refusal=error)


class Target(Protocol):
    """A dialect on one cluster: it holds the facts and the agent's namespace.

    Attributes:
        ground: which addresses pods and nodes may have.
    """

    ground: Ground

    def built_in(self) -> tuple[RenderedObject, ...]:
        """Return the objects that belong to no policy, the way out among them."""

    def refuse_policy(self, policy: PlacedPolicy) -> None:
        """Raise :class:`InexactError` where this cluster cannot take any policy of this kind."""

    def heeds(self, mine: Kind, its: Kind) -> bool:
        """Tell whether what becomes of a rule of one kind may hang on an earlier one of another, in one direction."""

    def translate(self, policy: PlacedPolicy, own: Standing, before: Sequence[Standing]) -> Outcome:
        """Translate one policy.

        Args:
            policy: the policy.
            own: the same among the others, with what its rules match.
            before: the kept policies that were judged before it, share a pod with it and have a rule that it heeds or
                may tie with, in order.
        """
