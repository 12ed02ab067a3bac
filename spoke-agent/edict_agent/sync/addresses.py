"""The addresses of a hub's replicas."""

from __future__ import annotations

import random
from collections.abc import Sequence


class Addresses:
    """The replicas' addresses, in turn from a random start."""

    def __init__(self, listed: str, rng: random.Random) -> None:
        self._all: Sequence[str] = [part.strip() for part in listed.split(",") if part.strip()]
        self._next = rng.randrange(len(self._all)) if self._all else 0

    def next(self) -> str:
        """Return the next address."""
        address = self._all[self._next % len(self._all)]
        self._next += 1
        return address
