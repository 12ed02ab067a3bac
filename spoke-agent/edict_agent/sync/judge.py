"""Judges a release: pure, run in a worker thread.

A release is taken whole or not at all; only a document that this version cannot read is set aside alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edict.errors import DocumentError, EdictError, TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Digest
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, ManagedCluster, Waiver
from edict.trust import verify
from edict.trust.codes import Code
from edict.trust.custom import WaiverCustom
from edict.trust.documents import read_document
from edict.trust.limits import Limits
from edict.trust.placement import placed
from edict.trust.state import Bundle, Target, TrustState

MAX_ROOTS = 256
"""Roots of one message that are read, as many as TUF's own client follows at once; the next message goes on there."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One policy that selects this cluster; without a document when this version cannot read it."""

    team: str
    name: str
    digest: Digest
    document: FederatedNetworkPolicy | None
    problem: EdictError | None = None

    @property
    def id(self) -> str:
        """``team/name``."""
        return f"{self.team}/{self.name}"


@dataclass(frozen=True, slots=True)
class PlacedWaiver:
    """One waiver for this cluster; without a document when this version cannot read it: then it waives nothing."""

    path: str
    digest: Digest
    copy: WaiverCustom
    limits: Limits
    document: Waiver | None
    problem: EdictError | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Judged:
    """A verified release, as far as this cluster needs it. ``cluster`` is None when it is not in the inventory."""

    state: TrustState
    policies: tuple[Placed, ...]
    blobs: Mapping[Digest, bytes]
    at: datetime
    cluster: ManagedCluster | None = None
    waivers: tuple[PlacedWaiver, ...] = ()
    traceparent: str = field(default="", compare=False)


def bundle_of(message: pb.Release) -> Bundle:
    """Return the signed bytes of a message."""
    return Bundle(
        roots=tuple(each.content for each in message.roots[:MAX_ROOTS]),
        timestamp=message.timestamp.content if message.HasField("timestamp") else None,
        snapshot=message.snapshot.content if message.HasField("snapshot") else None,
        targets={each.role: each.content for each in message.targets},
    )


def judge(
    message: pb.Release,
    *,
    state: TrustState,
    held: Mapping[Digest, bytes],
    cluster: ClusterName,
    now: datetime,
) -> Judged:
    """Verify what a hub sent on top of what is trusted.

    Raises:
        TrustError: EDICT02xx; nothing of the release may be used.
    """
    sent = {Digest(blob.digest): blob.content for blob in message.blobs}
    advanced = verify.advance(state, bundle_of(message), now=now)
    return select(advanced, {**held, **sent}, cluster, now, message.traceparent)


def select(
    state: TrustState,
    blobs: Mapping[Digest, bytes],
    cluster: ClusterName,
    at: datetime,
    traceparent: str = "",
) -> Judged:
    """Read this cluster's documents of a verified state.

    Raises:
        TrustError: EDICT0208 when a document is missing, EDICT0220 or EDICT0221 when it is not what was signed.
    """
    policies: list[Placed] = []
    waivers: list[PlacedWaiver] = []
    own: ManagedCluster | None = None
    needed: dict[Digest, bytes] = {}
    for target in placed(state, cluster):
        content = _content(target, blobs)
        needed[target.digest] = content
        document, problem = _read(target, content)
        if isinstance(document, ManagedCluster):
            own = document
        elif isinstance(target.custom, WaiverCustom):
            waiver = document if isinstance(document, Waiver) else None
            waivers.append(PlacedWaiver(target.path, target.digest, target.custom, target.limits, waiver, problem))
        elif target.team:
            policy = document if isinstance(document, FederatedNetworkPolicy) else None
            policies.append(Placed(target.team, target.name, target.digest, policy, problem))
    return Judged(
        state,
        tuple(policies),
        needed,
        at,
        cluster=own,
        waivers=tuple(waivers),
        traceparent=traceparent,
    )


def _read(target: Target, content: bytes) -> tuple[AnyDocument | None, DocumentError | None]:
    try:
        return read_document(target, content), None
    except DocumentError as problem:
        return None, problem


def _content(target: Target, blobs: Mapping[Digest, bytes]) -> bytes:
    content = blobs.get(target.digest)
    if content is None:
        raise TrustError(
            Code.MISSING,
            f"the document {target.path} was neither sent nor held",
            where=f"blobs/{target.digest}",
            remedy="ask the hub again; if it stays, publish the document again",
        )
    return content
