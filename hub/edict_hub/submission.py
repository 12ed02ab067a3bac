"""A publish request, checked: what it would make of the present release, and which keys it would write. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import Digest, digest_of
from edict.trust import verify
from edict.trust.documents import read_document
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, Target, TrustState
from edict_hub import raw
from edict_hub.batches import check_size
from edict_hub.codes import Code
from edict_hub.release import Held
from edict_hub.store import Put, keys


@dataclass(frozen=True)
class Submission:
    """A request in order: each role once, each document under its real digest."""

    roots: Mapping[int, bytes]
    snapshot: bytes
    targets: Mapping[str, bytes]
    blobs: Mapping[str, bytes]


def read(request: pb.PublishRequest) -> Submission:
    """Sort a request.

    Raises:
        HubError: EDICT0411 for what no client should send; EDICT0413 for what etcd would not hold.
    """
    roots: dict[int, bytes] = {}
    others: dict[str, bytes] = {}
    for metadata in request.metadata:
        where = f"metadata/{metadata.role}/{metadata.version}"
        check_size(metadata.content, where)
        if metadata.role == TIMESTAMP:
            raise malformed("the timestamp is signed by the hub", where)
        version = _version(metadata.content, where)
        if version != metadata.version:
            raise malformed(f"the content has version {version}", where)
        if metadata.role == ROOT:
            roots[version] = metadata.content
        elif others.setdefault(metadata.role, metadata.content) != metadata.content:
            raise malformed("the role is sent twice", where)
    snapshot = others.pop(SNAPSHOT, None)
    if snapshot is None:
        raise malformed("a release needs a snapshot", "metadata/snapshot")
    return Submission(dict(sorted(roots.items())), snapshot, others, _blobs(request))


def is_present(submission: Submission, held: Held | None) -> bool:
    """Tell whether exactly this is the release already."""
    return (
        held is not None
        and held.state is not None
        and submission.snapshot == held.snapshot
        and all(held.targets.get(role, (0, b""))[1] == data for role, data in submission.targets.items())
        and all(held.roots.get(version) == data for version, data in submission.roots.items())
    )


def advanced(
    submission: Submission, *, base: TrustState, held: Held | None, timestamp: bytes, now: datetime
) -> TrustState:
    """Verify the release that the request makes of the present one.

    Args:
        submission: the request.
        base: the last state that verified.
        held: what is stored: it may stand for a role that the request leaves out, once it verifies.
        timestamp: the hub's own, over the request's snapshot.
        now: for expiry.

    Raises:
        TrustError: EDICT02xx.
        HubError: EDICT0410 when the present release, or a role in it, already has that version with other content;
            EDICT0411 when the request has a role that the release does not.
    """
    _check_next(submission, base)
    stored = {role: data for role, (_, data) in held.targets.items()} if held else {}
    bundle = Bundle(
        roots=roots_after(submission, base, held),
        timestamp=timestamp,
        snapshot=submission.snapshot,
        targets={**stored, **submission.targets},
    )
    state = verify.advance(base, bundle, now=now)
    for role in submission.targets.keys() - state.versions.keys():
        raise malformed("the role is no part of the release", f"metadata/{role}")
    for role, version in state.versions.items():
        if base.versions.get(role) == version and base.targets[role] != state.targets[role]:
            raise conflict(f"version {version} of role {role} is already published with other content")
    return state


def roots_after(submission: Submission, base: TrustState, held: Held | None) -> tuple[bytes, ...]:
    """Return the roots above the trusted one, those of the request before those that are stored."""
    roots = {**(held.roots if held else {}), **submission.roots}
    return tuple(roots[version] for version in sorted(roots) if version > base.root_version)


def _check_next(submission: Submission, base: TrustState) -> None:
    release = raw.version_of(submission.snapshot, "metadata/snapshot")
    if release < base.release or (release == base.release and submission.snapshot != base.snapshot):
        raise conflict(f"release {release} is not the next: release {base.release} is published")


def metadata_puts(submission: Submission, state: TrustState, *, base: TrustState, held: Held | None) -> list[Put]:
    """Return the writes of all metadata that is not stored yet as it must be, the timestamp apart.

    Of the roots those that were verified just now, and the trusted one.
    """
    stored = {role: data for role, (_, data) in held.targets.items()} if held else {}
    stored_roots = held.roots if held else {}
    puts = [
        Put(keys.metadata(ROOT, version), data)
        for version, data in submission.roots.items()
        if stored_roots.get(version) != data and (version > base.root_version or data == base.root)
    ]
    puts += [
        Put(keys.metadata(role, state.versions[role]), data)
        for role, data in sorted(state.targets.items())
        if stored.get(role) != data
    ]
    return [*puts, Put(keys.metadata(SNAPSHOT, state.release), submission.snapshot)]


def check_documents(targets: list[Target], contents: Mapping[str, bytes]) -> None:
    """Read every document of the given targets.

    Raises:
        HubError: EDICT0412 when one is nowhere.
        TrustError: EDICT0220 or 0221 when one is not what its metadata says.
        DocumentError: EDICT01xx when one cannot be read.
    """
    for target in targets:
        content = contents.get(target.digest)
        if content is None:
            raise HubError(
                Code.BLOB_MISSING,
                f"the document {target.path} was not sent and is not stored",
                where=f"blobs/{target.digest}",
                remedy="publish from the folder that has the document",
            )
        read_document(target, content)


def conflict(what: str) -> HubError:
    """Return EDICT0410."""
    return HubError(
        Code.CONFLICT,
        what,
        where=keys.TIMESTAMP,
        remedy="fetch the present release, apply the change to it, publish again",
    )


def malformed(what: str, where: str) -> HubError:
    """Return EDICT0411."""
    return HubError(Code.MALFORMED, what, where=where, remedy="publish with this version's `edict publish`")


def _version(content: bytes, where: str) -> int:
    try:
        return raw.version_of(content, where)
    except HubError as error:
        raise malformed(error.what, where) from None


def _blobs(request: pb.PublishRequest) -> dict[str, bytes]:
    blobs: dict[str, bytes] = {}
    for blob in request.blobs:
        where = f"blobs/{blob.digest}"
        check_size(blob.content, where)
        if digest_of(blob.content) != Digest(blob.digest):
            raise malformed("the document's bytes have another digest", where)
        blobs[blob.digest] = blob.content
    return blobs
