"""Every way a release can be wrong is refused by name, and the same attack succeeds where its defence is off."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp

from edict.errors import TrustError
from edict.trust import _check, authoring, verify
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS
from edict.trust.state import Bundle, Floors, TrustState
from tests.unit.trust.federation import NOW, Federation, cluster, policy, signer


@pytest.fixture
def fed() -> Federation:
    federation = Federation()
    federation.put(cluster("a", "{env: prod}"), policy("deny"))
    return federation


def advance(state: TrustState, bundle: Bundle, now: Any = NOW) -> TrustState:
    return verify.advance(state, bundle, now=now)


def refused(state: TrustState, bundle: Bundle, code: str, where: str = "", now: Any = NOW) -> None:
    with pytest.raises(TrustError) as caught:
        advance(state, bundle, now)
    assert caught.value.code == code, caught.value
    assert where in caught.value.where


def resigned(data: bytes, by: Signer, edit: Callable[[Any], None]) -> bytes:
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    edit(metadata.signed)
    metadata.sign(by)
    return metadata.to_bytes()


def test_a_release_is_taken_whole(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    assert state.release == 2
    assert set(state.documents) == {"inventory/a", "policies/net/deny"}
    assert state.expires == NOW + timedelta(days=7)


def test_only_what_changed_need_be_sent(fed: Federation) -> None:
    first = advance(fed.pinned(), fed.publish())
    before = dict(fed.metadata)
    fed.put(policy("deny", priority=11))
    bundle = fed.publish()
    changed = {role: data for role, data in bundle.targets.items() if before[role] != data}
    assert len(changed) == 1
    second = advance(first, replace(bundle, targets=changed))
    assert second == advance(first, bundle)
    assert second.release == 3


def test_the_same_release_again_changes_nothing(fed: Federation) -> None:
    bundle = fed.publish()
    state = advance(fed.pinned(), bundle)
    assert advance(state, bundle) == state
    assert advance(state, Bundle()) == state


def test_what_is_stored_is_verified_again_and_does_not_expire(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    stored = {"root": state.root, "timestamp": state.timestamp, "snapshot": state.snapshot}
    assert verify.restore(**stored, targets=state.targets, floors=state.floors) == state  # type: ignore[arg-type]
    forged = {**state.targets, "inventory": state.targets["inventory"].replace(b"prod", b"test")}
    with pytest.raises(TrustError, match="EDICT0205"):
        verify.restore(**stored, targets=forged, floors=state.floors)  # type: ignore[arg-type]
    with pytest.raises(TrustError, match="EDICT0207"):
        verify.restore(**stored, targets=state.targets, floors=Floors(1, 1, 3))  # type: ignore[arg-type]


def test_the_pinned_root_is_the_one_that_is_meant(fed: Federation) -> None:
    with pytest.raises(TrustError, match="EDICT0206"):
        verify.pin(fed.metadata[ROOT], "0" * 64)
    with pytest.raises(TrustError, match="EDICT0202"):
        verify.pin(resigned(fed.metadata[ROOT], signer(), lambda _: None))


@pytest.mark.parametrize("role", [SNAPSHOT, TARGETS, "inventory", "policies/net", "policies/net-4"])
def test_a_flipped_byte_anywhere_is_found_and_named(fed: Federation, role: str) -> None:
    bundle = fed.publish()
    state = fed.pinned()
    data = bytearray(fed.metadata[role])
    for position in range(0, len(data), 37):
        flipped = bytearray(data)
        flipped[position] ^= 1
        altered = (
            replace(bundle, snapshot=bytes(flipped))
            if role == SNAPSHOT
            else replace(bundle, targets={**bundle.targets, role: bytes(flipped)})
        )
        refused(state, altered, "EDICT0205", f"metadata/{role}/")


def test_a_flipped_byte_in_the_timestamp_is_found(fed: Federation) -> None:
    bundle = fed.publish()
    assert bundle.timestamp is not None
    for position in range(0, len(bundle.timestamp), 23):
        flipped = bytearray(bundle.timestamp)
        flipped[position] ^= 1
        with pytest.raises(TrustError):
            advance(fed.pinned(), replace(bundle, timestamp=bytes(flipped)))


def test_a_stolen_hub_cannot_author(fed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the timestamp key, and signs a policy, a bin and a snapshot with it."""
    thief = fed.keys.timestamp
    fed.put(policy("open-all"), by=thief)
    fed.keys = replace(fed.keys, snapshot=thief)
    bundle = fed.publish()
    refused(fed.pinned(), bundle, "EDICT0202", "metadata/snapshot/2")
    monkeypatch.setattr(_check, "signatures", lambda *_: None)
    assert "policies/net/open-all" in advance(fed.pinned(), bundle).documents


def test_one_team_cannot_sign_into_the_inventory(fed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    fed.put(cluster("b"), by=fed.keys.teams["net"])
    bundle = fed.publish()
    refused(fed.pinned(), bundle, "EDICT0202", "metadata/inventory/")
    monkeypatch.setattr(_check, "signatures", lambda *_: None)
    assert "inventory/b" in advance(fed.pinned(), bundle).documents


def test_one_key_under_two_ids_is_no_threshold(fed: Federation) -> None:
    key = fed.keys.targets.public_key
    twin = type(key)("ab" * 32, key.keytype, key.scheme, key.keyval)

    def two_of_two(root: Root) -> None:
        root.add_key(twin, TARGETS)
        root.roles[TARGETS].threshold = 2

    fed.metadata[ROOT] = resigned(fed.metadata[ROOT], fed.keys.root, two_of_two)
    plain = json.loads(fed.metadata[TARGETS])
    plain["signatures"].append({**plain["signatures"][0], "keyid": "ab" * 32})
    fed.metadata[TARGETS] = json.dumps(plain).encode()
    refused(fed.pinned(), fed.publish(), "EDICT0203", "metadata/targets/1")


def test_below_the_threshold_is_refused(fed: Federation) -> None:
    def two_of_two(root: Root) -> None:
        root.add_key(signer().public_key, TARGETS)
        root.roles[TARGETS].threshold = 2

    fed.metadata[ROOT] = resigned(fed.metadata[ROOT], fed.keys.root, two_of_two)
    refused(fed.pinned(), fed.publish(), "EDICT0202", "metadata/targets/1")


def test_rollback_of_timestamp_snapshot_and_role(fed: Federation) -> None:
    old = fed.publish()
    bins = {role: data for role, data in fed.metadata.items() if role.startswith("policies/net-")}
    fed.put(policy("deny", priority=11))
    newer = fed.publish()
    state = advance(advance(fed.pinned(), old), newer)
    refused(state, old, "EDICT0207", "metadata/timestamp/1")
    fed.timestamp_version = 9
    fed.release = 1
    refused(state, fed.publish(), "EDICT0207", "metadata/snapshot/2")
    fed.release = 9
    fed.metadata.update(bins)
    refused(state, fed.publish(), "EDICT0207", "metadata/policies/net-4/2")
    assert advance(fed.pinned(), fed.publish()).release == 11, "without a floor the old role is taken: the attack works"


def test_a_role_cannot_be_dropped(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    del fed.metadata["policies/net-4"]
    bundle = fed.publish()
    refused(state, bundle, "EDICT0207", "metadata/snapshot/3")
    refused(fed.pinned(), bundle, "EDICT0212", "metadata/snapshot/3")


def test_mix_and_match_of_two_releases(fed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fed.publish()
    fed.put(policy("deny", priority=11))
    new = fed.publish()
    mixed = replace(new, targets=old.targets)
    refused(fed.pinned(), mixed, "EDICT0205", "metadata/policies/net-4/3")
    monkeypatch.setattr(_check, "described", lambda *_: None)
    refused(fed.pinned(), mixed, "EDICT0210", "metadata/policies/net-4/3")


def test_split_view_is_seen(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    fed.release -= 1
    fed.timestamp_version -= 1
    fed.now = NOW + timedelta(seconds=1)
    refused(state, fed.publish(), "EDICT0209", "metadata/timestamp/1")


def test_a_missing_role_is_named(fed: Federation) -> None:
    bundle = fed.publish()
    fewer = {role: data for role, data in bundle.targets.items() if role != "policies/net-7"}
    refused(fed.pinned(), replace(bundle, targets=fewer), "EDICT0208", "metadata/policies/net-7/1")


@pytest.mark.parametrize(("days", "where"), [(2, "timestamp"), (8, "timestamp"), (400, "root")])
def test_what_has_expired_is_not_news(fed: Federation, days: int, where: str) -> None:
    refused(fed.pinned(), fed.publish(), "EDICT0204", f"metadata/{where}/", NOW + timedelta(days=days))


def test_an_expired_snapshot_freezes_nobody(fed: Federation) -> None:
    bundle = fed.publish(lifetime=timedelta(days=30))
    refused(fed.pinned(), bundle, "EDICT0204", "metadata/snapshot/2", NOW + timedelta(days=8))


def test_a_bin_owns_only_its_hashes(fed: Federation) -> None:
    """A policy in another bin than its name's could hide a second version of itself."""
    content = fed.metadata["policies/net-4"]
    entry = Metadata[Targets].from_bytes(content).signed.targets["policies/net/deny"]

    def copy(signed: Targets) -> None:
        signed.targets["policies/net/deny"] = entry

    fed.metadata["policies/net-0"] = resigned(fed.metadata["policies/net-0"], fed.keys.teams["net"], copy)
    refused(fed.pinned(), fed.publish(), "EDICT0213", "metadata/policies/net-0/1")


@pytest.mark.parametrize("path", ["inventory/a", "policies/other/x", "policies/net/../x", "policies/net/a/b", "x"])
def test_a_team_names_only_its_own_paths(fed: Federation, path: str) -> None:
    entry = Metadata[Targets].from_bytes(fed.metadata["policies/net-4"]).signed.targets["policies/net/deny"]

    def escape(signed: Targets) -> None:
        signed.targets = {path: entry}

    fed.metadata["policies/net-4"] = resigned(fed.metadata["policies/net-4"], fed.keys.teams["net"], escape)
    refused(fed.pinned(), fed.publish(), "EDICT0213", "metadata/policies/net-4/2")


def _wide_paths(top: Targets) -> None:
    assert top.delegations is not None
    assert top.delegations.roles is not None
    top.delegations.roles["inventory"].paths = ["*"]


def _unknown_limit(top: Targets) -> None:
    assert top.delegations is not None
    assert top.delegations.roles is not None
    top.delegations.roles["inventory"].unrecognized_fields = {"x-limits": {"tiers": ["Admin"]}}


def _names_a_target(top: Targets) -> None:
    top.targets = {"policies/net/x": TargetFile(1, {"sha256": "00"}, "policies/net/x")}


@pytest.mark.parametrize(
    ("edit", "code"), [(_wide_paths, "EDICT0214"), (_unknown_limit, "EDICT0214"), (_names_a_target, "EDICT0213")]
)
def test_a_graph_of_another_shape_is_refused(fed: Federation, edit: Callable[[Targets], None], code: str) -> None:
    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, edit)
    refused(fed.pinned(), fed.publish(), code, "metadata/targets/1")


def test_root_rotates_one_version_at_a_time(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    old_key, new_key = fed.keys.timestamp, signer()
    old_root = fed.metadata[ROOT]

    def rotate(root: Root) -> None:
        root.version += 1
        root.revoke_key(old_key.public_key.keyid, "timestamp")
        root.add_key(new_key.public_key, "timestamp")

    root2 = resigned(old_root, fed.keys.root, rotate)
    fed.timestamp_version = 0
    fed.keys = replace(fed.keys, timestamp=new_key)
    bundle = replace(fed.publish(), roots=(root2,))
    rotated = advance(state, bundle)
    assert rotated.floors == Floors(2, 1, 3), "all timestamp keys were replaced, so its version may start again"
    refused(rotated, replace(bundle, roots=(old_root,)), "EDICT0207", "metadata/root/1")
    by_stranger = resigned(old_root, signer(), rotate)
    refused(state, replace(bundle, roots=(by_stranger,)), "EDICT0202", "metadata/root/2")


NO_CANONICAL_FORM = tuple(
    b'{"signatures": [], "signed": {"_type": "timestamp", "spec_version": "1.0.31", "version": 1, "expires": '
    b'"2099-01-01T00:00:00Z", "meta": {"snapshot.json": {"version": 1}}, "x": %s}}' % value
    for value in (b"1.5", b"NaN", b"1e400", b'"\\ud800"')
)


def test_garbage_is_an_error_of_ours(fed: Federation) -> None:
    bundle = fed.publish()
    for garbage in (
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"signed": {"_type": "root"}}',
        fed.metadata[ROOT],
        b"[" * 100000,
    ):
        with pytest.raises(TrustError, match="EDICT0201"):
            advance(fed.pinned(), replace(bundle, timestamp=garbage or b" "))
    assert isinstance(Metadata[Timestamp].from_bytes(bundle.timestamp or b"").signed, Timestamp)


def test_an_error_stays_on_one_short_line(fed: Federation) -> None:
    loud = b'{"signatures": [], "signed": {"_type": "' + b"x\\nError [EDICT0000] forged" * 300 + b'"}}'
    with pytest.raises(TrustError) as caught:
        advance(fed.pinned(), replace(fed.publish(), timestamp=loud))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_an_unsigned_timestamp_is_not_read_at_length(fed: Federation) -> None:
    refused(fed.pinned(), replace(fed.publish(), timestamp=b" " * 20_000), "EDICT0201", "metadata/timestamp/")


@pytest.mark.parametrize("drop", [{"hashes"}, {"length"}, {"hashes", "length"}])
def test_a_version_alone_describes_nothing(fed: Federation, drop: set[str]) -> None:
    """A team that swaps its bin after the publisher signed would not be seen."""

    def vaguer(snapshot: Any) -> None:
        for field in drop:
            setattr(snapshot.meta["policies/net-4.json"], field, None)

    fed.publish()
    fed.metadata[SNAPSHOT] = resigned(fed.metadata[SNAPSHOT], fed.keys.snapshot, vaguer)
    refused(fed.pinned(), fed.stamped(), "EDICT0214", "metadata/policies/net-4/2")


def test_a_weaker_digest_is_no_digest(fed: Federation) -> None:
    def downgrade(snapshot: Any) -> None:
        snapshot.meta["policies/net-4.json"].hashes = {"md5": "0" * 32}

    fed.publish()
    fed.metadata[SNAPSHOT] = resigned(fed.metadata[SNAPSHOT], fed.keys.snapshot, downgrade)
    refused(fed.pinned(), fed.stamped(), "EDICT0214", "metadata/policies/net-4/2")


def test_a_role_s_floor_outlives_its_delegation(fed: Federation) -> None:
    """A role that nobody delegates any more still stands in the snapshot, and does not come back older."""
    old = {role: data for role, data in fed.metadata.items() if role.startswith("policies/")}
    fed.put(policy("deny", priority=11))
    state = advance(fed.pinned(), fed.publish())
    delegating = fed.metadata[TARGETS]

    def forget(top: Targets) -> None:
        assert top.delegations is not None
        assert top.delegations.roles is not None
        del top.delegations.roles["policies/net"]
        top.version += 1

    fed.metadata[TARGETS] = resigned(delegating, fed.keys.targets, forget)
    without = advance(state, fed.publish())
    assert "policies/net-4" not in without.versions

    def recall(top: Targets) -> None:
        top.version += 2

    fed.metadata.update({**old, TARGETS: resigned(delegating, fed.keys.targets, recall)})
    refused(without, fed.publish(), "EDICT0207", "metadata/policies/net-4/2")


def test_one_release_has_one_content(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())
    fed.release -= 1
    fed.put(policy("other"))
    refused(state, fed.publish(), "EDICT0209", "metadata/snapshot/2")


def test_one_version_of_a_role_has_one_content(fed: Federation) -> None:
    state = advance(fed.pinned(), fed.publish())

    def same_version(signed: Targets) -> None:
        signed.targets = {}

    fed.metadata["policies/net-4"] = resigned(fed.metadata["policies/net-4"], fed.keys.teams["net"], same_version)
    refused(state, fed.publish(), "EDICT0209", "metadata/policies/net-4/2")


@pytest.mark.parametrize("spell", [str.upper, lambda text: f"{text[:2]} {text[2:]}"])
def test_another_spelling_of_a_key_is_not_another_key(fed: Federation, spell: Callable[[str], str]) -> None:
    key = fed.keys.targets.public_key
    twin = type(key)("ab" * 32, key.keytype, key.scheme, {"public": spell(key.keyval["public"])})

    def two_of_two(root: Root) -> None:
        root.add_key(twin, TARGETS)
        root.roles[TARGETS].threshold = 2

    fed.metadata[ROOT] = resigned(fed.metadata[ROOT], fed.keys.root, two_of_two)
    plain = json.loads(fed.metadata[TARGETS])
    plain["signatures"].append({**plain["signatures"][0], "keyid": "ab" * 32})
    fed.metadata[TARGETS] = json.dumps(plain).encode()
    refused(fed.pinned(), fed.publish(), "EDICT0203", "metadata/targets/1")


def test_a_new_id_for_an_old_key_resets_no_floor(fed: Federation) -> None:
    fed.publish()
    state = advance(fed.pinned(), fed.publish())
    key = fed.keys.snapshot.public_key
    renamed = type(key)("cd" * 32, key.keytype, key.scheme, key.keyval)

    def rename(root: Root) -> None:
        root.version += 1
        root.revoke_key(key.keyid, SNAPSHOT)
        root.add_key(renamed, SNAPSHOT)

    root2 = resigned(fed.metadata[ROOT], fed.keys.root, rename)
    fed.release = 1
    refused(state, replace(fed.publish(), roots=(root2,)), "EDICT0207", "metadata/snapshot/2")


def test_whitespace_in_a_timestamp_is_not_a_stolen_hub(fed: Federation) -> None:
    bundle = fed.publish()
    state = advance(fed.pinned(), bundle)
    assert bundle.timestamp is not None
    spaced = replace(bundle, timestamp=bundle.timestamp + b"\n", roots=(fed.metadata[ROOT] + b"\n",))
    assert advance(state, spaced).release == state.release


def test_a_field_that_this_version_does_not_know_is_refused(fed: Federation) -> None:
    def unknown(signed: Targets) -> None:
        signed.unrecognized_fields = {"x-only-in": ["prod"]}

    fed.metadata["policies/net-4"] = resigned(fed.metadata["policies/net-4"], fed.keys.teams["net"], unknown)
    refused(fed.pinned(), fed.publish(), "EDICT0214", "metadata/policies/net-4/2")


def test_a_document_is_described_by_one_sha256_and_a_bounded_length(fed: Federation) -> None:
    for hashes, length in (
        ({"sha256": "../../x"}, 1),
        ({"sha256": "0" * 64, "md5": "0"}, 1),
        ({"sha256": "0" * 64}, 10**30),
    ):

        def bend(signed: Targets, hashes: dict[str, str] = hashes, length: int = length) -> None:
            entry = signed.targets["policies/net/deny"]
            entry.hashes, entry.length = hashes, length

        altered = resigned(fed.metadata["policies/net-4"], fed.keys.teams["net"], bend)
        kept, fed.metadata["policies/net-4"] = fed.metadata["policies/net-4"], altered
        refused(fed.pinned(), fed.publish(), "EDICT0214", "metadata/policies/net-4/2")
        fed.metadata["policies/net-4"] = kept


def test_a_team_cannot_have_the_name_of_a_bin() -> None:
    keys = Federation().keys
    with pytest.raises(TrustError, match="EDICT0214"):
        authoring.initial(replace(keys, teams={"net": signer(), "net-4": signer()}), NOW)
