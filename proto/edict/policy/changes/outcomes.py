"""What is said of connections before and after."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from msgspec import Struct

from edict.policy.changes.deciders import RuleRef
from edict.policy.changes.regions import Region
from edict.policy.rules import Direction


class Outcome(enum.StrEnum):
    """What policies say of a connection, whatever the cluster's own NetworkPolicies are."""

    ACCEPT = "Accept"
    DENY = "Deny"
    LOCAL_ACCEPT = "local, else Accept"
    """The cluster's own NetworkPolicies decide where one selects the pod; elsewhere it is accepted."""
    LOCAL_DENY = "local, else Deny"
    LOCAL = "local"
    """They decide, and what holds elsewhere is not said: it would take too many regions."""


class Ruling(Struct, frozen=True, rename="camel"):
    """An outcome and what made it.

    Attributes:
        outcome: what is said.
        rule: the deciding rule, None where no rule decides and everything is accepted.
        passed: the Admin rule that left the tier by ``Pass``, None where there is none.
    """

    outcome: Outcome
    rule: RuleRef | None = None
    passed: RuleRef | None = None


@dataclass(frozen=True)
class Change:
    """Connections whose verdict changes in one direction, from one ruling to another.

    ``is_certain`` is False where some of them, or none, do: ``regions`` then hold more than changes.
    """

    direction: Direction
    old: Ruling
    new: Ruling
    is_certain: bool
    regions: tuple[Region, ...]
