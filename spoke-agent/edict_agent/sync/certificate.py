"""What a certificate must be before it is kept: the hub that hands it out is not believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from edict.errors import IdentityError
from edict.pki import csr
from edict.pki.codes import Code
from edict.pki.names import identity_of
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Pins

MIN_LIFE = timedelta(hours=1)
"""A renewal that ends sooner than this must at least outlast what it replaces."""


def check(chain_pem: bytes, key_pem: bytes, pins: Pins, *, now: datetime, held: bytes = b"") -> None:
    """Check a certificate and what follows it, PEM: ours, of the pinned CA, valid now, and no worse than ``held``.

    Raises:
        IdentityError: EDICT0301 or EDICT0302 when it cannot be read, EDICT0325 when it is not ours, EDICT0326 for
            its dates.
    """
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        plain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
        authorities = x509.load_pem_x509_certificates(pins.ca_pem.encode())
        public = chain[0].public_key()
        issued = any(_issued(chain[0], authority) for authority in authorities)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityError(
            Code.CERTIFICATE,
            f"the certificate cannot be read: {error}",
            remedy="look at what the hub issues",
        ) from None
    if plain.split() != chain_pem.split():
        raise _not_ours(pins, "something beside certificates")
    found = identity_of(chain_pem, pins.trust_domain)
    if (found.kind, found.name) != ("cluster", pins.cluster):
        raise _not_ours(pins, "a certificate for another name")
    if public != csr.load_private_key(key_pem).public_key():
        raise _not_ours(pins, "a certificate for another key")
    if not issued:
        raise _not_ours(pins, "a certificate of another CA than the pinned one")
    _check_dates(chain[0], pins, now, held)


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):  # forged; a key that cannot sign; another issuer's name
        return False
    return True


def _check_dates(certificate: x509.Certificate, pins: Pins, now: datetime, held: bytes) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    enough = min(now + MIN_LIFE, csr.not_after(held)) if held else now
    if not begin <= now < end or end < enough:
        raise IdentityError(
            IdentityCode.CERTIFICATE_LIFE,
            f"the hub handed out a certificate that is good from {begin.isoformat()} to {end.isoformat()}",
            where=f"cluster {pins.cluster}",
            remedy=f"compare the clocks: here it is {now.isoformat(timespec='seconds')}",
        )


def _not_ours(pins: Pins, what: str) -> IdentityError:
    return IdentityError(
        IdentityCode.OTHER_CERTIFICATE,
        f"the hub handed out {what}",
        where=f"cluster {pins.cluster}",
        remedy="do not trust this hub; make a new token against the right one",
    )
