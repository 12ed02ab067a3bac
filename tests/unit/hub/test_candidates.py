"""Which of several signed releases is the newest that verifies, whatever they claim and in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization.json import JSONSerializer

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle
from edict_hub.candidates import CALLER, ETCD, Candidate, Search, of_agent, of_caller
from edict_hub.stamping import Stamper
from tests.unit.agent.fakes import TurnedClock
from tests.unit.trust.federation import Federation, policy


@pytest.fixture
def authors() -> Federation:
    return Federation()


def searching(authors: Federation) -> Search:
    return Search(authors.pinned(), Stamper(authors.keys.timestamp, timedelta(days=1), TurnedClock()))


def candidate(bundle: Bundle, source: str, **roots: bytes) -> Candidate:
    chain = {int(version[1:]): data for version, data in roots.items()}
    return Candidate(source, chain, bundle.timestamp, bundle.snapshot, bundle.targets)


def published(authors: Federation, name: str) -> Bundle:
    authors.put(policy(name))
    return authors.publish()


def rotated(authors: Federation, *roles: str) -> bytes:
    """The next root, with new keys for the roles, which the authors use from now on."""
    root = Metadata[Root].from_bytes(authors.metadata[ROOT])
    root.signed.version += 1
    for role in roles:
        new = CryptoSigner.generate_ed25519()
        (old,) = root.signed.roles[role].keyids
        root.signed.revoke_key(old, role)
        root.signed.add_key(new.public_key, role)
        authors.keys = replace(authors.keys, **{role: new})  # type: ignore[arg-type]
    root.signatures.clear()
    root.sign(authors.keys.root)
    authors.metadata[ROOT] = root.to_bytes(JSONSerializer(compact=True))
    return authors.metadata[ROOT]


@pytest.mark.parametrize("backwards", [False, True])
def test_the_newest_release_wins_in_any_order(authors: Federation, backwards: bool) -> None:  # noqa: FBT001 - a parameter
    search = searching(authors)
    every = [candidate(published(authors, f"p{number}"), f"c{number}") for number in range(3)]
    for one in reversed(every) if backwards else every:
        assert search.consider(one)
    best = search.found()
    assert best is not None
    assert (best.release, search.source, search.timestamp_version) == (4, "c2", 3)


def test_a_newer_timestamp_of_an_older_release_counts_for_the_number_alone(authors: Federation) -> None:
    search = searching(authors)
    old = published(authors, "old")
    refreshed = [authors.stamped() for _ in range(3)][-1]
    new = published(authors, "new")
    assert new.timestamp is not None
    for bundle, source in ((new, "c1"), (refreshed, "c2"), (old, "c3")):
        search.consider(candidate(bundle, source))
    assert (search.versions, search.source) == ((1, 3, 5), "c1")


def test_an_agent_s_release_counts_only_with_its_timestamp(authors: Federation) -> None:
    """A snapshot that a publisher signed and never published may lie anywhere; an operator's word is needed for it."""
    bundle = replace(published(authors, "p"), timestamp=None)
    agents = searching(authors)
    assert not agents.consider(candidate(bundle, "c1"))
    assert agents.found() is None
    caller = searching(authors)
    assert caller.consider(candidate(bundle, CALLER))
    assert (caller.versions, caller.problem) == ((1, 2, 0), None)


def test_a_longer_chain_of_roots_decides_what_verifies(authors: Federation) -> None:
    """What the replaced keys signed does not count any more, whoever came first and however high its number."""
    search = searching(authors)
    old = [published(authors, f"p{number}") for number in range(3)][-1]
    assert search.consider(candidate(old, ETCD))
    assert search.versions == (1, 4, 3)
    root = rotated(authors, SNAPSHOT, TIMESTAMP)
    search._stamper = Stamper(authors.keys.timestamp, timedelta(days=1), TurnedClock())
    authors.release, authors.timestamp_version = 1, 0
    new = authors.publish()
    assert search.consider(candidate(new, "c1", v2=root))
    assert (search.versions, search.source) == ((2, 2, 1), "c1")


def test_a_forged_root_does_not_stand_in_the_way_of_the_real_one(authors: Federation) -> None:
    search = searching(authors)
    stranger = Federation()
    forged = rotated(stranger, SNAPSHOT)
    bundle = published(authors, "p")
    search.consider(candidate(bundle, ETCD, v2=forged))
    assert search.versions == (1, 2, 1)
    search.consider(candidate(authors.stamped(), CALLER, v2=rotated(authors)))
    assert search.versions == (2, 2, 2)


def test_a_chain_that_two_hold_in_parts_is_followed(authors: Federation) -> None:
    search = searching(authors)
    second, third = rotated(authors), rotated(authors)
    bundle = published(authors, "p")
    search.consider(candidate(bundle, ETCD, v3=third))
    search.consider(candidate(bundle, CALLER, v2=second))
    assert search.rooted.root_version == 3


def test_two_contents_of_one_number_are_nobodys_choice(authors: Federation) -> None:
    search = searching(authors)
    before = dict(authors.metadata)
    one = published(authors, "one")
    authors.metadata, authors.release, authors.timestamp_version = before, 1, 0
    other = published(authors, "other")
    search.consider(candidate(one, ETCD))
    assert search.found() is not None
    search.consider(candidate(other, CALLER))
    with pytest.raises(HubError, match="EDICT0414"):
        search.found()
    search.consider(candidate(published(authors, "higher"), "c1"))
    best = search.found()
    assert best is not None
    assert best.release == 3


def test_what_an_operator_sent_in_vain_is_explained(authors: Federation) -> None:
    search = searching(authors)
    assert not search.consider(candidate(published(Federation(), "p"), CALLER))
    assert search.problem is not None
    assert search.problem.code == "EDICT0202"


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b'{"signed":{"_type":"timestamp","version":1e999}}'])
def test_garbage_is_nothing(authors: Federation, content: bytes) -> None:
    search = searching(authors)
    garbage = pb.Release(release=2**63, timestamp_version=2**63)
    for item, role in ((garbage.timestamp, TIMESTAMP), (garbage.snapshot, SNAPSHOT)):
        item.role, item.version, item.content = role, 2**63, content
    garbage.roots.add(role=ROOT, version=2, content=content)
    garbage.targets.add(role="targets", version=1, content=content)
    assert not search.consider(of_agent("c1", garbage))
    assert not search.consider(of_caller(pb.RecoverRequest(metadata=[*garbage.roots, garbage.snapshot])))
    assert search.versions == (1, 0, 0)
