"""One receipt key vouches for the next: an ed25519 signature that says which cluster goes on with which key.

What is signed begins with its purpose, and receipts are signed as DSSE envelopes, which begin otherwise: neither can
be taken for the other.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edict.ids import ClusterName

SIGNATURE_BYTES = 64
_PURPOSE = b"edict receipt key v1\0"


def endorse(old: Ed25519PrivateKey, cluster: ClusterName, new: bytes) -> bytes:
    """Sign a cluster's new receipt key (32 raw bytes) with the old one; 64 bytes."""
    return old.sign(_statement(cluster, new))


def endorsed(endorsement: bytes, by: bytes, cluster: ClusterName, new: bytes) -> bool:
    """Tell whether the key ``by`` (32 raw bytes) endorsed the key ``new`` for a cluster."""
    try:
        Ed25519PublicKey.from_public_bytes(by).verify(endorsement, _statement(cluster, new))
    except (InvalidSignature, ValueError):
        return False
    return True


def _statement(cluster: ClusterName, new: bytes) -> bytes:
    return _PURPOSE + cluster.encode() + b"\0" + new
