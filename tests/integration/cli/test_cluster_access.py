"""Who is cut off and who comes back, by the real command on a real hub: bans, lost identities, new receipt keys."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest

from edict.pki.token import Token
from tests.integration.cli.desk import Desk, EnrolledCluster

pytestmark = pytest.mark.parts


@pytest.fixture
def fra1(desk: Desk) -> EnrolledCluster:
    """An enrolled cluster whose receipt key is pinned, in release 3, and that has proven it."""
    desk("cluster", "add", "fra1", "--plugin", "cilium", "--publish")
    cluster = EnrolledCluster("fra1", desk("cluster", "token", "fra1").out.strip())
    desk("cluster", "approve", "fra1", "--yes", "--publish")
    cluster.tell(release=3)
    return cluster


def release(desk: Desk) -> int:
    found: int = desk.json("status", expect=None)["release"]
    return found


def test_a_banned_cluster_is_shown_with_the_reason_and_is_let_back(desk: Desk, fra1: EnrolledCluster) -> None:
    unasked = desk("cluster", "ban", "fra1", "--reason", "stolen", expect=2)
    assert "[EDICT0616]" in unasked.err
    assert "What is enforced in the cluster goes on" in unasked.err
    assert not desk.json("status", expect=None)["clusters"][0]["banned"]
    desk("cluster", "ban", "fra1", "--reason", "stolen\x1b[31m", "--yes")
    row = desk.json("status", expect=None)["clusters"][0]
    assert (row["banned"], row["banReason"].split(" (author, ")[0]) == (True, "stolen\x1b[31m")
    for shown in (desk("status", expect=None).out, desk("get", "clusters").out):
        assert "stolen\\x1b[31m (author, 2" in shown
        assert "\x1b" not in shown
    assert "banned: stolen" in desk("status", expect=None).out
    with pytest.raises(grpc.RpcError, match="EDICT0344"):
        fra1.tell(release=3)
    desk("cluster", "unban", "fra1", "--same-keys")
    assert not desk.json("get", "clusters")[0]["banned"]
    fra1.deliver(fra1.chain[-1])
    assert "[EDICT0346]" in desk("cluster", "unban", "fra1", expect=2).err


def test_after_a_ban_only_what_is_issued_later_counts(desk: Desk, fra1: EnrolledCluster) -> None:
    desk("cluster", "ban", "fra1", "--reason", "stolen", "--yes")
    ended = desk("cluster", "unban", "fra1")
    assert "edict cluster reenrol fra1" in ended.err
    with pytest.raises(grpc.RpcError, match="EDICT0347"):
        fra1.tell(release=3)
    again = EnrolledCluster("fra1", desk("cluster", "reenrol", "fra1").out.strip(), before=fra1)
    again.deliver(fra1.chain[-1])


def test_a_name_that_nobody_has_is_not_banned(desk: Desk, fra1: EnrolledCluster) -> None:
    assert "[EDICT0343]" in desk("cluster", "ban", f"{fra1.name}x", "--reason", "typo", "--yes", expect=2).err


def test_a_new_receipt_key_that_the_pinned_one_endorses_takes_over_without_a_gap(
    desk: Desk, fra1: EnrolledCluster
) -> None:
    text = desk("cluster", "reenrol", "fra1", "--new-receipt-key").out.strip()
    assert Token.decode(text).new_receipt_key
    after = EnrolledCluster("fra1", text, before=fra1)
    after.tell(release=3, base=True)
    row = desk.json("status", expect=3)["clusters"][0]
    assert (row["state"], row["code"]) == ("Unknown", "EDICT0242"), "the hub keeps it, and authors decide"
    approved = desk("cluster", "approve", "fra1", "--yes", "--publish")
    assert "endorsed by the pinned key" in approved.err
    assert "WARNING" not in approved.err
    after.tell(release=release(desk))
    row = desk.json("status")["clusters"][0]
    assert (row["state"], row["sequence"]) == ("Compliant", 3)


def test_a_new_receipt_key_that_nothing_endorses_is_approved_with_a_warning(desk: Desk, fra1: EnrolledCluster) -> None:
    token = desk("cluster", "reenrol", "fra1").out.strip()
    assert not Token.decode(token).new_receipt_key
    after = EnrolledCluster("fra1", token)
    after.chain = list(fra1.chain)
    after.report(release=3, time=datetime.now(UTC), base=True)
    approved = desk("cluster", "approve", "fra1", "--yes", "--publish")
    assert "WARNING: the key is not endorsed by the pinned key, SHA256:" in approved.err
    after.deliver(after.chain[-1])
    after.tell(release=release(desk))
    assert desk.json("status")["clusters"][0]["state"] == "Compliant"


def test_receipts_that_were_lost_with_the_old_key_do_not_hide_those_of_the_new(
    desk: Desk, fra1: EnrolledCluster
) -> None:
    fra1.report(release=3, time=datetime.now(UTC))  # and never sent
    after = EnrolledCluster("fra1", desk("cluster", "reenrol", "fra1").out.strip())
    after.chain = list(fra1.chain)
    desk("cluster", "approve", "fra1", "--yes", "--publish")
    for base in (True, False):
        after.tell(release=release(desk), base=base)
        assert desk.json("status")["clusters"][0]["state"] == "Compliant"
    assert [receipt["sequence"] for receipt in desk.json("get", "receipts", "fra1")] == [3, 4]


def test_an_endorsement_by_another_than_the_pinned_key_is_none(desk: Desk, fra1: EnrolledCluster) -> None:
    stranger = EnrolledCluster("fra1", desk("cluster", "reenrol", "fra1").out.strip())
    stranger.chain = list(fra1.chain)
    EnrolledCluster("fra1", desk("cluster", "reenrol", "fra1").out.strip(), before=stranger)
    assert "WARNING: the key is not endorsed by the pinned key" in desk("cluster", "approve", "fra1", "--yes").err
