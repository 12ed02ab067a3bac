"""The numbers of :class:`edict.errors.IdentityError` that this package raises: one meaning each."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Why a name, certificate, key or token is refused; printed as ``EDICT03xx``."""

    FOREIGN_IDENTITY = 301
    """Not exactly one SPIFFE ID of the trust domain, or one of an unknown form."""
    CERTIFICATE = 302
    """A certificate that cannot be read."""
    PRIVATE_KEY = 303
    """A private key that cannot be read or is not an EC key."""
    AUTHORITY = 304
    """The CA's certificate and key are no pair, or it is no CA of ours."""
    REQUEST = 305
    """A certificate request that cannot be read or is not signed by its own key."""
    OTHER_NAME = 306
    """A certificate request for another name."""
    TOKEN = 307
    """Not an enrolment token, or one that was cut when it was copied."""
    HOST = 308
    """A name for the hub's certificate that is neither a DNS name nor an address."""
    FOREIGN_CERTIFICATE = 309
    """A certificate to re-enrol with that this hub's CA did not issue to an agent."""
    TOO_LATE = 310
    """A certificate to re-enrol with that ended too long ago."""
    CLOCK = 311
    """A proof of the old key that was not made now, by the hub's clock."""
    PROOF = 312
    """A proof that is not by the key of the expired certificate."""
