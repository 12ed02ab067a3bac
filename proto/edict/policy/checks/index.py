"""Finds what may meet a box, or lie around it, among many thousands without asking each.

A box has *traits*: for some dimensions (a label of the subject, the top bits of the peer's addresses, the ports) a
small set of tokens such that two boxes which both have the trait meet only where they share a token.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from edict.policy.space import Box
from edict.policy.space.addresses import Addresses
from edict.policy.space.intervals import Intervals
from edict.policy.space.labels import Labels
from edict.policy.space.peers import Mixed, Named, Nodes, Outside, Pods, Remote, Rest
from edict.policy.space.protocols import Spoken

Dimension: TypeAlias = tuple[Hashable, ...]
Tokens: TypeAlias = frozenset[Hashable]
Traits: TypeAlias = Mapping[Dimension, Tokens]

T = TypeVar("T")

_TOKENS = 32
"""A trait of more tokens is none."""
_LEAF = 12
"""So few items are asked one by one."""
_WORTH = 0.8
"""What a split must leave at most of the items that a question may have to look at."""
_PREFIXES = ((8, 16), (16, 48), (32, 128))
"""Bits of IPv4 and of IPv6 addresses by which peers are told apart."""


def traits_of(box: Box) -> dict[Dimension, Tokens]:
    """Return what a box may be told by; peers of kinds that may meet without a common token have no trait for it."""
    traits = dict(traits_of_labels("subject", box.subject))
    peer = box.peer
    match peer:
        case Pods(labels) | Remote(labels):
            traits |= {("kind",): frozenset({type(peer).__name__}), **dict(traits_of_labels("peer", labels))}
        case Nodes() | Rest():
            traits["kind",] = frozenset({"Nodes"})
        case Outside(addresses):
            traits |= {("kind",): frozenset({"Outside"}), **dict(_address_traits(addresses))}
        case Named():
            traits["kind",] = frozenset({"Outside"})
        case Mixed(addresses):
            traits |= dict(_address_traits(addresses))
    ports = _port_tokens(box.spoken)
    if ports is not None:
        traits["spoken",] = ports
    return traits


def names_of(box: Box) -> dict[Dimension, Tokens]:
    """Return the trait of a domain name that may lie around others; only :func:`names_around` asks for it."""
    return {("name",): frozenset({box.peer.name})} if isinstance(box.peer, Named) else {}


def names_around(box: Box) -> dict[Dimension, Tokens]:
    """Return what a domain name and all that may lie around it have for a trait: itself and its wildcards."""
    if not isinstance(box.peer, Named):
        return {}
    parts = box.peer.name.removeprefix("*.").split(".")
    above = {f"*.{'.'.join(parts[index:])}" for index in range(1, len(parts))}
    return {("name",): frozenset({box.peer.name, *above})}


def traits_of_labels(of: str, labels: Labels) -> Iterator[tuple[Dimension, Tokens]]:
    """Yield a trait for each label of which the values are listed; None stands for its absence."""
    for key, values in labels.terms.items():
        if not values.others and len(values.listed) < _TOKENS:
            tokens: Tokens = frozenset(values.listed)
            yield (of, key), tokens | {None} if values.absent else tokens


def _address_traits(addresses: Addresses) -> Iterator[tuple[Dimension, Tokens]]:
    for number, (v4, v6) in enumerate(_PREFIXES):
        low, high = _prefixes(addresses.v4, 32 - v4), _prefixes(addresses.v6, 128 - v6)
        if low is not None and high is not None:
            yield ("address", number), frozenset([*((4, one) for one in low), *((6, one) for one in high)])


def _prefixes(addresses: Intervals, shift: int) -> set[int] | None:
    return _numbers([(first >> shift, last >> shift) for first, last in addresses.parts])


def _port_tokens(spoken: Spoken) -> Tokens | None:
    """Return the ports; none where a name may be any port, or where they are many."""
    if spoken.others or spoken.names:
        return None
    tokens: set[Hashable] = set()
    for protocol, interval in spoken.parts():
        numbers = _numbers([interval])
        if numbers is None:
            return None
        tokens |= {(protocol, number) for number in numbers}
    return frozenset(tokens) if len(tokens) <= _TOKENS else None


def _numbers(parts: Sequence[tuple[int, int]]) -> set[int] | None:
    if sum(last - first + 1 for first, last in parts) > _TOKENS:
        return None
    return {number for first, last in parts for number in range(first, last + 1)}


@dataclass(slots=True)
class _Node(Generic[T]):
    """Items that are split by the tokens of one dimension, or not split; ``rest`` lacks the trait."""

    items: Sequence[tuple[Traits, T]] = ()
    dimension: Dimension | None = None
    buckets: dict[Hashable, _Node[T]] = field(default_factory=dict)
    rest: _Node[T] | None = None


class Index(Generic[T]):
    """A set of things with traits, each once."""

    def __init__(self, items: Sequence[tuple[Traits, T]]) -> None:
        """Take the items; they come back in no order that means something, but always in the same."""
        self._root = _split(items, frozenset())

    def meeting(self, traits: Traits) -> Iterator[T]:
        """Yield what shares a token wherever both have the trait."""
        return _once(_walk(self._root, traits, around=False))

    def around(self, traits: Traits) -> Iterator[T]:
        """Yield what shares a token wherever it has the trait itself: what is bounded where a box is not stays out."""
        return _once(_walk(self._root, traits, around=True))


def _split(items: Sequence[tuple[Traits, T]], used: frozenset[Dimension]) -> _Node[T]:
    dimension = _best(items, used) if len(items) > _LEAF else None
    if dimension is None:
        return _Node(items)
    buckets: dict[Hashable, list[tuple[Traits, T]]] = defaultdict(list)
    rest = []
    for item in items:
        tokens = item[0].get(dimension)
        if tokens is None:
            rest.append(item)
        else:
            for token in tokens:
                buckets[token].append(item)
    below = used | {dimension}
    made = {token: _split(bucket, below) for token, bucket in buckets.items()}
    return _Node(dimension=dimension, buckets=made, rest=_split(rest, below))


def _best(items: Sequence[tuple[Traits, T]], used: frozenset[Dimension]) -> Dimension | None:
    """Return the dimension that leaves the fewest items to look at, None where none is worth it."""
    counts: dict[Dimension, Counter[Hashable]] = defaultdict(Counter)
    having: Counter[Dimension] = Counter()
    for traits, _ in items:
        for dimension, tokens in traits.items():
            if dimension not in used:
                having[dimension] += 1
                counts[dimension].update(tokens)
    left = {
        dimension: len(items) - having[dimension] + max(counter.values(), default=0)
        for dimension, counter in counts.items()
    }
    best = min(left, key=lambda dimension: left[dimension], default=None)
    return best if best is not None and left[best] <= _WORTH * len(items) else None


def _walk(node: _Node[T], traits: Traits, *, around: bool) -> Iterator[T]:
    if node.dimension is None:
        yield from (item for its, item in node.items if _fits(its, traits, around=around))
        return
    if node.rest is not None:
        yield from _walk(node.rest, traits, around=around)
    tokens = traits.get(node.dimension)
    if tokens is None:
        chosen = [] if around else list(node.buckets.values())
    else:
        chosen = [node.buckets[token] for token in tokens if token in node.buckets]
    for bucket in chosen:
        yield from _walk(bucket, traits, around=around)


def _fits(its: Traits, traits: Traits, *, around: bool) -> bool:
    for dimension, tokens in its.items():
        asked = traits.get(dimension)
        if around if asked is None else asked.isdisjoint(tokens):
            return False
    return True


def _once(found: Iterator[T]) -> Iterator[T]:
    seen: set[int] = set()
    for item in found:
        if id(item) not in seen:
            seen.add(id(item))
            yield item
