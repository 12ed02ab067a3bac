"""The hub's certificate authority, and the offline root above it. They can name clusters, never policy.

::

    without an offline root                with one
    hub CA (self-signed, path length 0)    root CA (path length 1, stays with the authors)
      └─ leaves                              └─ hub CA (path length 0)
                                                 └─ leaves

Every authority carries the one URI SAN ``spiffe://<trust-domain>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import _profile, chains
from edict.pki.codes import Code
from edict.pki.csr import encrypted, load_private_key, new_private_key, not_after, not_before, unreadable_request
from edict.pki.names import UNREADABLE, Role, cluster_id, hub_id, operator_id, parse_identity, uris_of

CA_LIFETIME = timedelta(days=3650)
AGENT_LIFETIME = timedelta(hours=24)
OPERATOR_LIFETIME = timedelta(days=30)
HUB_LIFETIME = timedelta(days=90)
KEY_REMEDY = "restore it, check EDICT_PASSPHRASE if it is encrypted, or replace the CA with `edict hub authority`"
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
BACKDATE = timedelta(minutes=5)
"""Every certificate begins this much before now, for clocks that are slow; a short one a tenth of its life before."""

ROUNDING = timedelta(seconds=2)
"""Dates of certificates have whole seconds: by about this :func:`issued_at` is too late, and never too early."""


def issued_at(certificate_pem: bytes) -> datetime:
    """Return when an authority of ours issued a leaf, from its dates; about two seconds too late, never too early.

    Raises:
        IdentityError: EDICT0302 when it cannot be read.
    """
    begin, end = not_before(certificate_pem), not_after(certificate_pem)
    return begin + min(BACKDATE, (end - begin) / 11) + ROUNDING


class CertificateAuthority:
    """Issues certificates of one trust domain."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, trust_domain: str) -> None:
        self._certificate = certificate
        self._own = _profile.Signer(certificate.subject, key)
        self.trust_domain = trust_domain

    @classmethod
    def create(cls, trust_domain: str, now: datetime) -> CertificateAuthority:
        """Make a self-signed hub CA for a trust domain (a DNS name)."""
        return cls._self_signed("hub CA", trust_domain, now, path_length=0)

    @classmethod
    def create_root(cls, trust_domain: str, now: datetime) -> CertificateAuthority:
        """Make a root that signs hub CAs and stays offline."""
        return cls._self_signed("root CA", trust_domain, now, path_length=1)

    @classmethod
    def _self_signed(cls, what: str, trust_domain: str, now: datetime, *, path_length: int) -> CertificateAuthority:
        key = load_private_key(new_private_key())
        own = _profile.named(what, trust_domain, key)
        dates = now - BACKDATE, now + CA_LIFETIME
        return cls(_profile.authority(own, own, trust_domain, dates, path_length=path_length), key, trust_domain)

    def issue_authority(self, now: datetime) -> CertificateAuthority:
        """Make a hub CA below this root.

        Raises:
            IdentityError: EDICT0304 when this is no root of hub CAs, or has expired.
        """
        if chains.path_length(self._certificate) != 1:
            raise chains.unusable("signs no other authorities")
        self._check_alive(now)
        key = load_private_key(new_private_key())
        own = _profile.named("hub CA", self.trust_domain, key)
        dates = now - BACKDATE, min(now + CA_LIFETIME, self._certificate.not_valid_after_utc)
        made = _profile.authority(own, self._own, self.trust_domain, dates, path_length=0)
        return CertificateAuthority(made, key, self.trust_domain)

    @classmethod
    def load(
        cls, certificate_pem: bytes, key_pem: bytes, passphrase: bytes | None = None, *, key_at: str = ""
    ) -> CertificateAuthority:
        """Read an authority from PEM: of several certificates the first, which is the one that issues.

        ``key_at`` is where the key is, for the error.

        Raises:
            IdentityError: EDICT0304 when certificate and key are no pair or are not an authority of ours; EDICT0303
                when the key cannot be read.
        """
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem)
        except UNREADABLE as error:
            raise chains.unusable(f"cannot be read: {error}") from None
        key = load_private_key(key_pem, passphrase, where=key_at, remedy=KEY_REMEDY)
        domain = chains.trust_domain_of(certificate)
        if certificate.public_key() != key.public_key():
            raise chains.unusable("does not belong to the given key")
        return cls(certificate, key, domain)

    @property
    def name(self) -> str:
        """What people call it: the common name."""
        return chains.name_of(self._certificate)

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self._certificate

    @property
    def certificate_pem(self) -> bytes:
        """The authority's own certificate, PEM."""
        return chains.pem_of(self._certificate)

    @property
    def chain_pem(self) -> bytes:
        """What has to follow a leaf, PEM: the authority's certificate where a root above it is what others pin."""
        return b"" if chains.self_signed(self._certificate) else self.certificate_pem

    def encrypted_key_pem(self, passphrase: bytes | None) -> bytes:
        """Return the private key as PKCS#8 PEM, encrypted where there is a passphrase."""
        return encrypted(self._own.key, passphrase)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 PEM. Secret."""
        return encrypted(self._own.key, None)

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
        """Issue a server certificate for DNS names and addresses; PEM. Raises as :meth:`issue_cluster`.

        What is served is this and :attr:`chain_pem`.
        """
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
        self._check_alive(now)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe_id), *map(_profile.host, hosts)]
        begin = now - min(BACKDATE, lifetime / 10)
        end = min(now + lifetime, self._certificate.not_valid_after_utc)
        made = _profile.leaf(self._own, request.public_key(), names, usage, (begin, end))
        return chains.pem_of(made)

    def _check_alive(self, now: datetime) -> None:
        if now >= self._certificate.not_valid_after_utc:
            raise chains.unusable("has expired")


def _checked_request(csr_pem: bytes, spiffe_id: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        valid, asked, key = request.is_signature_valid, uris_of(request), request.public_key()
    except UNREADABLE as error:
        raise unreadable_request(error) from None
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
