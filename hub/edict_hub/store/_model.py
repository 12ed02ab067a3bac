"""What a store is: keys, conditions, operations and a watch. The simulation has an implementation of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key with its value. ``revision`` is etcd's mod_revision."""

    key: str
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Page:
    """The keys below a prefix, in order, as of one revision of the whole store."""

    items: tuple[KeyValue, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A condition: the key still has this mod_revision. 0 is: there is no such key."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write a value."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the keys from ``key`` up to, not including, ``until``; with an empty ``until`` the one key."""

    key: str
    until: str = ""


Operation: TypeAlias = Put | Delete


@dataclass(frozen=True, slots=True)
class Relisted:
    """A watch starts, or starts anew because events were lost: forget everything and take these."""

    items: tuple[KeyValue, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Events in order. A deleted key has the value None."""

    events: tuple[tuple[str, KeyValue | None], ...]
    revision: int


class Store(Protocol):
    """A linearizable key-value store. Every method raises HubError EDICT0401 within 5 s when it is out of reach."""

    async def get(self, key: str) -> KeyValue | None:
        """Return one key, or None."""

    async def get_many(self, keys: Sequence[str]) -> Mapping[str, KeyValue]:
        """Return those of the keys that exist."""

    async def range(self, prefix: str, *, start: str = "", values: bool = True, limit: int = 0) -> Page:
        """Return the keys below a prefix, from ``start`` on; at most ``limit`` of them when it is not 0."""

    async def commit(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> int | None:
        """Apply all operations if all conditions hold; return the new revision, or None if they do not.

        An answer that got lost is asked for again: None can then also mean that the first attempt succeeded. A
        caller that is told None reads the keys again and looks.
        """

    def watch(self, prefix: str, *, values: bool = True) -> AsyncIterator[Relisted | Changed]:
        """Follow a prefix (or one key) for ever: first ``Relisted``, then ``Changed``.

        It outlives the store's restarts and repeats nothing that was delivered. With ``values=False`` a
        ``Relisted`` is empty and only says that everything may have changed.
        """
