"""What one receipt is about, and how much of it fits into one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace

from edict.ids import Release
from edict.trust.receipts import PolicyReport

MAX_BODY = 40 * 1024
"""Bytes of reports in one receipt: base64 and the rest of the envelope stay below 64 KiB."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be said: the whole state at one moment."""

    release: Release
    dialect: str
    plugin_version: str
    policies: Mapping[str, PolicyReport]
    root_version: int = 0
    timestamp_version: int = 0
    snapshot_expires: datetime | None = None
    floor_lost: str = ""
    stale: bool = False
    """The release has expired: nothing that a receipt says, but a reason to sign one at once."""

    @property
    def about(self) -> tuple[object, ...]:
        """Everything but the policies: what is worth a receipt of its own."""
        versions = (self.root_version, self.timestamp_version, self.release)
        return *versions, self.snapshot_expires, self.stale, self.floor_lost, self.dialect, self.plugin_version


def fitted(report: PolicyReport) -> PolicyReport:
    """Return a report that fits into one receipt: first the reasons of its rules go, then the rules."""
    if _size(report) <= MAX_BODY:
        return report
    bare = replace(report, rules=tuple(replace(rule, reason="", remedy="") for rule in report.rules))
    return bare if _size(bare) <= MAX_BODY else replace(report, rules=(), reason=report.reason[:1024])


def prefix(reports: tuple[PolicyReport, ...]) -> tuple[PolicyReport, ...]:
    """Return as many reports as fit into one receipt."""
    total = 0
    for count, report in enumerate(reports):
        total += _size(report)
        if total > MAX_BODY:
            return reports[: max(count, 1)]
    return reports


def _size(report: PolicyReport) -> int:
    return len(msgspec.json.encode(report))
