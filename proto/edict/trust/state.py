"""What has been verified: immutable, and kept as the signed bytes so that it can be verified again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from tuf.api.metadata import Targets

from edict.ids import Digest, Release
from edict.trust.custom import Custom
from edict.trust.limits import UNLIMITED, Limits

Kind: TypeAlias = Literal["FederatedNetworkPolicy", "ManagedCluster", "Waiver"]


@dataclass(frozen=True)
class Bundle:
    """Signed bytes as they arrive; nothing in it is believed. ``targets`` maps a role to its metadata."""

    roots: tuple[bytes, ...] = ()
    timestamp: bytes | None = None
    snapshot: bytes | None = None
    targets: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Floors:
    """Versions below which nothing is accepted any more; 0 before the first."""

    root: int = 0
    timestamp: int = 0
    snapshot: int = 0


@dataclass(frozen=True)
class Target:
    """One document as the metadata describes it; its bytes are elsewhere."""

    path: str
    role: str
    digest: Digest
    length: int
    kind: Kind
    team: str
    """The team of a policy; empty for a cluster and a waiver."""
    name: str
    custom: Custom
    limits: Limits = UNLIMITED
    """Of the role that signed it."""


@dataclass(frozen=True)
class Proof:
    """A targets role as it was verified: good again for the same bytes under the same delegator, and for no other."""

    data: bytes
    above: bytes
    """The delegator's metadata, whole: with it the keys, the threshold and the bins."""
    allowed: Limits
    version: int
    expires: datetime
    documents: Mapping[str, Target]
    signed: Targets | None
    """Its own delegations, of a role that has some."""


@dataclass(frozen=True)
class TrustState:
    """One verified release, complete. Made by :mod:`edict.trust.verify` alone."""

    root: bytes
    floors: Floors
    followed: tuple[bytes, ...] = ()
    """The roots that led from the pinned one to ``root``, oldest first, itself included; empty for the pinned one."""
    timestamp: bytes | None = None
    snapshot: bytes | None = None
    targets: Mapping[str, bytes] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    """Version of every targets role, ``targets`` included."""
    documents: Mapping[str, Target] = field(default_factory=dict)
    """Every target of the release by its path."""
    expires: datetime | None = None
    """When the snapshot expires, UTC."""
    proofs: Mapping[str, Proof] = field(default_factory=dict, compare=False, repr=False)
    """What need not be verified again while nothing of it changes."""

    @property
    def release(self) -> Release:
        """The number of the release, 0 before the first."""
        return Release(self.floors.snapshot if self.snapshot is not None else 0)

    @property
    def root_version(self) -> int:
        """Version of the trusted root."""
        return self.floors.root

    @property
    def timestamp_version(self) -> int:
        """Version of the trusted timestamp, 0 before the first."""
        return self.floors.timestamp if self.timestamp is not None else 0
