"""Which public keys may sign here: those that every agent can verify, and of which two spellings are told to be one."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import (
    ECDSA_SHA2_NISTP256,
    ECDSA_SHA2_NISTP384,
    ECDSA_SHA2_NISTP521,
    ED25519,
    KEY_TYPE_ECDSA,
    KEY_TYPE_ED25519,
    KEY_TYPE_RSA,
    RSA_PKCS1V15_SHA256,
    RSA_PKCS1V15_SHA384,
    RSA_PKCS1V15_SHA512,
    RSASSA_PSS_SHA256,
    RSASSA_PSS_SHA384,
    RSASSA_PSS_SHA512,
    Key,
)

from edict.errors import TrustError
from edict.trust._check import clipped, material
from edict.trust.codes import Code

RSA_BITS = 2048
"""The shortest RSA key that may sign."""
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    ECDSA_SHA2_NISTP256: ec.SECP256R1,
    ECDSA_SHA2_NISTP384: ec.SECP384R1,
    ECDSA_SHA2_NISTP521: ec.SECP521R1,
}
_RSA = frozenset(
    {
        RSASSA_PSS_SHA256,
        RSASSA_PSS_SHA384,
        RSASSA_PSS_SHA512,
        RSA_PKCS1V15_SHA256,
        RSA_PKCS1V15_SHA384,
        RSA_PKCS1V15_SHA512,
    }
)


def accepted(key: Key, *, where: str) -> bytes:
    """Return the one form of a public key that all its spellings share.

    Raises:
        TrustError: EDICT0232 for a kind that may not sign, and for a key that is not what its kind says.
    """
    try:
        why = _fault(key)
        form = b"" if why else material(key)
    except (TrustError, ValueError, UnsupportedAlgorithm):
        why, form = "it cannot be read", b""
    if why:
        raise TrustError(
            Code.KEY_KIND,
            f"the key {clipped(key.keyid)} may not sign: {why}",
            where=clipped(where),
            remedy=f"use ed25519, ECDSA on P-256, P-384 or P-521, or RSA of at least {RSA_BITS} bits",
        )
    return form


def _fault(key: Key) -> str:
    """Return what is wrong with a key; nothing when it may sign."""
    public = str(key.keyval.get("public", ""))
    if (key.keytype, key.scheme) == (KEY_TYPE_ED25519, ED25519):
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        return ""
    if key.keytype == KEY_TYPE_ECDSA and key.scheme in _CURVES:
        loaded = load_pem_public_key(public.encode())
        fits = isinstance(loaded, ec.EllipticCurvePublicKey) and isinstance(loaded.curve, _CURVES[key.scheme])
        return "" if fits else f"it is not a key for {key.scheme}"
    if key.keytype == KEY_TYPE_RSA and key.scheme in _RSA:
        loaded = load_pem_public_key(public.encode())
        if not isinstance(loaded, rsa.RSAPublicKey):
            return f"it is not a key for {key.scheme}"
        return "" if loaded.key_size >= RSA_BITS else f"it has {loaded.key_size} bits"
    return clipped(f"{key.keytype}/{key.scheme} is a kind that is not accepted")
