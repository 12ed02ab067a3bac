"""Sets of pods by their labels, as conjunctions over keys that can be intersected and subtracted.

A key is of the pod's namespace or of the pod, or stands for the pod's service account or its cluster in a mesh;
nodes are sets of the same kind, by keys of their own. What may be said of one key is
a set of values, possibly with the absence of the key; keys are independent, so that the set of pods is empty only
when some key's set is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelector, LabelSelectorRequirement, NamespacedPod, Operator


class Owner(enum.StrEnum):
    """Whose label it is. Account and cluster have the one key ``name``."""

    NAMESPACE = "namespace"
    POD = "pod"
    ACCOUNT = "account"
    NODE = "node"
    CLUSTER = "cluster"

    __hash__ = str.__hash__  # that of an enum is slow, and keys are looked up all the time


class Key(NamedTuple):
    """A label of somebody."""

    owner: Owner
    name: str

    @property
    def is_always_there(self) -> bool:
        """Whether Kubernetes itself sees to it that every pod has a value."""
        return self in _ALWAYS


ACCOUNT = Key(Owner.ACCOUNT, "name")
"""The name of the pod's service account."""
CLUSTER = Key(Owner.CLUSTER, "name")
"""The name of the pod's cluster, where it is not this one."""
NAMESPACE = Key(Owner.NAMESPACE, NAMESPACE_NAME)
"""The name of the pod's namespace."""
_ALWAYS = frozenset({ACCOUNT, CLUSTER, NAMESPACE})


class Values(Struct, frozen=True, gc=False):
    """What a label may be: one of ``listed``, or with ``others`` anything but them; or ``absent``."""

    listed: frozenset[str] = frozenset()
    others: bool = True
    absent: bool = True

    def __bool__(self) -> bool:
        return self.absent or self.others or bool(self.listed)

    def __and__(self, other: Values) -> Values:
        absent = self.absent and other.absent
        if self.others and other.others:
            return Values(self.listed | other.listed, others=True, absent=absent)
        if self.others:
            return Values(other.listed - self.listed, others=False, absent=absent)
        if other.others:
            return Values(self.listed - other.listed, others=False, absent=absent)
        return Values(self.listed & other.listed, others=False, absent=absent)

    def meets(self, other: Values) -> bool:
        """Tell whether something is in both, without making it."""
        if self.absent and other.absent:
            return True
        if self.others:
            return other.others or not other.listed <= self.listed
        if other.others:
            return not self.listed <= other.listed
        return not self.listed.isdisjoint(other.listed)

    def __invert__(self) -> Values:
        return Values(self.listed, others=not self.others, absent=not self.absent)

    @property
    def is_anything(self) -> bool:
        """Whether nothing is asked."""
        return self.others and self.absent and not self.listed

    def sayable(self) -> Iterator[Values]:
        """Yield parts that requirements of a selector can say: absence does not go with listed values."""
        if self.absent and not self.others and self.listed:
            yield Values(self.listed, others=False, absent=False)
            yield _ABSENT
        elif self:
            yield self

    def requirements(self, key: str) -> list[LabelSelectorRequirement]:
        """Return the requirements that say a sayable set."""
        values = tuple(sorted(self.listed))
        if not self.others:
            return [LabelSelectorRequirement(key, Operator.IN if values else Operator.DOES_NOT_EXIST, values)]
        found = [] if self.absent else [LabelSelectorRequirement(key, Operator.EXISTS)]
        if values:
            found.append(LabelSelectorRequirement(key, Operator.NOT_IN, values))
        return found


ANYTHING = Values()
_ABSENT = Values(others=False, absent=True)
_PRESENT = Values(others=True, absent=False)


@dataclass(frozen=True, slots=True)
class Labels:
    """A set of pods: those whose labels are in every one of ``terms``."""

    terms: Mapping[Key, Values] = field(default_factory=dict)
    _hash: int | None = field(default=None, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        known = self._hash
        if known is None:
            known = hash(frozenset(self.terms.items()))
            object.__setattr__(self, "_hash", known)
        return known

    def __bool__(self) -> bool:
        return all(self.terms.values())

    def meets(self, other: Labels) -> bool:
        """Tell whether some pod may be in both."""
        for key, values in self.terms.items():
            theirs = other.terms.get(key)
            if theirs is not None and not values.meets(theirs):
                return False
        return True

    def __and__(self, other: Labels) -> Labels:
        terms = dict(self.terms)
        for key, values in other.terms.items():
            terms[key] = terms[key] & values if key in terms else values
        return Labels(terms)

    def __sub__(self, other: Labels) -> Iterator[Labels]:
        """Yield disjoint sets that together are this one without the other: one or two for each key of the other."""
        if not self.meets(other):
            yield self
            return
        rest = dict(self.terms)
        for key, values in other.terms.items():
            mine = rest.get(key, ANYTHING)
            outside = mine & _within(key, ~values)
            for part in outside.sayable():
                yield Labels(rest | {key: part})
            rest[key] = mine & values

    def __le__(self, other: Labels) -> bool:
        return all(not (self.terms.get(key, ANYTHING) & _within(key, ~values)) for key, values in other.terms.items())

    def asked(self, owner: Owner) -> list[LabelSelectorRequirement]:
        """Return what is asked of one owner's labels, keys in order."""
        keys = [key for key in self.terms if key.owner is owner]
        if len(keys) > 1:
            keys.sort()
        return [requirement for key in keys for requirement in self.requirements(key)]

    def requirements(self, key: Key) -> list[LabelSelectorRequirement]:
        """Return what is asked of one key, of which every part is sayable; that it is there only where it may not be.

        Nothing where the key is not among the terms.
        """
        values = self.terms.get(key)
        if values is None:
            return []
        if values.others and key.is_always_there:
            values = Values(values.listed, others=True, absent=True)
        return values.requirements(key.name)

    def without(self, key: Key) -> Labels:
        """Return the set with nothing asked of one key."""
        return Labels({one: values for one, values in self.terms.items() if one != key})


EVERY_POD = Labels()
EVERY_NODE = Labels()


def labels_of(pods: NamespacedPod) -> Labels:
    """Return the pods that two selectors select."""
    return _conjunction(
        [*_asked(Owner.NAMESPACE, pods.namespace_selector), *_asked(Owner.POD, pods.pod_selector)],
    )


def accounts(names: Iterable[str], namespaces: LabelSelector) -> Labels:
    """Return the pods that run as one of the named service accounts in the selected namespaces."""
    own = (ACCOUNT, Values(frozenset(names), others=False, absent=False))
    return _conjunction([*_asked(Owner.NAMESPACE, namespaces), own])


def in_clusters(names: Iterable[str], pods: NamespacedPod | None) -> Labels:
    """Return the pods of other clusters by the clusters' names; every pod of theirs when None are selected."""
    own = (CLUSTER, Values(frozenset(names), others=False, absent=False))
    if pods is None:
        return _conjunction([own])
    chosen = [*_asked(Owner.NAMESPACE, pods.namespace_selector), *_asked(Owner.POD, pods.pod_selector)]
    return _conjunction([*chosen, own])


def nodes_of(selector: LabelSelector) -> Labels:
    """Return the nodes that a selector selects."""
    return _conjunction(_asked(Owner.NODE, selector))


def _conjunction(asked: Iterable[tuple[Key, Values]]) -> Labels:
    terms: dict[Key, Values] = {}
    for key, values in asked:
        kept = _within(key, values)
        terms[key] = terms[key] & kept if key in terms else kept
    return Labels(terms)


def _within(key: Key, values: Values) -> Values:
    """Leave absence out where it cannot be."""
    return values & _PRESENT if key.is_always_there and values.absent else values


def _asked(owner: Owner, selector: LabelSelector) -> Iterator[tuple[Key, Values]]:
    for name, value in selector.match_labels.items():
        yield _key(owner, name), _exactly(value)
    for requirement in selector.match_expressions:
        key = _key(owner, requirement.key)
        match requirement.operator:
            case Operator.IN if len(requirement.values) == 1:
                yield key, _exactly(requirement.values[0])
            case Operator.IN:
                yield key, Values(frozenset(requirement.values), others=False, absent=False)
            case Operator.NOT_IN:
                yield key, Values(frozenset(requirement.values), others=True, absent=True)
            case Operator.EXISTS:
                yield key, _PRESENT
            case Operator.DOES_NOT_EXIST:
                yield key, _ABSENT


@lru_cache(maxsize=65536)
def _key(owner: Owner, name: str) -> Key:
    """Return a key, the same object for many selectors: few keys are asked again and again."""
    return Key(owner, name)


@lru_cache(maxsize=65536)
def _exactly(value: str) -> Values:
    return Values(frozenset({value}), others=False, absent=False)
