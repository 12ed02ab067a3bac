"""Checks on one metadata file: form, signatures, expiry. A failure is a TrustError that names the file."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.signer import Key, SSlibKey
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from edict.errors import TrustError, printable
from edict.trust.codes import Code

MAX_METADATA_BYTES = {"root": 512 * 1024, "timestamp": 16 * 1024}
"""Limits of what is parsed before anything vouches for its length."""
MAX_OTHER_BYTES = 8 * 1024 * 1024
LEAST_BYTES_OF_A_PART = 20
"""Of a large snapshot, on average: a part stands behind a comma or in a bracket. A hub alone can vouch for its bytes,
and a parser makes 50 times as much of the smallest parts: 8 MiB would end an agent. Edict's have 27 and more."""
MAX_VERSION = 2**63 - 1
"""What is above fits no receipt and no export, and soon neither the protocol nor an agent's own store."""
SHA256 = re.compile(r"[0-9a-f]{64}")
UNREADABLE = (RepositoryError, RecursionError, ValueError, TypeError)
"""What python-tuf raises on bytes that are no metadata, and on what has no canonical form."""
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


def place(role: str, version: int | str) -> str:
    """Return the place of a metadata file as every error names it: its key in the store."""
    return f"metadata/{role}/{version}"


def parse(role: str, data: bytes, kind: type[S]) -> Metadata[S]:
    """Read one metadata file of the given kind.

    Raises:
        TrustError: EDICT0201 when it is too large or of too many parts, is not TUF metadata, or is of another kind;
            EDICT0214 when nobody counts to its version.
    """
    most = MAX_METADATA_BYTES.get(role, MAX_OTHER_BYTES)
    if len(data) > most:
        raise TrustError(
            Code.NOT_METADATA, f"it has {len(data)} bytes and at most {most} are read", where=place(role, "?")
        )
    if role == Snapshot.type and sum(map(data.count, b",[{")) > 2000 + len(data) // LEAST_BYTES_OF_A_PART:
        raise TrustError(Code.NOT_METADATA, "it has more parts than a snapshot of its length", where=place(role, "?"))
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except UNREADABLE as error:
        raise _unreadable(role, error) from None
    if not isinstance(metadata.signed, kind):
        raise TrustError(
            Code.NOT_METADATA, f"it is {metadata.signed.type} metadata, not {kind.type}", where=place(role, "?")
        )
    if metadata.signed.version > MAX_VERSION:
        raise shape(role, "?", f"its version is above {MAX_VERSION}")
    return metadata


def signatures(delegator: Root | Targets, role: str, metadata: Metadata[S]) -> None:
    """Check that the delegator's threshold of distinct keys signed a role's metadata.

    Raises:
        TrustError: EDICT0202 below the threshold; EDICT0203 when one public key hides under two key ids; EDICT0214 when
            the delegator names a key of a kind that nobody here reads.
    """
    where = place(role, metadata.signed.version)
    try:
        payload = metadata.signed_bytes
    except UNREADABLE as error:  # what has no canonical form (a float, half a surrogate) cannot have been signed
        raise _unreadable(role, error) from None
    try:
        _readable(delegator, role)
        result = delegator.get_verification_result(role, payload, metadata.signatures)
    except ValueError as error:
        raise TrustError(Code.SIGNATURES, f"nobody delegates this role: {error}", where=where) from None
    public = {material(key) for key in result.signed.values()}
    if len(public) != len(result.signed):
        raise TrustError(Code.KEY_TWICE, "one public key signed under two key ids", where=where)
    if not result:
        raise TrustError(
            Code.SIGNATURES,
            f"{len(result.signed)} of the {result.threshold} signatures that it needs are good",
            where=where,
            remedy="have its authors sign it again; if nobody changed it, the store was tampered with",
        )


def unexpired(role: str, version: int, expires: datetime, now: datetime | None) -> None:
    """Check that metadata has not expired; with ``now=None`` expiry is not judged.

    Raises:
        TrustError: EDICT0204.
    """
    if now is not None and now.astimezone(UTC) >= expires:
        raise TrustError(
            Code.EXPIRED,
            f"it expired at {expires:%Y-%m-%dT%H:%M:%SZ}",
            where=place(role, version),
            remedy="publish with `edict publish --refresh`, and check the clock of this machine",
        )


def complete(role: str, meta: MetaFile) -> None:
    """Check that the role above gives a length and exactly the SHA-256: one number may not have two contents.

    Raises:
        TrustError: EDICT0214.
    """
    if meta.length is None or set(meta.hashes or {}) != {"sha256"}:
        raise shape(role, meta.version, "the role above gives no length, or not exactly its SHA-256")


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


def material(key: Key) -> bytes:
    """Return a public key in the one form that two spellings of it share.

    Raises:
        TrustError: EDICT0214 when it is of a kind that cannot be told apart.
    """
    public = str(key.keyval.get("public", ""))
    try:
        if key.keytype == "ed25519":
            return bytes.fromhex(public)
        return load_pem_public_key(public.encode()).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise shape("root", "?", f"the public key {key.keyid} cannot be read") from None


def _readable(delegator: Root | Targets, role: str) -> None:
    """Refuse OpenPGP keys: what verifies them fails in ways of its own on a key that is none."""
    for keyid in delegator.get_delegated_role(role).keyids:
        with suppress(ValueError):  # an id without a key is none
            if not isinstance(delegator.get_key(keyid), SSlibKey):
                raise shape(role, "?", f"the key {clipped(keyid)} that is to sign it is of a kind that is not accepted")


def clipped(error: object) -> str:
    """Return what somebody else's bytes made an error say, on one short line."""
    return printable(str(error)[:200])


def _unreadable(role: str, error: Exception) -> TrustError:
    cause = error.__cause__ or error
    return TrustError(
        Code.NOT_METADATA,
        f"it is not TUF metadata: {type(cause).__name__}: {clipped(cause)}",
        where=place(role, "?"),
        remedy="publish again; if it stays, restore the store from a backup",
    )


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
        remedy="if etcd was restored from a backup, `edict hub recover` brings the hub back to the newest release",
    )


def shape(role: str, version: int | str, why: str) -> TrustError:
    """Return EDICT0214: the metadata is well signed, and says something that this version does not accept."""
    return TrustError(Code.SHAPE, why, where=place(role, version), remedy="sign it with this version's `edict`")


def split(role: str, version: int) -> TrustError:
    """Return EDICT0209: one version, two contents."""
    return TrustError(
        Code.SPLIT_VIEW,
        "two different contents carry this version: the hub says different things to different clusters",
        where=place(role, version),
        remedy="compare `edict status` of the clusters; where nobody published twice, treat the hub as stolen",
    )
