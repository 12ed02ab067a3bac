"""From bytes to a document, once the metadata that names it has been verified."""

from __future__ import annotations

from edict.errors import TrustError
from edict.ids import digest_of
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy
from edict.policy.parse import load_one
from edict.trust.codes import Code
from edict.trust.custom import custom_of
from edict.trust.limits import limited
from edict.trust.state import Target


def check_blob(target: Target, content: bytes) -> None:
    """Check that bytes are those which the metadata describes.

    Raises:
        TrustError: EDICT0220 with the place ``blobs/<digest>``.
    """
    found = digest_of(content)
    if len(content) != target.length or found != target.digest:
        raise TrustError(
            Code.OTHER_DOCUMENT,
            f"the document {target.path} has {len(content)} bytes of digest {found}; "
            f"{target.length} bytes of digest {target.digest} were signed for",
            where=f"blobs/{target.digest}",
            remedy="restore this key from a backup or publish the document again",
        )


def read_document(target: Target, content: bytes) -> AnyDocument:
    """Read a document, hold it against what the metadata copied out of it, and narrow a policy to its team's limits.

    Whether a waiver is within its limits is a matter of time (:mod:`edict.trust.waivers`), and not judged here.

    Raises:
        TrustError: EDICT0220 for other bytes; EDICT0221 when kind, name or the signed copy differ from the document;
            EDICT0215 when it says what its team may not say.
        DocumentError: EDICT01xx when this version cannot read it, though it is the one that was signed.
    """
    check_blob(target, content)
    document = load_one(content, target.path)
    if type(document).__name__ != target.kind or document.metadata.name != target.name:
        raise _differs(target, f"it is {type(document).__name__} {document.metadata.name!r}")
    if custom_of(document) != target.custom:
        raise _differs(target, "what it says is not what the signed copy says")
    return limited(document, target.limits, target.path) if isinstance(document, FederatedNetworkPolicy) else document


def _differs(target: Target, why: str) -> TrustError:
    return TrustError(
        Code.COPY_DIFFERS,
        f"the document {target.path} is not what its metadata says: {why}",
        where=f"blobs/{target.digest}",
        remedy="have its authors sign it again with `edict sign`",
    )
