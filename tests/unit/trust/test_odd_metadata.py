"""Keys, names, numbers and sizes that no author of ours writes: each is refused with a code, and costs little."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets
from tuf.api.serialization.json import JSONSerializer

from edict.errors import TrustError
from edict.policy.parse import load_one
from edict.trust import _check, authoring, naming, verify
from edict.trust.audit.lines import Header, MetadataLine
from edict.trust.audit.signing import Signing
from edict.trust.receipts import MAX_NUMBER
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, policy_path, team_role
from edict.trust.state import Bundle, TrustState
from tests.unit.trust.exports import DENY_2, codes, compliant, inventory, judged, story, written
from tests.unit.trust.federation import NOW, Federation, cluster, policy, signer
from tests.unit.trust.test_verify import resigned


@pytest.fixture
def fed() -> Federation:
    federation = Federation()
    federation.put(cluster("a", "{env: prod}"), policy("deny"))
    return federation


def rooted(fed: Federation, edit: Callable[[Root], None]) -> bytes:
    """Sign the next root, changed."""
    metadata: Metadata[Root] = Metadata.from_bytes(fed.metadata[ROOT])
    metadata.signed.version += 1
    edit(metadata.signed)
    metadata.sign(fed.keys.root)
    return metadata.to_bytes()


@pytest.mark.parametrize("role", [TIMESTAMP, SNAPSHOT])
def test_an_id_without_a_key_is_no_key(fed: Federation, role: str) -> None:
    """The specification lets a role name a key that the root does not have: nobody signs with it."""
    bundle = fed.publish()
    state = verify.advance(fed.pinned(), bundle, now=NOW)
    root2 = rooted(fed, lambda root: root.roles[role].keyids.append("ff" * 32))
    followed = verify.follow(state, [root2])
    assert followed.floors == replace(state.floors, root=2), "its key is still there, so its floor stays"

    def only_the_absent(root: Root) -> None:
        root.roles[role].keyids = ["ff" * 32]

    with pytest.raises(TrustError, match="EDICT0202"):
        verify.advance(verify.follow(state, [rooted(fed, only_the_absent)]), bundle, now=NOW)


PGP = (("rsa", "pgp+rsa-pkcsv1.5"), ("dsa", "pgp+dsa-fips-180-2"), ("eddsa", "pgp+eddsa-ed25519"))


@pytest.mark.parametrize(("kind", "scheme"), PGP)
@pytest.mark.parametrize("value", [{}, {"public": {}}, {"public": {"q": 1, "e": "zz", "n": "1", "y": "0"}}])
def test_a_key_of_a_kind_that_nobody_here_reads_is_an_error_of_ours(
    fed: Federation, kind: str, scheme: str, value: dict[str, Any]
) -> None:
    odd = Key.from_dict("ee" * 32, {"keytype": kind, "scheme": scheme, "keyval": value})
    root2 = rooted(fed, lambda root: root.add_key(odd, TARGETS))
    plain = json.loads(fed.metadata[TARGETS])
    plain["signatures"].append({"keyid": odd.keyid, "sig": "00", "other_headers": "04"})
    fed.metadata[TARGETS] = json.dumps(plain).encode()
    with pytest.raises(TrustError) as caught:
        verify.advance(fed.pinned(), replace(fed.publish(), roots=(root2,)), now=NOW)
    assert caught.value.code == "EDICT0214"
    assert caught.value.where.startswith("metadata/targets/"), caught.value


def test_a_key_of_that_kind_fails_in_ways_of_its_own(fed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "_readable", lambda *_: None)
    with pytest.raises(KeyError):
        test_a_key_of_a_kind_that_nobody_here_reads_is_an_error_of_ours(fed, *PGP[0], {})


def test_a_role_whose_name_is_no_text_is_an_error_of_ours(fed: Federation) -> None:
    def number(top: Targets) -> None:
        assert top.delegations is not None
        assert top.delegations.roles is not None
        entry = top.delegations.roles.pop("inventory")
        entry.name = 7  # type: ignore[assignment]
        top.delegations.roles[7] = entry  # type: ignore[index]

    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, number)
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.advance(fed.pinned(), fed.publish(), now=NOW)


def of_team(team: str, name: str) -> tuple[TrustState, Bundle]:
    """Return a release in which a team names one policy, and the state to take it from."""
    fed = Federation(keys=replace(Federation().keys, teams={team: signer()}))
    content = policy(name)
    item = authoring.Change(policy_path(team, name), content, load_one(content, name))
    fed.metadata.update(authoring.change(fed.targets, team_role(team), [item], fed.keys.teams[team], NOW))
    return fed.pinned(), fed.publish()


@pytest.mark.parametrize(("team", "name"), [("edict", "built-in"), ("t" * 32, "n" * 31)])
def test_a_policy_whose_name_no_cluster_can_carry_is_refused(
    team: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the built-in policy stops every plan of an agent, and a label has 63 characters."""
    state, bundle = of_team(team, name)
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.advance(state, bundle, now=NOW)
    monkeypatch.setattr(naming, "_fits", lambda *_: None)
    assert set(verify.advance(state, bundle, now=NOW).documents) == {policy_path(team, name)}


def test_a_name_that_just_fits_is_taken() -> None:
    state, bundle = of_team("t" * 32, "n" * 30)
    assert len(verify.advance(state, bundle, now=NOW).documents) == 1


def test_a_receipt_of_no_release_does_not_follow_one_of_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that authors took out would count for it: which key is in force is asked of the release."""
    made = story()
    thief = made.clusters["a"].key
    made.clusters["a"].key = Ed25519PrivateKey.generate()
    made.publish(inventory("a", made.clusters["a"].key))
    made.clusters["a"].say(made.fed.release, NOW + timedelta(hours=1), compliant(DENY_2))
    assert not codes(judged(made.lines(), made.root))
    made.clusters["a"].key = thief
    made.clusters["a"].say(0, NOW + timedelta(hours=1, minutes=5))
    assert codes(judged(made.lines(), made.root)) == {"EDICT0251"}
    monkeypatch.setattr(Signing, "_unknown_release", lambda *_: None)
    assert not codes(judged(made.lines(), made.root))


def test_every_release_that_is_taken_can_be_shown_to_an_auditor(
    fed: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen publisher's key must not number a release so that no receipt and no export can name it."""
    fed.release = MAX_NUMBER - 1
    state = verify.advance(fed.pinned(), fed.publish(), now=NOW)
    assert state.release == MAX_NUMBER
    assert written([Header(), MetadataLine(SNAPSHOT, state.release, state.snapshot or b"")])
    with monkeypatch.context() as lifted:
        lifted.setattr(_check, "MAX_VERSION", 2**64)
        beyond = fed.publish()
        unspeakable = verify.advance(state, beyond, now=NOW)
        with pytest.raises(TrustError, match="EDICT0250"):
            written([Header(), MetadataLine(SNAPSHOT, unspeakable.release, unspeakable.snapshot or b"")])
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.advance(state, beyond, now=NOW)


def test_roots_up_to_the_trusted_one_are_passed_over(fed: Federation) -> None:
    """A hub sends what it thinks that an agent lacks; meanwhile the agent may have followed some of it."""
    first = fed.metadata[ROOT]
    second = fed.metadata[ROOT] = rooted(fed, lambda _: None)
    third = fed.metadata[ROOT] = rooted(fed, lambda _: None)
    fourth = rooted(fed, lambda _: None)
    state = verify.follow(verify.pin(first), [second, third])
    again = verify.follow(state, [first, second, third, fourth])
    assert (again.root, again.followed) == (fourth, (second, third, fourth))
    assert verify.follow(state, [second, third]) == state
    for old in ([second], [second, fourth], [third, second]):
        with pytest.raises(TrustError, match="EDICT0207"):
            verify.follow(state, old)


@pytest.mark.parametrize("part", [b"0,", b"{},", b"[[[[[[[]]]]]]],"])
def test_a_snapshot_of_nothing_but_parts_is_not_read(
    fed: Federation, part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's timestamp vouches for it, so it is parsed before the publisher's signature is judged."""
    fed.publish()
    stuffing = b'"x": [%s 0], "_type"' % (part * 50_000)
    fed.metadata[SNAPSHOT] = fed.metadata[SNAPSHOT].replace(b'"_type"', stuffing, 1)
    with monkeypatch.context() as lifted:
        lifted.setattr(_check, "LEAST_BYTES_OF_A_PART", 0.5)
        bundle = fed.stamped()
        with pytest.raises(TrustError, match="EDICT0202"):
            verify.advance(fed.pinned(), bundle, now=NOW)
    with pytest.raises(TrustError, match="EDICT0201"):
        verify.advance(fed.pinned(), bundle, now=NOW)


def test_a_snapshot_of_many_roles_is_far_from_that() -> None:
    meta = {f"policies/t-{number:x}.json": MetaFile(1, 1, {"sha256": "0" * 64}) for number in range(4096)}
    data = Metadata(Snapshot(meta=meta)).to_bytes(JSONSerializer(compact=True))
    assert _check.parse(SNAPSHOT, data, Snapshot).signed.meta == meta
    assert len(data) > _check.LEAST_BYTES_OF_A_PART * 1.3 * sum(map(data.count, b",[{"))
