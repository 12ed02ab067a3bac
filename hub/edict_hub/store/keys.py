"""The layout of etcd. Keys that hold the history of a release are immutable; one key commits.

::

    /edict/v1/blobs/<sha256>                   documents, immutable
    /edict/v1/metadata/<role>/<version>        TUF metadata, immutable
    /edict/v1/timestamp                        the commit point
    /edict/v1/trace/<release>                  traceparent of the publish; for people, never believed
    /edict/v1/publish-fence                    who writes metadata now: the last writer wins, see publish.py
    /edict/v1/clusters/<name>/status           serialized ClusterStatus without receipts
    /edict/v1/clusters/<name>/receipt-head     JSON, see receipts.py
    /edict/v1/clusters/<name>/ban              the cluster is banned, unless it has ended; JSON, see bans.py
    /edict/v1/receipts/<cluster>/<sequence>    DSSE envelopes; the sequence has 20 digits
    /edict/v1/enrolment/<token-hash>           JSON {cluster, expires, usedBy}
"""

from __future__ import annotations

from edict.ids import ClusterName, Digest

ROOT = "/edict/v1/"
BLOBS = f"{ROOT}blobs/"
METADATA = f"{ROOT}metadata/"
TIMESTAMP = f"{ROOT}timestamp"
TRACE = f"{ROOT}trace/"
FENCE = f"{ROOT}publish-fence"
CLUSTERS = f"{ROOT}clusters/"
STATUS = "/status"
RECEIPT_HEAD = "/receipt-head"
BAN = "/ban"
SEQUENCE_DIGITS = 20


def blob(digest: Digest | str) -> str:
    """Return the key of a document."""
    return f"{BLOBS}{digest}"


def metadata(role: str, version: int) -> str:
    """Return the key of a metadata file."""
    return f"{METADATA}{role}/{version}"


def trace(release: int) -> str:
    """Return the key of a release's traceparent."""
    return f"{TRACE}{release}"


def status(cluster: ClusterName) -> str:
    """Return the key of a cluster's status."""
    return f"{CLUSTERS}{cluster}{STATUS}"


def receipt_head(cluster: ClusterName) -> str:
    """Return the key that names a cluster's newest receipt."""
    return f"{CLUSTERS}{cluster}{RECEIPT_HEAD}"


def ban(cluster: ClusterName) -> str:
    """Return the key that bans a cluster, and that keeps when its last ban ended."""
    return f"{CLUSTERS}{cluster}{BAN}"


def receipts(cluster: ClusterName) -> str:
    """Return the prefix of a cluster's receipts."""
    return f"{ROOT}receipts/{cluster}/"


def receipt(cluster: ClusterName, sequence: int) -> str:
    """Return the key of a receipt."""
    return f"{receipts(cluster)}{sequence:0{SEQUENCE_DIGITS}d}"


def enrolment(token_sha256: str) -> str:
    """Return the key of an enrolment token, by the hexadecimal SHA-256 of its secret."""
    return f"{ROOT}enrolment/{token_sha256}"


def after_prefix(prefix: str) -> str:
    """Return the first key behind all keys with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
