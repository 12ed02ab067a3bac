r"""Sets of connections that are closed under intersection and difference, so that nothing about them is unknowable.

Other than a :class:`edict.policy.space.Box`, which must be sayable in a plugin's language, a :class:`Region` need only
be describable: the other end has a kind *and* an address, whether or not anybody knows which pods have which addresses.
What has no algebra of its own (a domain name, a port by name, an HTTP request) is a :class:`Fact` that is or is not so.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from edict.policy.space import Ground
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses
from edict.policy.space.labels import EVERY_POD, NAMESPACE, Labels, Owner
from edict.policy.space.protocols import EVERYTHING, Spoken

VERSIONS = (4, 6)


class Kind(enum.StrEnum):
    """What the other end of a connection is; exactly one."""

    POD = "pod"
    REMOTE = "remote"
    """A pod of another cluster of the mesh."""
    NODE = "node"
    OUTSIDE = "outside"


EVERY_KIND = frozenset(Kind)


class About(enum.StrEnum):
    """What a fact is about."""

    DOMAIN = "domain"
    """The other end, which is outside, has a domain name: ``*.`` stands for any prefix."""
    PORT = "port"
    """The destination is a pod that calls the port so."""
    HTTP = "http"
    """The connection carries a request that the rule's ``http`` means."""


class Fact(NamedTuple):
    """Something that is so of a connection, or not."""

    about: About
    text: str


@dataclass(frozen=True)
class Region:
    """Connections in one direction, by what is so of them: they are in every one of the sets.

    Attributes:
        clusters: the clusters, by labels of the signed inventory (whoever owns the keys).
        subject: the pods that the policies are about.
        kinds: what the other end is.
        labels: its labels; nothing is asked unless there is one kind.
        addresses: its addresses.
        spoken: protocols, ports, types; ``names`` is not used.
        so: facts that hold.
        not_so: facts that do not.
    """

    clusters: Labels = EVERY_POD
    subject: Labels = EVERY_POD
    kinds: frozenset[Kind] = EVERY_KIND
    labels: Labels = EVERY_POD
    addresses: Addresses = EVERY_ADDRESS
    spoken: Spoken = EVERYTHING
    so: frozenset[Fact] = frozenset()
    not_so: frozenset[Fact] = frozenset()

    def both(self, other: Region, ground: Ground) -> Region | None:
        """Return the connections that are in both, None when certainly none is."""
        if not (
            self.kinds & other.kinds
            and self.subject.meets(other.subject)
            and self.labels.meets(other.labels)
            and self.clusters.meets(other.clusters)
        ):
            return None
        met = Region(
            clusters=self.clusters & other.clusters,
            subject=self.subject & other.subject,
            kinds=self.kinds & other.kinds,
            labels=self.labels & other.labels,
            addresses=self.addresses & other.addresses,
            spoken=self.spoken & other.spoken,
            so=self.so | other.so,
            not_so=self.not_so | other.not_so,
        )
        return met.settled(ground)

    def minus(self, other: Region, ground: Ground) -> list[Region]:
        """Return disjoint regions that together are this one without another of which nothing is ``not_so``."""
        if self.both(other, ground) is None:
            return [self]
        pieces: list[Region] = []
        rest = self
        for name, left in _PARTS:
            mine, theirs = getattr(rest, name), getattr(other, name)
            pieces += [replace(rest, **{name: part}) for part in left(mine, theirs)]
            rest = replace(rest, **{name: mine & theirs})
        for fact in sorted(other.so - self.so):
            pieces.append(replace(rest, not_so=rest.not_so | {fact}))
            rest = replace(rest, so=rest.so | {fact})
        settled = (piece.settled(ground) for piece in pieces)
        return [piece for piece in settled if piece is not None]

    def settled(self, ground: Ground) -> Region | None:
        """Return the same connections with only the kinds that can be, None when there is certainly none."""
        if not (self.clusters and self.subject and self.labels and self.spoken and self._facts_fit):
            return None
        kinds = frozenset(kind for kind in self.kinds if any(True for _ in self.families(kind, ground)))
        if not kinds or (kinds == {Kind.POD} and not self._namespaces_fit):
            return None
        return self if kinds == self.kinds else replace(self, kinds=kinds)

    def families(self, kind: Kind, ground: Ground) -> Iterator[tuple[Addresses, Spoken]]:
        """Yield for each IP version what addresses a kind of other end may have, and what may be spoken with them."""
        if any(fact.about is About.DOMAIN for fact in self.so) and kind is not Kind.OUTSIDE:
            return
        for version in VERSIONS:
            addresses = (self.addresses & addresses_of_kind(kind, ground)).of_family(version)
            spoken = self.spoken - Spoken(**{f"icmp{4 + 6 - version}": EVERYTHING.icmp4})  # type: ignore[arg-type]
            if addresses and spoken and addresses_of_kind(Kind.POD, ground).of_family(version):
                yield addresses, spoken

    @cached_property
    def is_certain(self) -> bool:
        """Whether there is certainly a connection in it: of HTTP requests nobody computes which are in two matches."""
        asked = {fact for fact in self.so | self.not_so if fact.about is About.HTTP}
        return len(asked) < 2 or asked <= self.not_so  # noqa: PLR2004 - one says nothing of another

    @property
    def _facts_fit(self) -> bool:
        if self.so & self.not_so:
            return False
        if any(fact.about is About.PORT for fact in self.so) and not self.spoken.has_ports:
            return False
        names = [fact.text for fact in self.so if fact.about is About.DOMAIN]
        others = [fact.text for fact in self.not_so if fact.about is About.DOMAIN]
        return not any(covers(other, name) for name in names for other in others)

    @property
    def _namespaces_fit(self) -> bool:
        """Tell whether both ends can be: where both must be of one and the same namespace, it has one set of labels."""
        mine, theirs = (only_namespace(labels) for labels in (self.subject, self.labels))
        return mine is None or mine != theirs or bool(of_namespace(self.subject) & of_namespace(self.labels))


EVERY_CONNECTION = Region()


def covers(name: str, other: str) -> bool:
    """Tell whether every host of the other name is one of the name."""
    return name == other or (name.startswith("*.") and other.removeprefix("*.").endswith(name[1:]))


def only_namespace(labels: Labels) -> str | None:
    """Return the name of the one namespace that the pods are of, None where there may be several."""
    names = labels.terms.get(NAMESPACE)
    return None if names is None or names.others or len(names.listed) != 1 else next(iter(names.listed))


def of_namespace(labels: Labels) -> Labels:
    """Return what is asked of the namespace alone."""
    return Labels({key: values for key, values in labels.terms.items() if key.owner is Owner.NAMESPACE})


@lru_cache(maxsize=64)
def addresses_of_kind(kind: Kind, ground: Ground) -> Addresses:
    """Return the addresses that a kind of end may have."""
    match kind:
        case Kind.POD | Kind.REMOTE:
            return ground.every if ground.pods is None else ground.pods
        case Kind.NODE:
            return ground.every if ground.nodes is None else ground.nodes
        case Kind.OUTSIDE:
            return ground.every - (ground.pods or Addresses()) - (ground.nodes or Addresses())


def _one(left: Callable[[Any, Any], Any]) -> Callable[[Any, Any], list[Any]]:
    """Return a difference that leaves one part or none, as one that leaves a list."""

    def parts(mine: Any, theirs: Any) -> list[Any]:
        found = left(mine, theirs)
        return [found] if found else []

    return parts


_PARTS: tuple[tuple[str, Callable[[Any, Any], Iterable[Any]]], ...] = (
    ("clusters", Labels.__sub__),
    ("subject", Labels.__sub__),
    ("kinds", _one(frozenset.__sub__)),
    ("labels", Labels.__sub__),
    ("addresses", _one(Addresses.__sub__)),
    ("spoken", _one(Spoken.__sub__)),
)
