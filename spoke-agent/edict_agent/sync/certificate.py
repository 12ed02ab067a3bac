"""What a certificate must be before it is kept: the hub that hands it out is not believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from edict.errors import IdentityError
from edict.pki import chains, csr
from edict.pki.codes import Code
from edict.pki.names import identity_of
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Pins

MIN_LIFE = timedelta(hours=1)
"""A renewal that ends sooner than this must at least outlast what it replaces."""


def check(chain_pem: bytes, key_pem: bytes, pins: Pins, *, now: datetime, held: bytes = b"") -> None:
    """Check a certificate and what follows it, PEM: ours, of a CA that is believed, valid now, no worse than ``held``.

    Believed is what ``pins`` says, or one authority below it that came behind the certificate; nothing else.

    Raises:
        IdentityError: EDICT0301 or EDICT0302 when it cannot be read, EDICT0325 when it is not ours, EDICT0326 for
            its dates.
    """
    leaf, *between = chains.split(chain_pem)
    try:
        public = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityError(
            Code.CERTIFICATE, f"the certificate cannot be read: {error}", remedy="look at what the hub issues"
        ) from None
    found = identity_of(chain_pem, pins.trust_domain)
    if (found.kind, found.name) != ("cluster", pins.cluster):
        raise _not_ours(pins, "a certificate for another name")
    if public != csr.load_private_key(key_pem).public_key():
        raise _not_ours(pins, "a certificate for another key")
    _check_dates(leaf, pins, now, held)
    if not chains.leads(leaf, between, chains.split(pins.ca_pem.encode()), now):
        raise _not_ours(pins, "a certificate of another CA than those that are believed")


def believed(chain_pem: bytes, pins: Pins, now: datetime) -> bool:
    """Tell whether a certificate that was kept is still of a CA that is believed."""
    leaf, *between = chains.split(chain_pem)
    return chains.leads(leaf, between, chains.split(pins.ca_pem.encode()), now)


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
