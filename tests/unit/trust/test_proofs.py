"""What was verified is not verified again while nothing changed, and always where its delegator did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from edict.errors import TrustError
from edict.trust import _check, verify
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS
from edict.trust.state import Bundle, Floors, TrustState
from tests.unit.trust.federation import NOW, Federation, cluster, policy, signer
from tests.unit.trust.test_verify import advance, resigned

TEAM = "policies/net"


@pytest.fixture
def fed() -> Federation:
    federation = Federation()
    federation.put(cluster("a"), policy("deny"))
    return federation


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every role whose signatures are checked from here on."""
    roles: list[str] = []
    check = _check.signatures

    def counted(delegator: Any, role: str, metadata: Any) -> None:
        roles.append(role)
        check(delegator, role, metadata)

    monkeypatch.setattr(_check, "signatures", counted)
    return roles


def test_one_changed_document_costs_one_role(fed: Federation, checked: list[str]) -> None:
    state = advance(fed.pinned(), fed.publish())
    fed.put(policy("deny", priority=11))
    bundle = fed.publish()
    checked.clear()
    advance(state, bundle)
    assert checked == ["timestamp", "snapshot", "policies/net-4"]
    checked.clear()
    fresh = advance(fed.pinned(), bundle)
    assert len(checked) == 1 + 2 + 1 + 1 + 1 + 16, "pinning, timestamp, snapshot, targets, inventory, a team's bins"
    assert fresh == advance(state, bundle)


def test_a_role_s_description_and_expiry_are_always_judged(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())

    def vaguer(snapshot: Any) -> None:
        snapshot.version += 1
        snapshot.meta["policies/net-4.json"].hashes = None

    fed.metadata[SNAPSHOT] = resigned(fed.metadata[SNAPSHOT], fed.keys.snapshot, vaguer)
    with pytest.raises(TrustError, match="EDICT0214"):
        advance(replace(state, snapshot=None), fed.stamped())
    later = replace(state, proofs={role: replace(proof, expires=NOW) for role, proof in state.proofs.items()})
    with pytest.raises(TrustError, match="EDICT0204"):
        advance(later, Bundle())


def rotated(fed: Federation) -> bytes:
    """Targets with another key for the team: what its old key signed counts no more."""
    new = signer()

    def replace_key(top: Targets) -> None:
        top.version += 1
        assert top.delegations is not None
        assert top.delegations.roles is not None
        top.revoke_key(fed.keys.teams["net"].public_key.keyid, TEAM)
        top.add_key(new.public_key, TEAM)

    return resigned(fed.metadata[TARGETS], fed.keys.targets, replace_key)


def fewer_keys(fed: Federation) -> bytes:
    """The team's own delegation with another key for its bins."""

    def replace_key(delegator: Targets) -> None:
        delegator.version += 1
        assert delegator.delegations is not None
        assert delegator.delegations.succinct_roles is not None
        delegator.revoke_key(fed.keys.teams["net"].public_key.keyid)
        delegator.add_key(signer().public_key)

    return resigned(fed.metadata[TEAM], fed.keys.teams["net"], replace_key)


@pytest.mark.parametrize(
    ("role", "change", "refused"),
    [(TARGETS, rotated, "metadata/policies/net/1"), (TEAM, fewer_keys, "metadata/policies/net-0/1")],
)
def test_a_cached_role_keeps_no_authority_of_an_earlier_delegator(
    fed: Federation,
    role: str,
    change: Callable[[Federation], bytes],
    refused: str,
) -> None:
    """python-tuf's known gap: a role that was verified under one delegator counts under another."""
    state = advance(fed.pinned(), fed.publish())
    before = fed.metadata[role]
    fed.metadata[role] = change(fed)
    bundle = fed.publish()
    with pytest.raises(TrustError, match=f"EDICT0202.*{refused}|{refused}.*EDICT0202"):
        advance(state, bundle)

    rebound = {
        name: replace(proof, above=fed.metadata[role]) if proof.above == before else proof
        for name, proof in state.proofs.items()
    }
    assert advance(replace(state, proofs=rebound), bundle).release == 3, "unbound from its delegator the attack works"


def new_root(fed: Federation, edit: Callable[[Root], None]) -> bytes:
    def next_version(root: Root) -> None:
        root.version += 1
        edit(root)

    return resigned(fed.metadata[ROOT], fed.keys.root, next_version)


def test_a_root_is_followed_without_its_release(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    root2 = new_root(fed, lambda _root: None)
    followed = verify.follow(state, [root2])
    assert (followed.root_version, followed.followed, followed.release) == (2, (root2,), state.release)
    assert verify.follow(followed, [root2]) == followed, "a root that is known is passed over"
    with pytest.raises(TrustError, match="EDICT0207"):
        verify.follow(followed, [fed.metadata[ROOT]])
    by_stranger = resigned(fed.metadata[ROOT], signer(), lambda root: setattr(root, "version", 2))
    with pytest.raises(TrustError, match="EDICT0202"):
        verify.follow(state, [by_stranger])


def test_a_stored_release_is_chained_to_the_pinned_root(fed: Federation) -> None:
    pinned = fed.metadata[ROOT]
    root2 = new_root(fed, lambda _root: None)
    state = advance(fed.pinned(), replace(fed.publish(), roots=(root2,)))

    def restored(root: bytes, roots: tuple[bytes, ...]) -> TrustState:
        return verify.restore(
            root=root,
            roots=roots,
            timestamp=state.timestamp,
            snapshot=state.snapshot,
            targets=state.targets,
            floors=state.floors,
        )

    assert restored(pinned, state.followed) == state
    with pytest.raises(TrustError, match="EDICT0207"):
        restored(pinned, ())
    thief = signer()
    metadata: Metadata[Root] = Metadata.from_bytes(root2)
    metadata.signed.add_key(thief.public_key, ROOT)
    metadata.sign(thief)
    forged = metadata.to_bytes()
    with pytest.raises(TrustError, match="EDICT0202"):
        restored(pinned, (forged,))
    assert restored(forged, ()).root == forged, "a stored root that is believed as it is would be the thief's"


def test_a_rotation_resets_floors_also_when_only_the_root_arrives(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    old, new = fed.keys.snapshot, signer()

    def rotate(root: Root) -> None:
        root.revoke_key(old.public_key.keyid, SNAPSHOT)
        root.add_key(new.public_key, SNAPSHOT)

    followed = verify.follow(state, [new_root(fed, rotate)])
    assert followed.floors == Floors(2, 1, 0)
    assert followed.documents == state.documents, "what is enforced stays"
    fed.keys = replace(fed.keys, snapshot=new)
    fed.release = 0
    assert verify.advance(followed, fed.publish(), now=NOW).release == 1
