"""Names that carry meaning: a release is not a version, a digest is not a name."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

ClusterName = NewType("ClusterName", str)
"""A DNS-1123 label of at most 63 characters, fixed when the agent is installed."""

Digest = NewType("Digest", str)
"""Lower-case hexadecimal SHA-256 of the bytes of a document, 64 characters."""

Release = NewType("Release", int)
"""One published version of the whole desired state: the version of the TUF snapshot. 0 means none yet."""

KeyId = NewType("KeyId", str)
"""A TUF key id (lower-case hexadecimal SHA-256 of the canonical public key)."""

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def digest_of(data: bytes) -> Digest:
    """Return the digest of the given bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def is_dns_label(value: str) -> bool:
    """Tell whether a string is a DNS-1123 label: 1 to 63 of ``[a-z0-9-]``, alphanumeric at both ends."""
    return DNS_LABEL.fullmatch(value) is not None
