"""Reading stored metadata without believing it: just enough to find the keys that a release is made of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from edict.errors import HubError
from edict_hub.codes import Code

MAX_VERSION = 2**63 - 1
"""What lies beyond does not fit the protocol, and no agent takes it."""
MAX_DIGITS = 20
DIGEST = re.compile(r"[0-9a-f]{64}")
"""What a document's key is made of. What has another form names none, and could be more than etcd is to be asked."""
Number = Annotated[int, Meta(ge=1)]
"""A version; :func:`_bounded` holds it to the greatest, which is more than msgspec's own bounds can say."""


class _Version(msgspec.Struct, frozen=True):
    version: Number


class _Signed(msgspec.Struct, frozen=True):
    version: Number
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    meta: dict[str, _Version] = {}
    targets: dict[str, _Target] = {}


class _Target(msgspec.Struct, frozen=True):
    hashes: dict[str, str] = {}


class _File(msgspec.Struct, frozen=True):
    signed: _Signed


def version_of(content: bytes, where: str) -> int:
    """Return the version that a metadata file gives itself.

    Raises:
        HubError: EDICT0440 with the key.
    """
    return _bounded(_read(content, where).version, where)


def expiry_of(content: bytes, where: str) -> datetime | None:
    """Return when a metadata file says that it expires, UTC.

    Raises:
        HubError: EDICT0440 with the key.
    """
    return _read(content, where).expires


def described(content: bytes, where: str) -> dict[str, int]:
    """Return the versions that a timestamp or a snapshot names, by role.

    Raises:
        HubError: EDICT0440 with the key.
    """
    return {
        name.removesuffix(".json"): _bounded(meta.version, where) for name, meta in _read(content, where).meta.items()
    }


def digests_in(content: bytes, where: str) -> set[str]:
    """Return the digests of the documents that a targets file names; of a file that cannot be read, none."""
    try:
        targets = _read(content, where).targets
    except HubError:
        return set()
    digests = {target.hashes.get("sha256", "") for target in targets.values()}
    return {digest for digest in digests if DIGEST.fullmatch(digest)}


def _read(content: bytes, where: str) -> _Signed:
    try:
        return msgspec.json.decode(content, type=_File).signed
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _damaged(str(error), where) from None


def _bounded(version: int, where: str) -> int:
    if version > MAX_VERSION:
        raise _damaged("it has a version that nobody counts to", where)
    return version


def _damaged(why: str, where: str) -> HubError:
    return HubError(
        Code.KEY_DAMAGED,
        f"this is not the metadata that belongs here: {why}",
        where=where,
        remedy="restore this key from a backup, publish again, or bring it back with `edict hub recover`",
    )
