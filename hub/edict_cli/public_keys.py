"""Public keys as authors give them to each other: PEM files, one key each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.signer import Key, SSlibKey

from edict.errors import UsageError
from edict.trust.kinds import accepted
from edict_cli.codes import Code
from edict_cli.store import files


def read(path: Path) -> Key:
    """Read a public key.

    Raises:
        UsageError: EDICT0603; EDICT0636 when the file holds no public key.
        TrustError: EDICT0232 for a kind that may not sign.
    """
    try:
        key = SSlibKey.from_crypto(load_pem_public_key(files.read(path)))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(
            Code.KEY,
            "this is no public key",
            where=str(path),
            remedy="give what `edict trust key ROLE` printed: a PEM file that begins with BEGIN PUBLIC KEY",
        ) from None
    accepted(key, where=str(path))
    return key


def by_role(pairs: Iterable[str]) -> dict[str, tuple[Key, ...]]:
    """Read ``ROLE=FILE`` pairs.

    Raises:
        UsageError: EDICT0601, and what `read` raises.
    """
    found: dict[str, tuple[Key, ...]] = {}
    for pair in pairs:
        role, separator, path = pair.partition("=")
        if not separator or not path:
            raise UsageError(
                Code.COMMAND_LINE, f"{pair!r} is not ROLE=FILE", where="--key", remedy="write root=ada.pub"
            )
        found[role] = (*found.get(role, ()), read(Path(path)))
    return found


def pem(key: Key) -> bytes:
    """Return a public key as PEM."""
    public = str(key.keyval["public"])
    if key.keytype != "ed25519":
        return public.encode()
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
