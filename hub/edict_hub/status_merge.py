"""What an agent says of itself, cut to what is kept; and what several replicas know of one cluster, joined. Pure."""

from __future__ import annotations

from edict.federation.v1 import federation_pb2 as pb

STAGES = {
    pb.ACK_STAGE_RECEIVED: "acked_received",
    pb.ACK_STAGE_VERIFIED: "acked_verified",
    pb.ACK_STAGE_APPLIED: "acked_applied",
    pb.ACK_STAGE_ACCEPTED: "acked_accepted",
}
"""Where a cluster's status keeps the release of each stage."""
MAX_ERROR = 4096
MAX_WORD = 64
"""Characters of what an agent says that are kept."""


def clipped_hello(hello: pb.HelloRequest) -> pb.HelloRequest:
    """Return an introduction made of the fields that are known alone: a copy would keep all that is unknown."""
    return pb.HelloRequest(
        agent_version=hello.agent_version[:MAX_WORD],
        language_level=hello.language_level,
        dialect=hello.dialect[:MAX_WORD],
        plugin_version=hello.plugin_version[:MAX_WORD],
        root_version=hello.root_version,
        release=hello.release,
    )


def clipped_ack(ack: pb.Ack) -> pb.Ack:
    """Return an acknowledgement made of the fields that are known alone."""
    return pb.Ack(
        release=ack.release,
        timestamp_version=ack.timestamp_version,
        stage=ack.stage,
        accepted=ack.accepted[:MAX_WORD],
        error_code=ack.error_code[:MAX_WORD],
        error=ack.error[:MAX_ERROR],
    )


def equal_but_for_time(mine: pb.ClusterStatus, stored: pb.ClusterStatus) -> bool:
    """Tell whether two statuses differ at most in when something was last heard."""
    same = pb.ClusterStatus()
    same.CopyFrom(stored)
    same.last_seen_unix = mine.last_seen_unix
    return same == mine


def merged(mine: pb.ClusterStatus, stored: pb.ClusterStatus) -> pb.ClusterStatus:
    """Join what two replicas know: of each thing the newer."""
    older, newer = sorted((stored, mine), key=lambda status: status.last_seen_unix)
    result = pb.ClusterStatus()
    result.CopyFrom(newer)
    if not newer.HasField("hello"):
        result.hello.CopyFrom(older.hello)
    if not newer.HasField("last_ack"):
        result.last_ack.CopyFrom(older.last_ack)
    for field in STAGES.values():
        setattr(result, field, max(getattr(mine, field), getattr(stored, field)))
    result.pending_receipt_key = stored.pending_receipt_key
    result.receipt_endorsement = stored.receipt_endorsement
    return result
