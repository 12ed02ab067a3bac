"""Reading and writing files: a write is all or nothing, and every failure has a code and names the file."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from edict.errors import UsageError
from edict_cli.codes import Code

MOST = 256 * 1024 * 1024
"""Bytes that are read of one file: a device has no end."""
PRIVATE = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700


def read(path: Path, *, remedy: str = "") -> bytes:
    """Return a file's bytes.

    Raises:
        UsageError: EDICT0603.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(MOST + 1)
    except OSError as error:
        raise unusable(path, error, remedy) from None
    if len(data) > MOST:
        raise UsageError(
            Code.FILE, f"the file has more than {MOST} bytes", where=str(path), remedy=remedy or "split it"
        )
    return data


def read_private(path: Path) -> bytes:
    """Return the bytes of a private key that only its owner may read.

    Raises:
        UsageError: EDICT0603; EDICT0620 when others may read it.
    """
    try:
        exposed = path.stat().st_mode & 0o077
    except OSError as error:
        raise unusable(path, error) from None
    if exposed:
        raise UsageError(
            Code.KEY_EXPOSED,
            "others than its owner may read this private key",
            where=str(path),
            remedy=f"chmod 600 {path}, and make a new key if others could have read it",
        )
    return read(path)


def write(path: Path, data: bytes, *, mode: int = PUBLIC) -> None:
    """Put a file in place whole: a reader, or a crash, meets the old content or the new one.

    Raises:
        UsageError: EDICT0603.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise unusable(path, error) from None


def remove(path: Path) -> None:
    """Take a file away; one that is not there is no error.

    Raises:
        UsageError: EDICT0603.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(path, error) from None


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder and those above it.

    Raises:
        UsageError: EDICT0603.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: OSError, remedy: str = "") -> UsageError:
    """Return EDICT0603 for a file."""
    why = (error.strerror or str(error)).lower()
    return UsageError(
        Code.FILE, f"this file cannot be used: {why}", where=str(path), remedy=remedy or "check the path and its rights"
    )
