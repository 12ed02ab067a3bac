"""What checks look at and what they say."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.origin import Origin

_NO_ORIGIN = Origin()


class PolicySource(Struct, frozen=True):
    """A policy, the team that signs it, and where it was read."""

    team: str
    document: FederatedNetworkPolicy
    origin: Origin = _NO_ORIGIN

    @property
    def id(self) -> str:
        """``team/name``."""
        return f"{self.team}/{self.document.metadata.name}"

    def where(self, path: str) -> str:
        """Return the printed place of a field."""
        return self.origin.where(f"FederatedNetworkPolicy {self.document.metadata.name}", path)


class Finding(Struct, frozen=True):
    """Something to look at that is no error: a warning, in the form of an error.

    ``others`` are the ids of other policies without which it would not be found.
    """

    code: str
    where: str
    what: str
    remedy: str
    others: tuple[str, ...] = ()

    def diagnostics(self) -> str:
        """Return the printed form, on one line."""
        place = f" ({self.where})" if self.where else ""
        return f"Warning [{self.code}]{place} {self.what}. Try: {self.remedy}"


def some(names: Sequence[str], kind: str, limit: int = 3) -> str:
    """Return the first names, and how many more of the kind there are."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more {kind}"
