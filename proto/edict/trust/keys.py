"""Keys in files: PKCS#8 PEM, encrypted with a passphrase where one is given; new ones are ed25519."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey

from edict.errors import TrustError
from edict.trust.codes import Code

OWNER_ONLY = 0o600
OTHERS = 0o077
"""The bits of a mode that let somebody else than the owner in."""
_MOST = 64 * 1024
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


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


def is_encrypted(path: Path) -> bool:
    """Return whether a key file needs a passphrase; of a file that cannot be read, no: `load_signer` names its fault.

    Raises:
        TrustError: EDICT0230 when others than its owner may read it.
    """
    return path.exists() and _read(path).startswith(_ENCRYPTED)


def load_signer(path: Path, passphrase: bytes | None, public: SSlibKey | None = None) -> Signer:
    """Read a private key: ed25519, ECDSA on P-256, P-384 or P-521, or RSA.

    Args:
        path: of the file.
        passphrase: None for a file that is not encrypted.
        public: the public half that signatures are to name; by default the key's own, under its default key id.

    Raises:
        TrustError: EDICT0230 when the file is missing, is no such key, is another key than `public`, others may read
            it, or the passphrase is missing or wrong.
    """
    data = _read(path)
    try:
        key = serialization.load_pem_private_key(data, password=passphrase)
    except TypeError:
        hint = "set EDICT_PASSPHRASE" if passphrase is None else "unset EDICT_PASSPHRASE: this key has none"
        raise _unusable(path, "the passphrase and the key do not go together", hint) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(path, "it is no private key, or the passphrase is wrong", "check EDICT_PASSPHRASE") from None
    try:
        return CryptoSigner(key, public)
    except KeyMismatchError:
        raise _unusable(path, "it is another key than the one on record", "put the right file there") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(
            path, "keys of this kind do not sign here", "use an ed25519 key, as `edict init` makes"
        ) from None


def _read(path: Path) -> bytes:
    """Return the bytes of a file that nobody else may read; what is judged is what is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _unusable(path, "it is no file", "name the file of a private key")
            if mode & OTHERS:
                raise _unusable(path, "others than its owner may read it", f"chmod 600 {path}")
            return os.read(descriptor, _MOST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error), "give the folder that `edict init` made") from None


def _unusable(path: Path, why: str, remedy: str) -> TrustError:
    return TrustError(Code.KEY_UNUSABLE, f"this key cannot be used: {why}", where=str(path), remedy=remedy)
