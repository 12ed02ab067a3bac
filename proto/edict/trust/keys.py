"""Authors' keys in files: ed25519, PKCS#8 PEM, encrypted with a passphrase where one is given."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer

from edict.errors import TrustError
from edict.trust.codes import Code

OWNER_ONLY = 0o600


def generate(path: Path, passphrase: bytes | None) -> Signer:
    """Make a key in a new file that only its owner reads.

    Raises:
        TrustError: EDICT0231 when the file is already there: a key is never overwritten.
    """
    if passphrase is not None and not passphrase:
        raise _unusable(path, "the passphrase is empty", "set EDICT_PASSPHRASE to one, or say --no-passphrase")
    key = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    except FileExistsError:
        raise TrustError(
            Code.KEY_EXISTS, "a key is already there", where=str(path), remedy="choose another folder"
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return CryptoSigner(key)


def load_signer(path: Path, passphrase: bytes | None) -> Signer:
    """Read a private key.

    Raises:
        TrustError: EDICT0230 when the file is missing, is no such key, others may read it, or the passphrase is
            missing or wrong.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise _unusable(path, "others than its owner may read it", f"chmod 600 {path}")
        data = path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error), "give the folder that `edict init` made") from None
    try:
        key = serialization.load_pem_private_key(data, password=passphrase)
    except TypeError:
        hint = "set EDICT_PASSPHRASE" if passphrase is None else "unset EDICT_PASSPHRASE: this key has none"
        raise _unusable(path, "the passphrase and the key do not go together", hint) from None
    except ValueError:
        raise _unusable(path, "it is no private key, or the passphrase is wrong", "check EDICT_PASSPHRASE") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path, "it is not an ed25519 key", "use a key that `edict init` made")
    return CryptoSigner(key)


def _unusable(path: Path, why: str, remedy: str) -> TrustError:
    return TrustError(Code.KEY_UNUSABLE, f"this key cannot be used: {why}", where=str(path), remedy=remedy)
