"""The rules of a policy as they are walked: with direction, place and order."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from msgspec import UNSET, Struct

from edict.policy.model import (
    Action,
    EgressPeer,
    EgressRule,
    IngressPeer,
    IngressRule,
    PolicySpec,
    Protocol,
    Subject,
)


class Direction(enum.StrEnum):
    """Which way a rule looks from its subject."""

    INGRESS = "ingress"
    EGRESS = "egress"


class PlacedRule(Struct, frozen=True, gc=False):
    """One rule and where it stands: ``place`` is ``ingress[i]`` or ``egress[i]``."""

    direction: Direction
    index: int
    subject: Subject
    rule: IngressRule | EgressRule

    @property
    def place(self) -> str:
        """The rule's place in its document."""
        return f"{self.direction}[{self.index}]"

    @property
    def action(self) -> Action:
        """The rule's action."""
        return self.rule.action

    @property
    def peers(self) -> tuple[IngressPeer | EgressPeer, ...]:
        """Whom the subject talks with; any of them."""
        return self.rule.from_ if isinstance(self.rule, IngressRule) else self.rule.to

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """What is spoken; any of them, everything when empty."""
        return self.rule.protocols

    @property
    def has_domain_names(self) -> bool:
        """Whether a peer is a domain name."""
        return any(isinstance(peer, EgressPeer) and peer.domain_names is not UNSET for peer in self.peers)


def rules_of(policy: PolicySpec) -> Iterator[PlacedRule]:
    """Yield the rules in their order, ingress first."""
    for index, ingress in enumerate(policy.ingress):
        yield PlacedRule(Direction.INGRESS, index, policy.subject, ingress)
    for index, egress in enumerate(policy.egress):
        yield PlacedRule(Direction.EGRESS, index, policy.subject, egress)
