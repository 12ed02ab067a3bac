"""Reading the files that the configuration names: every failure has a code, and an exposed key is refused."""

from __future__ import annotations

from pathlib import Path

from edict.errors import HubError
from edict_hub.codes import Code


def read(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        HubError: EDICT0407.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def read_key(path: Path) -> bytes:
    """Return the bytes of a private key that only its owner may read.

    Raises:
        HubError: EDICT0407; EDICT0406 when others may read it.
    """
    try:
        exposed = path.stat().st_mode & 0o077
    except OSError as error:
        raise _unreadable(path, error) from None
    if exposed:
        raise HubError(
            Code.KEY_EXPOSED,
            "others than its owner may read this private key",
            where=str(path),
            remedy=f"chmod 600 {path}, and make a new key if others could have read it",
        )
    return read(path)


def _unreadable(path: Path, error: OSError) -> HubError:
    return HubError(
        Code.FILE_UNREADABLE,
        f"this file cannot be read: {error.strerror or error}",
        where=str(path),
        remedy="run `edict init`, or correct the path in the configuration",
    )
