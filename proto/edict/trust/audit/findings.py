"""What does not hold, and where: one entry for a span of receipts that share a reason."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from edict.errors import TrustError
from edict.trust.codes import Code

MOST = 10_000
"""Findings that are kept; of more only the number is known, so that no file fills the memory."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that does not hold.

    Attributes:
        code: ``EDICT02xx``.
        what: one sentence.
        where: the place: ``receipts/fra1/7-9``, ``metadata/inventory/4``, ``blobs/<sha256>``.
        cluster: whose evidence it touches; empty where it touches everybody's.
        first: the first receipt of a span; 0 where it is not about receipts.
        last: the last one.
    """

    code: str
    what: str
    where: str
    cluster: str = ""
    first: int = 0
    last: int = 0


class Findings:
    """Collects what does not hold."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self.omitted = 0

    def add(self, code: Code, what: str, where: str) -> None:
        """Add what is not about one cluster's receipts."""
        self._keep(Finding(f"EDICT{code:04d}", what, where))

    def failed(self, error: TrustError) -> None:
        """Add what a verification raised."""
        self._keep(Finding(error.code, error.what, error.where))

    def about(self, cluster: str, code: Code | str, what: str, first: int, last: int | None = None) -> None:
        """Add what is about receipts of a cluster; a span grows while code and words stay the same."""
        named = code if isinstance(code, str) else f"EDICT{code:04d}"
        end = first if last is None else last
        for index, before in enumerate(self.all[-4:], max(0, len(self.all) - 4)):
            if (before.cluster, before.code, before.what) == (cluster, named, what) and before.last + 1 == first:
                self.all[index] = replace(before, last=end, where=_place(cluster, before.first, end))
                return
        self._keep(Finding(named, what, _place(cluster, first, end), cluster, first, end))

    def of(self, cluster: str) -> Iterable[Finding]:
        """Return what is about one cluster."""
        return (finding for finding in self.all if finding.cluster == cluster)

    def _keep(self, finding: Finding) -> None:
        if len(self.all) < MOST:
            self.all.append(finding)
        else:
            self.omitted += 1


def _place(cluster: str, first: int, last: int) -> str:
    if not first:
        return f"receipts/{cluster}"
    return f"receipts/{cluster}/{first}" + (f"-{last}" if last != first else "")
