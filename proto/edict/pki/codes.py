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
    HOST = 308
    """A name for the hub's certificate that is neither a DNS name nor an address."""
    TOKEN = 307
    """Not an enrolment token, or one that was cut when it was copied."""
