"""What is kept: a verified release with its documents, what of it stands, and the head of the receipt chain."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from edict.ids import Digest
from edict.trust import verify
from edict.trust.state import Floors, TrustState

T = TypeVar("T")
_EMPTY: Mapping[str, Digest] = {}


class Verified(msgspec.Struct, frozen=True):
    """One verified release as its signed bytes, and the documents that this cluster needs by digest.

    Attributes:
        roots: those that led from the pinned root to the one under which the release was accepted.
        later: those that were followed since, without a release.
        floors: of root, timestamp and snapshot when the release was accepted.
    """

    roots: tuple[bytes, ...]
    later: tuple[bytes, ...]
    timestamp: bytes | None
    snapshot: bytes | None
    targets: dict[str, bytes]
    floors: tuple[int, int, int]
    blobs: dict[Digest, bytes]
    at: datetime

    @classmethod
    def of(cls, accepted: TrustState, trusted: TrustState, blobs: Mapping[Digest, bytes], at: datetime) -> Verified:
        """Take apart the state of the accepted release, and the one that is trusted now: the same, or further on."""
        return cls(
            roots=accepted.followed,
            later=trusted.followed[len(accepted.followed) :],
            timestamp=accepted.timestamp,
            snapshot=accepted.snapshot,
            targets=dict(accepted.targets),
            floors=(accepted.floors.root, accepted.floors.timestamp, accepted.floors.snapshot),
            blobs=dict(blobs),
            at=at,
        )

    def restore(self, root: bytes) -> tuple[TrustState, TrustState]:
        """Verify it again from the pinned root; return the accepted state and the one that is trusted now.

        Raises:
            TrustError: EDICT02xx when it does not verify.
        """
        accepted = verify.restore(
            root=root,
            roots=self.roots,
            timestamp=self.timestamp,
            snapshot=self.snapshot,
            targets=self.targets,
            floors=Floors(*self.floors),
        )
        return accepted, verify.follow(accepted, self.later)


class ReceiptHead(msgspec.Struct, frozen=True):
    """Where the chain stands.

    Attributes:
        sequence: of the newest receipt made; 0 before the first.
        digest: of its envelope.
        unacked: (sequence, envelope) of what the hub has not confirmed, oldest first.
    """

    sequence: int = 0
    digest: str = ""
    unacked: tuple[tuple[int, bytes], ...] = ()


class Head(msgspec.Struct, frozen=True):
    """The small part, flipped last.

    Attributes:
        generation: which of the two sets of Secrets counts, ``a`` or ``b``; empty before the first release.
        chunks: how many Secrets it has.
        sha256: digest of their joined content.
        applied: digest of the document that stands, by policy id.
        receipts: the head of the chain.
        floor_lost: when the floors were lost; empty when they were not, or when an author cleared it.
        ended: digests of the release's waivers that have ended here.
    """

    generation: str = ""
    chunks: int = 0
    sha256: str = ""
    applied: Mapping[str, Digest] = msgspec.field(default_factory=lambda: _EMPTY)
    receipts: ReceiptHead = ReceiptHead()
    floor_lost: str = ""
    ended: tuple[Digest, ...] = ()


def pack(value: msgspec.Struct) -> bytes:
    """Return compressed bytes."""
    return zlib.compress(msgspec.msgpack.encode(value))


def unpack_verified(data: bytes) -> Verified:
    """Read what `pack` wrote.

    Raises:
        ValueError: it is not that.
    """
    return _unpack(data, Verified)


def unpack_head(data: bytes) -> Head:
    """Read what `pack` wrote.

    Raises:
        ValueError: it is not that.
    """
    return _unpack(data, Head)


def _unpack(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=kind)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from None
