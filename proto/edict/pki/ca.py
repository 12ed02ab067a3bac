"""The hub's certificate authority: one EC root, short-lived leaves. It can name clusters, never policy."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from edict.errors import IdentityError
from edict.ids import ClusterName, is_dns_label
from edict.pki.codes import Code
from edict.pki.csr import load_private_key, new_private_key
from edict.pki.names import Role, cluster_id, hub_id, operator_id, parse_identity, uris_of

CA_LIFETIME = timedelta(days=3650)
AGENT_LIFETIME = timedelta(hours=24)
OPERATOR_LIFETIME = timedelta(days=30)
HUB_LIFETIME = timedelta(days=90)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
BACKDATE = timedelta(minutes=5)
"""Every leaf begins this much before now, for clocks that are slow."""


class CertificateAuthority:
    """Issues certificates of one trust domain."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, trust_domain: str) -> None:
        self._certificate = certificate
        self._key = key
        self.trust_domain = trust_domain

    @classmethod
    def create(cls, trust_domain: str, now: datetime) -> CertificateAuthority:
        """Make a new root for a trust domain (a DNS name)."""
        key = load_private_key(new_private_key())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Edict hub CA {trust_domain}"[:64])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(now + CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")]),
                critical=False,
            )
            .add_extension(_key_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key, trust_domain)

    @classmethod
    def load(cls, certificate_pem: bytes, key_pem: bytes) -> CertificateAuthority:
        """Read a root from PEM.

        Raises:
            IdentityError: EDICT0304 when certificate and key are no pair or are not an authority of ours.
        """
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem)
        except ValueError as error:
            raise _unusable(f"cannot be read: {error}") from None
        key = load_private_key(key_pem)
        domain = _domain_of(certificate)
        if certificate.public_key() != key.public_key():
            raise _unusable("does not belong to the given key")
        return cls(certificate, key, domain)

    @property
    def certificate_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The root's private key, PKCS#8 PEM. Secret."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issue_cluster(
        self, csr_pem: bytes, name: ClusterName, now: datetime, lifetime: timedelta = AGENT_LIFETIME
    ) -> bytes:
        """Issue a client certificate to a cluster's agent; PEM.

        Raises:
            IdentityError: EDICT0305 when the request is not well signed, EDICT0306 for another's name.
        """
        return self._issue(csr_pem, cluster_id(self.trust_domain, name), now, lifetime, CLIENT)

    def issue_operator(
        self, csr_pem: bytes, role: Role, name: str, now: datetime, lifetime: timedelta = OPERATOR_LIFETIME
    ) -> bytes:
        """Issue a client certificate to an operator; PEM. Raises as :meth:`issue_cluster`."""
        return self._issue(csr_pem, operator_id(self.trust_domain, role, name), now, lifetime, CLIENT)

    def issue_hub(
        self, csr_pem: bytes, hosts: Sequence[str], now: datetime, lifetime: timedelta = HUB_LIFETIME
    ) -> bytes:
        """Issue a server certificate for DNS names and addresses; PEM. Raises as :meth:`issue_cluster`."""
        return self._issue(csr_pem, hub_id(self.trust_domain), now, lifetime, SERVER, hosts=hosts)

    def _issue(
        self,
        csr_pem: bytes,
        spiffe_id: str,
        now: datetime,
        lifetime: timedelta,
        usage: ObjectIdentifier,
        *,
        hosts: Sequence[str] = (),
    ) -> bytes:
        request = _checked_request(csr_pem, spiffe_id)
        parse_identity(spiffe_id, self.trust_domain)
        if now >= self._certificate.not_valid_after_utc:
            raise _unusable("has expired")
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe_id), *map(_host, hosts)]
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(min(now + lifetime, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


def _checked_request(csr_pem: bytes, spiffe_id: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        valid, asked = request.is_signature_valid, uris_of(request)
    except ValueError as error:
        raise IdentityError(
            Code.REQUEST, f"the certificate request cannot be read: {error}", remedy="enrol again"
        ) from None
    key = request.public_key()
    if not valid or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError(
            Code.REQUEST, "the certificate request is not signed by its own P-256 key", remedy="enrol again"
        )
    if asked != [spiffe_id]:
        raise IdentityError(
            Code.OTHER_NAME,
            f"the request asks for {', '.join(asked) or 'no name'} and may only ask for {spiffe_id}",
            remedy="use a token of that cluster",
        )
    return request


def _domain_of(certificate: x509.Certificate) -> str:
    """Return the trust domain of a certificate that is an authority of ours."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise _unusable("is no authority") from None
    match [uri.split("/") for uri in uris_of(certificate)]:
        case [["spiffe:", "", domain]] if constraints.ca:
            return domain
    raise _unusable("is no authority, or names no trust domain")


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not all(map(is_dns_label, host.lower().split("."))):
            raise IdentityError(
                Code.HOST, f"{host!r} is neither a DNS name nor an address", remedy="give names that agents dial"
            ) from None
        return x509.DNSName(host)


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


def _unusable(why: str) -> IdentityError:
    return IdentityError(
        Code.AUTHORITY, f"the hub's CA certificate {why}", remedy="use the ca.crt and ca.key of `edict init`"
    )
