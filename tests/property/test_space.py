"""Differences of boxes, point by point: what is left is in the box and in none of the others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edict.policy.lockout import agent_subject
from edict.policy.model import EgressPeer, LabelSelector
from edict.policy.selectors import matches
from edict.policy.space import Box, Ground, TooManyBoxesError, UnknowableError, difference, joined, uncovered
from edict.policy.space.addresses import Addresses, addresses_in
from edict.policy.space.boxes import boxes_of
from edict.policy.space.intervals import Intervals
from edict.policy.space.labels import EVERY_POD, Key, Labels, Owner, Values
from edict.policy.space.peers import (
    ANYONE,
    Anyone,
    Mixed,
    Named,
    Nodes,
    Outside,
    Peer,
    Pods,
    Remote,
    Rest,
    meet,
    realm,
)
from edict.policy.space.protocols import EVERYTHING, LISTED, PORTS, Spoken
from tests.property.strategies import selectors

GROUND = Ground(pods=addresses_in(["10.244.0.0/16"]), nodes=addresses_in(["172.18.0.0/16"]))
KEYS = (Key(Owner.NAMESPACE, "kubernetes.io/metadata.name"), Key(Owner.POD, "a"), Key(Owner.POD, "b"))


@dataclass(frozen=True)
class Point:
    """One connection: labels of the subject, the kind of the other end, what is known of it, what is spoken."""

    subject: dict[Key, str]
    kind: type
    labels: dict[Key, str]
    address: str
    protocol: str
    number: int


def has(labels: Labels, of: dict[Key, str]) -> bool:
    return all(
        values.absent if key not in of else (of[key] in values.listed) != values.others
        for key, values in labels.terms.items()
    )


def lies(address: str, addresses: Addresses) -> bool:
    return bool(addresses_in([address]) & addresses)


def peer_has(peer: Peer, point: Point) -> bool:
    match peer:
        case Anyone():
            return True
        case Pods(labels) | Remote(labels):
            return point.kind is type(peer) and has(labels, point.labels)
        case Nodes(chosen):
            return point.kind in {Nodes, Rest} if chosen is None else point.kind is Nodes and has(chosen, point.labels)
        case Outside(addresses):
            return point.kind is Outside and lies(point.address, addresses)
        case Mixed(addresses):
            return lies(point.address, addresses)
        case Named() | Rest():
            return point.kind is type(peer)


def inside(box: Box, point: Point) -> bool:
    spoken = box.spoken.others if point.protocol == "gre" else point.number in getattr(box.spoken, point.protocol)
    return has(box.subject, point.subject) and peer_has(box.peer, point) and spoken


_values = st.builds(Values, st.frozensets(st.sampled_from(("x", "y"))), others=st.booleans(), absent=st.booleans())
_labels = st.builds(Labels, st.dictionaries(st.sampled_from(KEYS[1:]), _values.filter(bool), max_size=2))
_addresses = st.lists(
    st.sampled_from(("0.0.0.0/0", "10.0.0.0/8", "10.244.1.0/24", "203.0.113.0/25", "::/0", "fd00::/8")), min_size=1
).map(addresses_in)
_outside = st.lists(st.sampled_from(("203.0.113.0/25", "203.0.113.64/26", "8.8.8.0/24", "fd00::/8")), min_size=1)
_peers: st.SearchStrategy[Peer] = st.one_of(
    st.just(ANYONE),
    _labels.map(Pods),
    _labels.map(Remote),
    st.one_of(st.none(), _labels).map(Nodes),
    st.just(Rest()),
    _outside.map(addresses_in).map(Outside),
    _addresses.map(Mixed),
)
_ports = st.lists(st.sampled_from(((1, 65535), (80, 80), (53, 80), (50, 60), (52, 65535)))).map(Intervals.of)
_spoken = st.one_of(
    st.just(EVERYTHING),
    st.builds(Spoken, _ports, _ports, icmp4=_ports, others=st.booleans()),
)
boxes = st.builds(Box, _labels, _peers, _spoken)
_labelled = st.dictionaries(st.sampled_from(KEYS[1:]), st.sampled_from(("x", "y", "z")))
points = st.one_of(
    [
        st.builds(
            Point,
            _labelled,
            st.just(kind),
            _labelled,
            st.sampled_from(addresses),
            st.sampled_from((*LISTED, "gre")),
            st.sampled_from((1, 52, 53, 55, 80, 65535)),
        )
        for kind, addresses in (
            (Pods, ("10.244.1.1/32", "10.244.9.9/32")),
            (Remote, ("10.244.7.7/32",)),
            (Nodes, ("172.18.0.5/32",)),
            (Rest, ("172.18.0.9/32",)),
            (Outside, ("203.0.113.7/32", "203.0.113.100/32", "8.8.8.8/32", "fd00::1/128", "2001::1/128")),
        )
    ]
)


@given(boxes, st.lists(boxes, min_size=1, max_size=4), st.lists(points, min_size=1, max_size=20))
def test_difference_holds_what_no_other_box_holds(box: Box, others: list[Box], asked: list[Point]) -> None:
    try:
        left = difference([box], others, GROUND)
    except (UnknowableError, TooManyBoxesError):
        left = uncovered([box], others, GROUND)
        for point in asked:
            assert not inside(box, point) or any(inside(one, point) for one in (*left, *others))
        return
    for point in asked:
        wanted = inside(box, point) and not any(inside(other, point) for other in others)
        assert sum(inside(piece, point) for piece in left) == wanted  # the pieces are disjoint, too
        assert any(inside(piece, point) for piece in joined(left)) == wanted


@given(boxes, boxes, points)
def test_boxes_that_share_a_point_meet(one: Box, other: Box, point: Point) -> None:
    if inside(one, point) and inside(other, point):
        assert one.meets(other, GROUND)
        assert other.meets(one, GROUND)


@given(selectors, _labelled)
def test_labels_say_what_their_selector_says(selector: LabelSelector, labels: dict[Key, str]) -> None:
    of = {Key(Owner.NAMESPACE, "kubernetes.io/metadata.name"): "x"}
    of |= {Key(Owner.NAMESPACE, key.name): value for key, value in labels.items()}
    plain = {key.name: value for key, value in of.items()}
    made = boxes_of(agent_subject("x"), [EgressPeer(namespaces=selector)], (), GROUND)
    chosen = [box.peer.labels for box in made if isinstance(box.peer, Pods)]
    assert any(has(one, of) for one in chosen) == matches(selector, plain)
    assert any(
        matches(LabelSelector(match_expressions=tuple(one.asked(Owner.NAMESPACE))), plain) for one in chosen
    ) == matches(selector, plain)


@pytest.mark.parametrize("pair", list(pairwise(LISTED)))
def test_protocols_are_told_apart(pair: tuple[str, str]) -> None:
    one, other = pair
    box = Box(EVERY_POD, ANYONE, EVERYTHING)
    (left,) = difference([box], [Box(EVERY_POD, ANYONE, Spoken(**{one: getattr(EVERYTHING, one)}))], GROUND)
    assert not getattr(left.spoken, one)
    assert getattr(left.spoken, other) == getattr(EVERYTHING, other)


def test_a_port_by_name_is_never_subtracted_from_a_port_by_number() -> None:
    numbered = Box(EVERY_POD, ANYONE, Spoken(tcp=PORTS))
    named = Box(EVERY_POD, ANYONE, Spoken(names=frozenset({"http"})))
    for one, other in product((numbered, named), repeat=2):
        if one is other:
            assert difference([one], [other], GROUND) == []
            continue
        with pytest.raises(UnknowableError):
            difference([one], [other], GROUND)


def test_a_name_is_outside_and_nobody_knows_where() -> None:
    named = Box(EVERY_POD, Named("*.a.example"), Spoken(tcp=PORTS))
    assert difference([named], [Box(EVERY_POD, Pods(), named.spoken)], GROUND) == [named]
    assert difference([Box(EVERY_POD, Named("b.a.example"), named.spoken)], [named], GROUND) == []
    for other in (Outside(), Named("another.example")):
        with pytest.raises(UnknowableError):
            difference([Box(EVERY_POD, other, named.spoken)], [named], GROUND)


_numbers = st.frozensets(st.integers(0, 24))


def _intervals(numbers: frozenset[int]) -> Intervals:
    return Intervals.of((number, number) for number in numbers)


@given(_numbers, _numbers, st.tuples(st.integers(0, 24), st.integers(0, 24)))
def test_intervals_are_sets_of_numbers(mine: frozenset[int], theirs: frozenset[int], ends: tuple[int, int]) -> None:
    first, last = sorted(ends)
    one, other = _intervals(mine), _intervals(theirs)
    assert one - other == _intervals(mine - theirs)
    assert one & other == _intervals(mine & theirs)
    assert one.meets(other) is bool(mine & theirs)
    assert one.within(first, last) == _intervals(frozenset(number for number in mine if first <= number <= last))


_any_peer = st.one_of(_peers, st.sampled_from((Named("a.example"), Named("*.example"))))


@given(_any_peer, _any_peer)
def test_peers_of_two_realms_never_meet(one: Peer, other: Peer) -> None:
    if realm(one) and realm(other) and realm(one) != realm(other):
        assert not meet(one, other, GROUND)
