"""What `edict audit verify` is given on the command line: a trust root, heads of clusters, a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from edict.errors import TrustError, UsageError
from edict.trust.audit.chain import Head
from edict.trust.audit.history import Trusted
from edict_cli import arguments
from edict_cli.codes import Code
from edict_cli.store import files

_HEAD = re.compile(r"([^=]+)=([1-9][0-9]{0,17}):([0-9a-f]{64})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def trusted(root: Path | None, sha256: str | None) -> Trusted:
    """Return the trust root that was given: a file, or a digest.

    Raises:
        UsageError: EDICT0601 or 0603.
        TrustError: EDICT0201 or 0202 when the file is no root.
    """
    if (root is None) == (sha256 is None):
        raise UsageError(
            Code.COMMAND_LINE,
            "the trust root is given twice" if root else "no trust root is given",
            where="--root, --root-sha256",
            remedy="give --root root.json, or its digest with --root-sha256",
        )
    if root is not None:
        return _trusted_file(root)
    if sha256 is None or _SHA256.fullmatch(sha256) is None:
        raise UsageError(
            Code.COMMAND_LINE, "this is no SHA-256", where="--root-sha256", remedy="write 64 of 0-9 and a-f"
        )
    return Trusted(sha256)


def _trusted_file(root: Path) -> Trusted:
    try:
        return Trusted.file(files.read(root))
    except TrustError as error:
        number, remedy = int(error.code.removeprefix("EDICT")), "give the root.json that the authors handed out"
        raise TrustError(number, f"this is no trust root: {error.what}", where=str(root), remedy=remedy) from None


def head(text: str) -> tuple[str, Head]:
    """Read ``CLUSTER=SEQUENCE:SHA256``.

    Raises:
        UsageError: EDICT0601, or 0619 for the name.
    """
    found = _HEAD.fullmatch(text)
    if found is None:
        raise UsageError(
            Code.COMMAND_LINE,
            f"{text!r} is no head of a cluster",
            where="--head",
            remedy="write CLUSTER=SEQUENCE:SHA256, with what stands under receipt-head in the cluster's ConfigMap",
        )
    return arguments.cluster_name(found[1]), Head(int(found[2]), found[3])


def moment(text: str) -> datetime:
    """Read a time with a zone; returns it in UTC.

    Raises:
        UsageError: EDICT0601.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(
            Code.COMMAND_LINE,
            f"{text!r} is no time with a zone",
            where="--at",
            remedy="write it like 2026-05-01T12:00Z",
        )
    return found.astimezone(UTC)
