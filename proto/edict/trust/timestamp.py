"""The one thing a hub signs: which snapshot is newest."""

from __future__ import annotations

from datetime import datetime

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp
from tuf.api.serialization.json import JSONSerializer

from edict.trust import _check
from edict.trust._sign import sign
from edict.trust.roles import SNAPSHOT


def sign_timestamp(signer: Signer, snapshot: bytes, *, version: int, expires: datetime) -> bytes:
    """Sign that a snapshot is the newest.

    Args:
        signer: the timestamp role's key, online at the hub.
        snapshot: bytes of the snapshot metadata; described by version, length and SHA-256.
        version: of the timestamp, one more than the last.
        expires: UTC; microseconds are dropped, as TUF has none.

    Raises:
        TrustError: EDICT0201 when the bytes are no snapshot.
        EdictError: what the signer raises.
    """
    release = _check.parse(SNAPSHOT, snapshot, Snapshot).signed.version
    metadata = Metadata(
        Timestamp(
            version=version,
            expires=expires.replace(microsecond=0),
            snapshot_meta=MetaFile.from_data(release, snapshot, ["sha256"]),
        )
    )
    sign(metadata, signer)
    return metadata.to_bytes(JSONSerializer(compact=True))
