"""Reading our own stored TUF metadata; what the hub sends is read by :mod:`edict.trust` alone."""

from __future__ import annotations

from typing import Any, TypeVar

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from edict.errors import UsageError
from edict.trust.roles import ROOT
from edict_cli.codes import Code

S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


def signed(data: bytes, kind: type[S], where: str) -> S:
    """Read the signed part of a metadata file; signatures are not judged here.

    Raises:
        UsageError: EDICT0605 when it is no metadata of that kind.
    """
    try:
        found: Any = Metadata.from_bytes(data).signed
    except (DeserializationError, RecursionError) as error:
        raise _damaged(where, f"it is not TUF metadata ({type(error.__cause__ or error).__name__})") from None
    if not isinstance(found, kind):
        raise _damaged(where, f"it is {found.type} metadata, not {kind.type}")
    return found


def version_of(role: str, data: bytes) -> int:
    """Return the version that the metadata of the root or a targets role gives itself."""
    version: int = (signed(data, Root, role) if role == ROOT else signed(data, Targets, role)).version
    return version


def digests_of(role: str, data: bytes) -> dict[str, str]:
    """Return the digest of every document that a role names, by its path."""
    return {path: entry.hashes.get("sha256", "") for path, entry in signed(data, Targets, role).targets.items()}


def _damaged(where: str, why: str) -> UsageError:
    return UsageError(
        Code.WORKSPACE_DAMAGED,
        f"a stored file is damaged: {why}",
        where=where,
        remedy="restore the workspace from a backup",
    )
