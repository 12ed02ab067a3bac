"""What an agent lacks of a release, and the message that brings it there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from edict.clock import SystemClock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Release
from edict_hub.fanout import Fanout
from edict_hub.have import MAX_ROLES, Having, compose, having, lacking, plausible
from edict_hub.release import Held
from edict_hub.session import Session

HELD = Held(
    release=Release(5),
    timestamp_version=9,
    timestamp=b"t",
    snapshot=b"s",
    roots={1: b"r1", 2: b"r2"},
    targets={"targets": (1, b"top"), "inventory": (3, b"inv")},
    digests={"a": "a", "b": "b"},
    traceparent="trace",
    revision=1,
    state=None,
)
NEEDED = frozenset({"a", "b"})
NOTHING = having(pb.Have(root_version=1), HELD)


def sent(have: Having) -> pb.Release:
    blobs = lacking(HELD, have, NEEDED) or frozenset()
    contents = {digest: digest.encode() for digest in blobs}
    update = compose(HELD, have, needed=NEEDED, contents=contents, fingerprint="f")
    return pb.HubMessage.FromString(update.message).release


def test_who_has_nothing_lacks_everything_but_the_pinned_root() -> None:
    release = sent(NOTHING)
    assert [root.version for root in release.roots] == [2]
    assert [item.role for item in release.targets] == ["inventory", "targets"]
    assert [blob.digest for blob in release.blobs] == ["a", "b"]
    assert (release.timestamp.version, release.snapshot.version) == (9, 5)
    assert release.traceparent == "trace"


def test_after_the_update_nothing_is_lacking() -> None:
    update = compose(HELD, NOTHING, needed=NEEDED, contents={}, fingerprint="f")
    assert lacking(HELD, update.after, NEEDED) is None


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"timestamp_version": 8}, NEEDED),
        ({"root_version": 1}, NEEDED),
        ({"metadata": {"targets": 1, "inventory": 2, "snapshot": 5}}, NEEDED),
        ({"metadata": {"targets": 1, "inventory": 3, "snapshot": 4}}, NEEDED),
        ({"blobs": frozenset({"a"})}, NEEDED),
        ({}, NEEDED | {"c"}),
    ],
)
def test_any_difference_is_a_reason_to_send(change: dict[str, object], needed: frozenset[str]) -> None:
    whole = compose(HELD, NOTHING, needed=NEEDED, contents={}, fingerprint="f").after
    assert lacking(HELD, whole, NEEDED) is None
    fields = {name: getattr(whole, name) for name in ("root_version", "timestamp_version", "metadata", "blobs")}
    assert lacking(HELD, Having(**{**fields, **change}), needed) is not None


def test_only_what_differs_is_sent() -> None:
    whole = compose(HELD, NOTHING, needed=NEEDED, contents={}, fingerprint="f").after
    older = Having(2, 8, {**whole.metadata, "inventory": 2}, frozenset({"a"}))
    release = sent(older)
    assert list(release.roots) == []
    assert [item.role for item in release.targets] == ["inventory"]
    assert [blob.digest for blob in release.blobs] == ["b"]
    assert release.timestamp.content == b"t"
    assert not release.HasField("snapshot")


def test_with_a_new_root_timestamp_and_snapshot_come_whatever_their_numbers() -> None:
    """Keys that a root replaced begin their numbers again: an agent may hold other content under the same number."""
    whole = compose(HELD, NOTHING, needed=NEEDED, contents={}, fingerprint="f").after
    release = sent(replace(whole, root_version=1))
    assert [root.version for root in release.roots] == [2]
    assert (release.timestamp.content, release.snapshot.content) == (b"t", b"s")
    assert not sent(replace(whole, blobs=frozenset())).HasField("timestamp")


def test_equal_agents_have_one_fingerprint_and_others_another() -> None:
    one = pb.Have(root_version=1, release=5, metadata={"targets": 1, "inventory": 2}, blobs=["b", "a"])
    same = pb.Have(root_version=1, metadata={"inventory": 2, "snapshot": 5, "targets": 1}, blobs=["a", "b"])
    other = pb.Have(root_version=1, release=5, metadata={"targets": 1}, blobs=["b", "a"])
    assert having(one, HELD).fingerprint == having(same, HELD).fingerprint
    assert having(one, HELD).fingerprint != having(other, HELD).fingerprint


def test_what_the_release_does_not_name_is_not_remembered() -> None:
    have = having(pb.Have(blobs=["a", "zzz"], metadata={"x" * 1000: 1}), HELD)
    assert have.blobs == frozenset({"a"})
    assert have.metadata == {"snapshot": 0}


def test_an_absurd_inventory_is_refused() -> None:
    message = pb.Have(metadata={str(number): 1 for number in range(MAX_ROLES + 1)})
    with pytest.raises(HubError, match="EDICT0432"):
        having(message, None)


def test_the_fingerprint_of_a_release_follows_every_byte() -> None:
    variants = [
        HELD,
        replace(HELD, timestamp=b"u"),
        replace(HELD, snapshot=b"u"),
        replace(HELD, roots={1: b"r1"}),
        replace(HELD, targets={**HELD.targets, "inventory": (3, b"flipped")}),
        replace(HELD, digests={"a": "a", "b": "x"}),
    ]
    assert len({held.fingerprint() for held in variants}) == len(variants)


@pytest.mark.parametrize(
    "beyond",
    [
        {"root_version": 3},
        {"timestamp_version": 10},
        {"release": 6},
        {"metadata": {"inventory": 4}},
    ],
)
def test_nobody_can_hold_what_was_never_published(beyond: dict[str, Any]) -> None:
    assert plausible(NOTHING, HELD)
    assert plausible(compose(HELD, NOTHING, needed=NEEDED, contents={}, fingerprint="f").after, HELD)
    assert not plausible(having(pb.Have(**beyond), HELD), HELD)


@pytest.mark.parametrize(("root", "again"), [(1, False), (2, True), (3, False)])
async def test_who_refused_a_release_and_kept_its_root_gets_it_once_more(root: int, *, again: bool) -> None:
    """What was refused under the old root may be good under the new one; a root that there is not changes nothing."""
    relay: Any = SimpleNamespace(held=HELD, on_change=[])
    fanout = Fanout(relay, SystemClock(), max_agents=1)
    session = Session(ClusterName("c1"), datetime.now(UTC), datetime.now(UTC))
    fanout.has(session, pb.Have(root_version=1))
    session.rejected = (9, "f")
    fanout.has(session, pb.Have(root_version=root))
    assert (session.rejected is None) is again
