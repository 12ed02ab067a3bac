"""Private keys and certificate requests. The key never leaves the process that made it."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edict.errors import IdentityError
from edict.pki.codes import Code


def new_private_key() -> bytes:
    """Make an EC P-256 key; PKCS#8 PEM without a passphrase."""
    return encrypted(ec.generate_private_key(ec.SECP256R1()), None)


def encrypted(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    """Return a key as PKCS#8 PEM, encrypted where there is a passphrase."""
    how: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def load_private_key(key_pem: bytes, passphrase: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """Read an EC key from PEM.

    Raises:
        IdentityError: EDICT0303 when it is not one, or the passphrase is not its own.
    """
    try:
        key = serialization.load_pem_private_key(key_pem, password=passphrase)
    except (ValueError, TypeError) as error:
        raise IdentityError(
            Code.PRIVATE_KEY, f"the private key cannot be read: {error}", remedy="enrol again"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError(Code.PRIVATE_KEY, "the private key is not an EC key", remedy="enrol again")
    return key


def make_csr(key_pem: bytes, spiffe_id: str) -> bytes:
    """Make a PKCS#10 request, PEM, whose one SAN is the SPIFFE ID."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)]), critical=True)
        .sign(load_private_key(key_pem), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def not_before(certificate_pem: bytes) -> datetime:
    """Return when the (first) certificate begins, UTC. Raises IdentityError EDICT0302 when it cannot be read."""
    return _certificate(certificate_pem).not_valid_before_utc


def not_after(certificate_pem: bytes) -> datetime:
    """Return when the (first) certificate ends, UTC. Raises IdentityError EDICT0302 when it cannot be read."""
    return _certificate(certificate_pem).not_valid_after_utc


def _certificate(certificate_pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise IdentityError(
            Code.CERTIFICATE, f"the certificate cannot be read: {error}", remedy="enrol again"
        ) from None
