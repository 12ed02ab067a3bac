"""What the agent gives back to a hub that lost its newest releases: the verified release, whole, as it was signed.

Nothing of it is secret from the hub, and the hub verifies it from its own pinned root: an agent cannot make it believe
anything.
"""

from __future__ import annotations

from edict import log
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import TrustState
from edict_agent.memory import Memory

MAX_OFFER = 48 * 1024 * 1024
"""Bytes; the hub takes no larger message. An offer above it goes without its documents."""
_log = log.get("edict_agent.offer")


def offer(memory: Memory) -> pb.Release | None:
    """Return the newest verified release with every root since the pinned one; None where there is none."""
    if memory.judged is None:
        return None
    made = _signed(memory.judged.state, memory.state)
    for digest, content in sorted(memory.blobs.items()):
        made.blobs.add(digest=digest, content=content)
    if made.ByteSize() > MAX_OFFER:
        made.ClearField("blobs")
    if made.ByteSize() > MAX_OFFER:
        _log.error("the release is too large to be offered", bytes=made.ByteSize(), most=MAX_OFFER)
        return None
    _log.info("release offered to the hub, which asked for it", release=made.release)
    return made


def _signed(accepted: TrustState, trusted: TrustState) -> pb.Release:
    first = trusted.root_version - len(trusted.followed)
    return pb.Release(
        release=accepted.release,
        timestamp_version=accepted.timestamp_version,
        roots=[
            pb.Metadata(role=ROOT, version=version, content=root)
            for version, root in enumerate(trusted.followed, first + 1)
        ],
        timestamp=pb.Metadata(role=TIMESTAMP, version=accepted.timestamp_version, content=accepted.timestamp or b""),
        snapshot=pb.Metadata(role=SNAPSHOT, version=accepted.release, content=accepted.snapshot or b""),
        targets=[
            pb.Metadata(role=role, version=accepted.versions[role], content=content)
            for role, content in sorted(accepted.targets.items())
        ],
    )
