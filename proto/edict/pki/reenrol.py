"""Re-enrolment: for a while after a certificate has ended, the proof of its key still buys a new one.

What is proven is bound to this purpose, to the expired certificate, to the one request and to a moment. Who repeats
a request that was seen gets at most a certificate for the key of that request, which only the agent has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import chains
from edict.pki.codes import Code
from edict.pki.csr import load_private_key
from edict.pki.names import identity_of

GRACE = timedelta(days=30)
"""How long after its end a certificate can be traded."""
FRESH = timedelta(minutes=5)
"""How far the moment of the proof may be from the hub's clock."""
MAX_BETWEEN = 2
"""Authorities that come with a certificate: agents send one. Each more would be tried as its issuer."""
_PURPOSE = b"edict re-enrolment v1\0"
_SECONDS_BYTES = 8


class Claim(msgspec.Struct, frozen=True):
    """What is proven: that who holds the certificate's key asks for this, at this moment.

    Attributes:
        certificate_pem: the expired certificate, with the authorities below what is pinned.
        csr_pem: the request for a new key.
        at_unix: seconds since the epoch, as the agent's clock says.
    """

    certificate_pem: bytes
    csr_pem: bytes
    at_unix: int

    def statement(self) -> bytes:
        """Return the bytes that are signed: the purpose, both digests (SHA-256), the moment (8 bytes, big endian)."""
        digests = hashlib.sha256(self.certificate_pem).digest() + hashlib.sha256(self.csr_pem).digest()
        return _PURPOSE + digests + self.at_unix.to_bytes(_SECONDS_BYTES, "big", signed=True)


def prove(claim: Claim, key_pem: bytes) -> bytes:
    """Sign a claim with the key of the expired certificate: ECDSA, P-256, SHA-256, DER."""
    return load_private_key(key_pem).sign(claim.statement(), ec.ECDSA(hashes.SHA256()))


def check(
    claim: Claim, proof: bytes, *, believed: Sequence[x509.Certificate], trust_domain: str, now: datetime
) -> ClusterName:
    """Check a claim, and return the cluster that makes it. The new request itself is checked when it is signed.

    Args:
        claim: what is said.
        proof: see :func:`prove`.
        believed: the authorities that issue, or issued, agents' certificates.
        trust_domain: of every identity.
        now: by the hub's clock, UTC.

    Raises:
        IdentityError: EDICT0301 or 0302 when the certificate is none of ours, EDICT0309 when the authorities did not
            issue it, 0310 when it ended too long ago, 0311 when the moment is not now, 0312 when the proof is not by
            its key.
    """
    leaf, *between = chains.split(claim.certificate_pem)
    if len(between) > MAX_BETWEEN or not chains.leads(leaf, between, believed, min(now, leaf.not_valid_after_utc)):
        raise _refused(Code.FOREIGN_CERTIFICATE, "the certificate is not one that this hub's CA issued to an agent")
    identity = identity_of(chains.pem_of(leaf), trust_domain)
    if identity.kind != "cluster":
        raise _refused(Code.FOREIGN_CERTIFICATE, f"the certificate is of the {identity.kind}, and agents re-enrol")
    ended = leaf.not_valid_after_utc
    if now > ended + GRACE:
        raise _refused(
            Code.TOO_LATE, f"the certificate ended at {_time(ended)}, and that is more than {GRACE.days} days ago"
        )
    if abs(now.timestamp() - claim.at_unix) > FRESH.total_seconds():
        raise IdentityError(
            Code.CLOCK,
            f"the proof is not of now: here it is {_time(now)}",
            where=identity.name,
            remedy="compare the agent's clock with the hub's",
        )
    if not _proven(claim, proof, leaf):
        raise _refused(Code.PROOF, "the proof is not by the certificate's key")
    return ClusterName(identity.name)


def _proven(claim: Claim, proof: bytes, leaf: x509.Certificate) -> bool:
    try:
        key = leaf.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        key.verify(proof, claim.statement(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _refused(code: Code, what: str) -> IdentityError:
    return IdentityError(code, what, remedy="make a new token with `edict cluster reenrol`")
