"""What our certificates say: P-256, one SPIFFE ID, and no more rights than their bearer needs."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

from edict.errors import IdentityError
from edict.ids import is_dns_label
from edict.pki.codes import Code

Dates = tuple[datetime, datetime]
"""When a certificate begins and ends."""
MAX_COMMON_NAME = 64


@dataclass(frozen=True)
class Signer:
    """An authority's name and key."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def named(what: str, trust_domain: str, key: ec.EllipticCurvePrivateKey) -> Signer:
    """Name an authority so that two of one trust domain can be told apart."""
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    text = f"Edict {what} {mark} {trust_domain}"[:MAX_COMMON_NAME]
    return Signer(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]), key)


def authority(own: Signer, issuer: Signer, trust_domain: str, dates: Dates, *, path_length: int) -> x509.Certificate:
    """Make the certificate of an authority; a root is its own issuer."""
    public = own.key.public_key()
    identity = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")
    return (
        _begun(own.name, issuer.name, public, dates)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def leaf(
    issuer: Signer,
    public: CertificatePublicKeyTypes,
    names: Sequence[x509.GeneralName],
    usage: ObjectIdentifier,
    dates: Dates,
) -> x509.Certificate:
    """Make the certificate of a hub, an agent or an operator; what it is stands in its alternative names alone."""
    return (
        _begun(x509.Name([]), issuer.name, public, dates)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def host(text: str) -> x509.GeneralName:
    """Return a DNS name or an address as an alternative name.

    Raises:
        IdentityError: EDICT0308 when it is neither.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not all(map(is_dns_label, text.lower().split("."))):
            raise IdentityError(
                Code.HOST, f"{text!r} is neither a DNS name nor an address", remedy="give names that agents dial"
            ) from None
        return x509.DNSName(text)


def _begun(
    subject: x509.Name, issuer: x509.Name, public: CertificatePublicKeyTypes, dates: Dates
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
