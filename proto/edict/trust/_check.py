"""Checks on one metadata file: form, signatures, expiry. A failure is a TrustError that names the file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from edict.errors import TrustError
from edict.trust.codes import Code

MAX_METADATA_BYTES = 8 * 1024 * 1024
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


def place(role: str, version: int | str) -> str:
    """Return the place of a metadata file as every error names it: its key in the store."""
    return f"metadata/{role}/{version}"


def parse(role: str, data: bytes, kind: type[S]) -> Metadata[S]:
    """Read one metadata file of the given kind.

    Raises:
        TrustError: EDICT0201 when it is too large, is not TUF metadata, or is of another kind.
    """
    if len(data) > MAX_METADATA_BYTES:
        raise TrustError(
            Code.NOT_METADATA,
            f"it has {len(data)} bytes and at most {MAX_METADATA_BYTES} are read",
            where=place(role, "?"),
        )
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except (DeserializationError, RecursionError) as error:
        cause = error.__cause__ or error
        raise TrustError(
            Code.NOT_METADATA,
            f"it is not TUF metadata: {type(cause).__name__}: {cause}",
            where=place(role, "?"),
            remedy="publish again; if it stays, restore the store from a backup",
        ) from None
    if not isinstance(metadata.signed, kind):
        raise TrustError(
            Code.NOT_METADATA, f"it is {metadata.signed.type} metadata, not {kind.type}", where=place(role, "?")
        )
    return metadata


def signatures(delegator: Root | Targets, role: str, metadata: Metadata[S]) -> None:
    """Check that the delegator's threshold of distinct keys signed a role's metadata.

    Raises:
        TrustError: EDICT0202 below the threshold; EDICT0203 when one public key hides under two key ids.
    """
    where = place(role, metadata.signed.version)
    try:
        result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    except ValueError as error:
        raise TrustError(Code.SIGNATURES, f"nobody delegates this role: {error}", where=where) from None
    public = {repr(sorted(key.keyval.items())) for key in result.signed.values()}
    if len(public) != len(result.signed):
        raise TrustError(Code.KEY_TWICE, "one public key signed under two key ids", where=where)
    if not result:
        raise TrustError(
            Code.SIGNATURES,
            f"{len(result.signed)} of the {result.threshold} signatures that it needs are good",
            where=where,
            remedy="have its authors sign it again; if nobody changed it, the store was tampered with",
        )


def unexpired(role: str, signed: Root | Timestamp | Snapshot | Targets, now: datetime | None) -> None:
    """Check that metadata has not expired; with ``now=None`` expiry is not judged.

    Raises:
        TrustError: EDICT0204.
    """
    if now is not None and signed.is_expired(now.astimezone(UTC)):
        raise TrustError(
            Code.EXPIRED,
            f"it expired at {signed.expires:%Y-%m-%dT%H:%M:%SZ}",
            where=place(role, signed.version),
            remedy="publish with `edict publish --refresh`, and check the clock of this machine",
        )


def described(role: str, data: bytes, meta: MetaFile) -> None:
    """Check bytes against the length and hashes that the role above gives.

    Raises:
        TrustError: EDICT0205.
    """
    try:
        meta.verify_length_and_hashes(data)
    except (LengthOrHashMismatchError, RepositoryError) as error:
        raise TrustError(
            Code.OTHER_BYTES,
            f"its bytes are not those that were signed for: {error}",
            where=place(role, meta.version),
            remedy="restore this key from a backup or publish again",
        ) from None


def missing(role: str, version: int) -> TrustError:
    """Return EDICT0208: a file that the release needs was neither sent nor held."""
    return TrustError(Code.MISSING, "it was not sent", where=place(role, version), remedy="ask the hub again")


def mixed(role: str, version: int, expected: int) -> TrustError:
    """Return EDICT0210: a file of one release stands in another."""
    return TrustError(
        Code.MIXED, f"version {version} stands where version {expected} was signed for", where=place(role, expected)
    )


def rollback(role: str, version: int, floor: int) -> TrustError:
    """Return EDICT0207: something older than what was already accepted."""
    return TrustError(
        Code.ROLLBACK,
        f"version {version} was offered and {floor} is the lowest that is accepted",
        where=place(role, version),
        remedy="if etcd was restored from a backup, run `edict hub recover`",
    )


def shape(role: str, version: int | str, why: str) -> TrustError:
    """Return EDICT0214: the metadata is well signed, and says something that this version does not accept."""
    return TrustError(Code.SHAPE, why, where=place(role, version), remedy="sign it with this version's `edict`")
