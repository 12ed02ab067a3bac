"""A document as large as may be signed costs every dialect little, whatever it holds, so that none stops an agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import count, islice
from types import FrameType
from typing import Any

import msgspec
import pytest

from edict_agent.translate import Dialect, PlacedPolicy
from tests.unit.translate.placed import EVERYBODY, EVERYTHING, outcome, policy, rule, tcp

MOST_CALLS = 12_000_000
"""Of functions, for each dialect: what it costs, counted so that no busy machine changes it."""
_STEP = 0x9E3779B97F4A7C15F39CC0605CEDC835
_OFF_PODS = {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "172.18.0.0/16"]}


def _far_apart(prefix: int, bits: int) -> Iterator[str]:
    """Yield addresses of IPv6 of which no two share more than a short prefix."""
    return (f"{IPv6Address(prefix + number * _STEP % (1 << bits))}/128" for number in count(1))


def _holes() -> PlacedPolicy:
    """Return networks with many exceptions, each of which leaves a hundred networks around it."""
    points = _far_apart(0x2 << 124, 125)
    peer = {"networks": [{"cidr": "2000::/3", "except": list(islice(points, 25))} for _ in range(25)]}
    return policy(egress=tuple(rule("Deny", peer) for _ in range(8)))


def _hosts() -> PlacedPolicy:
    """Return many accepted addresses before a Deny of all around them."""
    numbers = (0x14000000 + number * 0x9E3779B1 % 0x40000000 for number in count())
    hosts = [
        rule("Accept", *({"networks": [f"{IPv4Address(next(numbers))}/32" for _ in range(20)]} for _ in range(25)))
        for _ in range(20)
    ]
    return policy(egress=(*hosts, rule("Deny", {"networks": [_OFF_PODS]})))


def _halves() -> PlacedPolicy:
    """Return what leaves points in one half of a network, and holes in the other: neither way to say it is short."""
    accepted = []
    for number in range(24):
        here, there = _far_apart((0x20 << 120) + number, 124), _far_apart((0x30 << 120) + number, 124)
        half = {"networks": [{"cidr": "2000::/4", "except": list(islice(here, 25))}]}
        accepted.append(rule("Accept", half, {"networks": list(islice(there, 25))}, protocols=[tcp(number + 1)]))
    return policy(egress=(*accepted, rule("Deny", {"networks": ["2000::/3"]})))


def _keys() -> PlacedPolicy:
    """Return a selector of many labels, each of which is a piece of what it leaves."""
    labels = {f"k{number:x}": "" for number in range(19_000)}
    chosen = {"pods": {"podSelector": {"matchLabels": labels}}}
    return policy(egress=(rule("Accept", chosen), rule("Deny", EVERYBODY)))


def _names() -> PlacedPolicy:
    """Return many domain names before many Denies."""
    dns = rule("Accept", EVERYBODY, protocols=[{"udp": {"destinationPort": {"number": 53}}}])
    named = [
        rule(
            "Accept",
            *({"domainNames": [f"a{at}x{peer}.b{number}.c" for at in range(25)]} for peer in range(25)),
            protocols=[tcp(number + 1)],
        )
        for number in range(21)
    ]
    pods = [{"pods": {"podSelector": {"matchLabels": {"a": f"v{number}"}}}} for number in range(25)]
    return policy(egress=(dns, *named, rule("Deny", *pods), rule("Deny", EVERYTHING)))


def _calls(work: Callable[[], object]) -> int:
    """Return how many functions some work calls, those of C among them."""
    calls = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("make", [_holes, _hosts, _halves, _keys, _names], ids=lambda make: make.__name__[1:])
def test_the_worst_document_is_translated_at_once(make: Callable[[], PlacedPolicy]) -> None:
    worst: Any = make()
    assert len(msgspec.json.encode(worst.document)) < 256 * 1024
    for dialect in Dialect:
        assert _calls(partial(outcome, dialect, worst)) < MOST_CALLS, dialect


@pytest.mark.parametrize("dialect", [Dialect.CLUSTER_NETWORK_POLICY])
def test_what_is_not_made_for_it_does_not_fit_is_refused(dialect: Dialect) -> None:
    told = outcome(dialect, _holes())
    assert (told.refused, told.code, told.objects) == (True, "EDICT0522", ())
