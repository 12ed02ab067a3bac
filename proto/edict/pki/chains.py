"""Certificates in a row: what an authority is, who issued whom, and whether a leaf leads to one that is believed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from edict.errors import IdentityError
from edict.pki.codes import Code
from edict.pki.names import UNREADABLE, uris_of


def split(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read PEM certificates, at least one and nothing beside them.

    Raises:
        IdentityError: EDICT0302.
    """
    found = read(pem)
    if b"".join(map(pem_of, found)).split() != pem.split():
        raise _unreadable("there is something beside certificates")
    return found


def read(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read PEM certificates, at least one, from a file of ours: comments may stand between them.

    Raises:
        IdentityError: EDICT0302.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE as error:
        raise _unreadable(str(error)) from None


def pem_of(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def name_of(certificate: x509.Certificate) -> str:
    """Return what people call an authority: its common name."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def trust_domain_of(certificate: x509.Certificate) -> str:
    """Return the trust domain of a certificate that is an authority of ours.

    Raises:
        IdentityError: EDICT0304 when it is none.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        key, uris = certificate.public_key(), uris_of(certificate)
    except (x509.ExtensionNotFound, *UNREADABLE):
        raise unusable("is no authority") from None
    if path_length(certificate) is None or not usage.key_cert_sign or not isinstance(key, ec.EllipticCurvePublicKey):
        raise unusable("is no authority of the kind that `edict` makes")
    match [uri.split("/") for uri in uris]:
        case [["spiffe:", "", domain]] if domain:
            return domain
    raise unusable("names no trust domain")


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names and addresses that a server's certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def path_length(certificate: x509.Certificate) -> int | None:
    """Return how many authorities may stand below an authority; None for what is none, or sets no limit."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return None
    return constraints.path_length if constraints.ca else None


def self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate was issued by itself."""
    return issued(certificate, certificate)


def issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Tell whether an authority issued a certificate: its name stands in it, and its key signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, *UNREADABLE):  # forged; a key that cannot sign; another issuer's name
        return False
    return True


def leads(
    leaf: x509.Certificate, between: Sequence[x509.Certificate], believed: Sequence[x509.Certificate], now: datetime
) -> bool:
    """Tell whether a client's leaf leads to an authority that is believed: at once, or by one authority below it.

    Args:
        leaf: valid at ``now``.
        between: what came with the leaf.
        believed: authorities; each of them may be a root or one below a root.
        now: for every date on the way.
    """
    policy = PolicyBuilder().store(Store(list(believed))).time(now).max_chain_depth(1)
    try:
        policy.build_client_verifier().verify(leaf, list(between))
    except (VerificationError, *UNREADABLE):
        return False
    return True


def unusable(why: str) -> IdentityError:
    """Return EDICT0304."""
    return IdentityError(
        Code.AUTHORITY, f"the CA certificate {why}", remedy="use the ca.crt and ca.key that `edict` made"
    )


def _unreadable(why: str) -> IdentityError:
    return IdentityError(Code.CERTIFICATE, f"the certificates cannot be read: {why}", remedy="make them again")
