"""What an audit says: one row for each cluster, what does not hold, and the state as of a time."""

from __future__ import annotations

from datetime import datetime

import msgspec

from edict.policy.fidelity import RuleFidelity
from edict.trust.audit.findings import Finding
from edict.trust.receipts import PolicyState


class KeyChange(msgspec.Struct, frozen=True, rename="camel"):
    """From which receipt on a cluster signed with a key. ``pinned`` is the first release that has it."""

    fingerprint: str
    sequence: int
    pinned: int


class ClusterReport(msgspec.Struct, frozen=True, rename="camel"):
    """The chain of one cluster, from the first receipt of the export to the last.

    Attributes:
        receipts: that the export has.
        verified: of them, those whose signature, key and place in the chain hold.
        first: sequence of the first that was verified; 0 where none was.
        last: of the last one; ``head`` is its digest.
        missing: spans of sequences that the export does not have, each with both ends.
        early: signed before their key was pinned; an author pinned it later.
        stale: signed after their release had expired, by the cluster's clock.
        clock_back: signed with a time before that of the receipt before.
        silences: spans between two receipts that are longer than a cluster is ever silent while its agent runs.
        longest_silence: seconds of the longest of them.
        floor_lost: signed while the cluster did not know what it had verified before.
        findings: how many concern this cluster.
    """

    cluster: str
    receipts: int
    verified: int
    first: int
    last: int
    head: str
    first_release: int
    last_release: int
    first_time: datetime | None
    last_time: datetime | None
    missing: tuple[tuple[int, int], ...]
    keys: tuple[KeyChange, ...]
    early: int
    stale: int
    clock_back: int
    silences: int
    longest_silence: int
    floor_lost: int
    findings: int


class PolicyAt(msgspec.Struct, frozen=True, rename="camel"):
    """One policy on one cluster as of a time. ``sequence`` and ``receipt`` name what says so."""

    policy: str
    state: PolicyState
    document: str = ""
    code: str = ""
    reason: str = ""
    rules: tuple[RuleFidelity, ...] = ()
    sequence: int = 0
    receipt: str = ""


class ClusterAt(msgspec.Struct, frozen=True, rename="camel"):
    """One cluster as of a time: its newest receipt by then, and every policy of its release."""

    cluster: str
    release: int = 0
    sequence: int = 0
    receipt: str = ""
    signed_at: datetime | None = None
    stale: bool = False
    reason: str = ""
    policies: tuple[PolicyAt, ...] = ()


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """The whole judgement.

    Attributes:
        root: digest of the trust root that everything was verified from.
        since: the release that the export begins with; 0 is everything.
        only: the clusters that the export was restricted to; empty is none.
        releases: how many verified; ``first_release`` and ``last_release`` are its ends.
        omitted: findings beyond those that are listed.
    """

    root: str
    since: int
    only: tuple[str, ...]
    releases: int
    first_release: int
    last_release: int
    clusters: tuple[ClusterReport, ...]
    findings: tuple[Finding, ...]
    omitted: int = 0
    at: datetime | None = None
    states: tuple[ClusterAt, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings and not self.omitted
