"""Private keys and certificate requests. The key never leaves the process that made it."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from edict.errors import IdentityError
from edict.pki.codes import Code
from edict.pki.names import UNREADABLE


def new_private_key() -> bytes:
    """Make an EC P-256 key; PKCS#8 PEM without a passphrase."""
    return encrypted(ec.generate_private_key(ec.SECP256R1()), None)


def encrypted(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    """Return a key as PKCS#8 PEM, encrypted where there is a passphrase."""
    how: serialization.KeySerializationEncryption = (
        serialization.NoEncryption() if passphrase is None else serialization.BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def load_private_key(
    key_pem: bytes, passphrase: bytes | None = None, *, where: str = "", remedy: str = "enrol again"
) -> ec.EllipticCurvePrivateKey:
    """Read an EC key from PEM; ``where`` it is, and the ``remedy`` when it is none, are for the error.

    Raises:
        IdentityError: EDICT0303 when it is not one, or the passphrase is not its own.
    """
    try:
        key = serialization.load_pem_private_key(key_pem, password=passphrase)
    except (TypeError, *UNREADABLE) as error:
        raise IdentityError(
            Code.PRIVATE_KEY, f"the private key cannot be read: {error}", where=where, remedy=remedy
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError(Code.PRIVATE_KEY, "the private key is not an EC key", where=where, remedy=remedy)
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


def public_key_of(csr_pem: bytes) -> CertificatePublicKeyTypes:
    """Return the key that a request names, which nothing proves yet. Raises IdentityError EDICT0305 for no request."""
    try:
        return x509.load_pem_x509_csr(csr_pem).public_key()
    except UNREADABLE as error:
        raise unreadable_request(error) from None


def unreadable_request(error: Exception) -> IdentityError:
    """Return EDICT0305."""
    return IdentityError(Code.REQUEST, f"the certificate request cannot be read: {error}", remedy="enrol again")


def not_before(certificate_pem: bytes) -> datetime:
    """Return when the (first) certificate begins, UTC. Raises IdentityError EDICT0302 when it cannot be read."""
    return _certificate(certificate_pem).not_valid_before_utc


def not_after(certificate_pem: bytes) -> datetime:
    """Return when the (first) certificate ends, UTC. Raises IdentityError EDICT0302 when it cannot be read."""
    return _certificate(certificate_pem).not_valid_after_utc


def _certificate(certificate_pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate_pem)
    except UNREADABLE as error:
        raise IdentityError(
            Code.CERTIFICATE, f"the certificate cannot be read: {error}", remedy="enrol again"
        ) from None
