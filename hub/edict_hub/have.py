"""What an agent holds, and what it lacks of a release. Pure; equal agents share one object and one message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict_hub.codes import Code
from edict_hub.release import Held

MAX_ROLES = 16_384
MAX_BLOBS = 65_536


@dataclass(frozen=True)
class Having:
    """What an agent says that it holds. ``metadata`` is targets roles and the snapshot by version."""

    root_version: int
    timestamp_version: int
    metadata: Mapping[str, int]
    blobs: frozenset[str]
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        parts = [self.root_version, self.timestamp_version, *sorted(self.metadata.items()), *sorted(self.blobs)]
        object.__setattr__(self, "fingerprint", hashlib.sha256(repr(parts).encode()).hexdigest())


@dataclass(frozen=True)
class Update:
    """A message to agents that hold the same: what they will hold once they have verified it.

    Attributes:
        message: serialized HubMessage.
        release: for acknowledgements.
        timestamp_version: for acknowledgements.
        fingerprint: of the release's content: a rejected one is not sent again.
        after: what the agent holds then.
    """

    message: bytes
    release: int
    timestamp_version: int
    fingerprint: str
    after: Having


def having(message: pb.Have, held: Held | None) -> Having:
    """Read an agent's inventory; roles and documents that the release does not name are left out.

    Raises:
        HubError: EDICT0432 when it is larger than any fleet needs.
    """
    if len(message.metadata) > MAX_ROLES or len(message.blobs) > MAX_BLOBS:
        raise HubError(Code.PROTOCOL, f"more than {MAX_ROLES} roles or {MAX_BLOBS} documents", where="Have")
    roles = held.targets if held else {}
    metadata = {role: message.metadata[role] for role in roles if role in message.metadata}
    metadata[SNAPSHOT] = message.release or message.metadata.get(SNAPSHOT, 0)
    blobs = set(message.blobs)
    return Having(
        root_version=message.root_version,
        timestamp_version=message.timestamp_version,
        metadata=metadata,
        blobs=frozenset(digest for digest in (held.digests if held else ()) if digest in blobs),
    )


def plausible(have: Having, held: Held) -> bool:
    """Tell whether an agent can hold that: no version above the release's."""
    return (
        have.root_version <= max(held.roots, default=1)
        and have.timestamp_version <= held.timestamp_version
        and have.metadata.get(SNAPSHOT, 0) <= held.release
        and all(have.metadata.get(role, 0) <= version for role, (version, _) in held.targets.items())
    )


def lacking(held: Held, have: Having, needed: frozenset[str]) -> frozenset[str] | None:
    """Return the documents that an agent lacks of those it needs; None when it lacks nothing at all."""
    blobs = needed - have.blobs
    same = (
        have.timestamp_version == held.timestamp_version
        and have.metadata.get(SNAPSHOT) == held.release
        and all(have.metadata.get(role) == version for role, (version, _) in held.targets.items())
        and max(held.roots, default=0) <= have.root_version
    )
    return None if same and not blobs else blobs


def compose(
    held: Held, have: Having, *, needed: frozenset[str], contents: Mapping[str, bytes], fingerprint: str
) -> Update:
    """Make the message that brings an agent from what it has to the release.

    Args:
        held: the release.
        have: what the agent holds.
        needed: the documents that are placed on its cluster.
        contents: bytes of those that it lacks, as far as they are stored.
        fingerprint: of the release's content.
    """
    release = pb.Release(
        release=held.release,
        timestamp_version=held.timestamp_version,
        roots=[
            pb.Metadata(role=ROOT, version=version, content=held.roots[version])
            for version in sorted(held.roots)
            if version > have.root_version
        ],
        targets=[
            pb.Metadata(role=role, version=version, content=content)
            for role, (version, content) in sorted(held.targets.items())
            if have.metadata.get(role) != version
        ],
        blobs=[pb.Blob(digest=digest, content=content) for digest, content in sorted(contents.items())],
        traceparent=held.traceparent,
    )
    new_root = bool(release.roots)  # it may have new keys, whose numbers begin again: equal numbers say nothing then
    if have.timestamp_version != held.timestamp_version or new_root:
        release.timestamp.CopyFrom(pb.Metadata(role=TIMESTAMP, version=held.timestamp_version, content=held.timestamp))
    if have.metadata.get(SNAPSHOT) != held.release or new_root:
        release.snapshot.CopyFrom(pb.Metadata(role=SNAPSHOT, version=held.release, content=held.snapshot))
    return Update(
        message=pb.HubMessage(release=release).SerializeToString(),
        release=held.release,
        timestamp_version=held.timestamp_version,
        fingerprint=fingerprint,
        after=Having(
            root_version=max([have.root_version, *held.roots]),
            timestamp_version=held.timestamp_version,
            metadata={**{role: version for role, (version, _) in held.targets.items()}, SNAPSHOT: held.release},
            blobs=frozenset(needed),
        ),
    )
