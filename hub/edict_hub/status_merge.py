"""What several replicas know of one cluster, joined. Pure."""

from __future__ import annotations

from edict.federation.v1 import federation_pb2 as pb

STAGES = {
    pb.ACK_STAGE_RECEIVED: "acked_received",
    pb.ACK_STAGE_VERIFIED: "acked_verified",
    pb.ACK_STAGE_APPLIED: "acked_applied",
    pb.ACK_STAGE_ACCEPTED: "acked_accepted",
}
"""Where a cluster's status keeps the release of each stage."""


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
    return result
