"""SPIFFE IDs: who a certificate speaks for (the SPIFFE-ID standard, one URI SAN per certificate)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from edict.errors import IdentityError
from edict.ids import is_dns_label
from edict.pki.codes import Code

UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises over certificates, requests and keys that it cannot read: not all of it are ValueErrors."""


class Role(enum.StrEnum):
    """What an operator may do; each role includes those before it."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"

    def includes(self, other: Role) -> bool:
        """Tell whether this role may do all that the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for. ``role`` is set for operators only; ``name`` is empty for the hub."""

    trust_domain: str
    kind: Literal["cluster", "operator", "hub"]
    name: str
    role: Role | None = None


def cluster_id(trust_domain: str, name: str) -> str:
    """Return the SPIFFE ID of a cluster's agent."""
    return f"spiffe://{trust_domain}/cluster/{name}"


def operator_id(trust_domain: str, role: Role, name: str) -> str:
    """Return the SPIFFE ID of an operator with a role."""
    return f"spiffe://{trust_domain}/operator/{role}/{name}"


def hub_id(trust_domain: str) -> str:
    """Return the SPIFFE ID that every replica of the hub carries."""
    return f"spiffe://{trust_domain}/hub"


def parse_identity(uri: str, trust_domain: str) -> Identity:
    """Read a SPIFFE ID of our trust domain.

    Raises:
        IdentityError: EDICT0301 for another trust domain or another form.
    """
    match uri.split("/"):
        case ["spiffe:", "", domain, "hub"] if domain == trust_domain:
            return Identity(trust_domain, "hub", "")
        case ["spiffe:", "", domain, "cluster", name] if domain == trust_domain and is_dns_label(name):
            return Identity(trust_domain, "cluster", name)
        case ["spiffe:", "", domain, "operator", role, name] if domain == trust_domain and is_dns_label(name):
            if role in set(Role):
                return Identity(trust_domain, "operator", name, Role(role))
    raise _foreign(uri, trust_domain)


def identity_of(certificate_pem: bytes, trust_domain: str) -> Identity:
    """Read the identity of a certificate whose chain the TLS stack has already verified.

    Raises:
        IdentityError: EDICT0301 when it has not exactly one URI SAN of our trust domain; EDICT0302 when it
            cannot be read.
    """
    try:
        uris = uris_of(x509.load_pem_x509_certificate(certificate_pem))
    except UNREADABLE as error:
        raise IdentityError(
            Code.CERTIFICATE, f"the certificate cannot be read: {error}", remedy="enrol again"
        ) from None
    if len(uris) != 1:
        raise IdentityError(
            Code.FOREIGN_IDENTITY,
            f"a certificate must carry exactly one SPIFFE ID and this carries {len(uris)}",
            remedy="enrol again",
        )
    return parse_identity(uris[0], trust_domain)


def uris_of(holder: x509.Certificate | x509.CertificateSigningRequest) -> list[str]:
    """Return the URI SANs of a certificate or of a certificate request."""
    try:
        names = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _foreign(uri: str, trust_domain: str) -> IdentityError:
    return IdentityError(
        Code.FOREIGN_IDENTITY,
        f"{uri!r} is not an identity of trust domain {trust_domain!r}",
        remedy="use a certificate that this hub's CA issued",
    )
