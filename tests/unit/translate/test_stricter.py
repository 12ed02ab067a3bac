"""What one policy may say stricter takes nothing from another, which is told that it is exact."""

from __future__ import annotations

from typing import Any

import pytest

from edict_agent.translate import Dialect, PlacedPolicy
from tests.unit.translate.placed import EVERYBODY, lenient, outcome, policy, rule

CILIUM = pytest.mark.parametrize("dialect", [Dialect.CILIUM, Dialect.CILIUM_TIERS])
DNS = rule("Accept", EVERYBODY, protocols=[{"udp": {"destinationPort": {"number": 53}}}])
NAMES = rule("Accept", {"domainNames": ["a.example"]})
PING = rule("Accept", EVERYBODY, protocols=[{"icmp": {"type": 8}}])
ADDRESSES = rule("Deny", {"networks": ["198.51.100.0/24"]})
ECHO = rule("Deny", EVERYBODY, protocols=[{"icmp": {"type": 0}}])
"""Cilium takes it for every type."""
PAIRS = pytest.mark.parametrize(("first", "then"), [((DNS, NAMES), ADDRESSES), ((PING,), ECHO)], ids=["names", "icmp"])


@CILIUM
@PAIRS
def test_a_wider_deny_takes_nothing_from_an_earlier_policy(
    dialect: Dialect, first: tuple[dict[str, Any], ...], then: dict[str, Any]
) -> None:
    theirs = policy("theirs", priority=1, egress=first)
    mine = lenient(policy("mine", priority=2, egress=(then,)))
    assert outcome(dialect, mine, theirs).code == ""
    assert outcome(dialect, theirs, mine).code in {"EDICT0513", "EDICT0520"}


@CILIUM
@PAIRS
def test_it_may_take_from_its_own(dialect: Dialect, first: tuple[dict[str, Any], ...], then: dict[str, Any]) -> None:
    whole: PlacedPolicy = lenient(policy(egress=(*first, then)))
    told = outcome(dialect, whole)
    assert not told.refused
    assert [one.fidelity for one in told.rules][-1] == "approximate"


@CILIUM
def test_a_wider_deny_stands_beside_a_policy_that_it_does_not_meet(dialect: Dialect) -> None:
    elsewhere = policy("theirs", priority=1, subject={"namespaces": {"matchLabels": {"a": "x"}}}, egress=(PING,))
    mine = policy("mine", priority=2, subject={"namespaces": {"matchLabels": {"a": "y"}}}, egress=(ECHO,))
    assert not outcome(dialect, elsewhere, lenient(mine)).refused
