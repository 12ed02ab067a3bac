"""A stolen hub signs: with the timestamp key, and with what else may be stolen beside it."""

from __future__ import annotations

import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey
from tuf.api.metadata import Root, Targets

from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from tests.attacks import weak
from tests.attacks.harness import attack
from tests.attacks.thief import forged, next_version, replaces, root_with, stamped, swapped, without_the_team
from tests.attacks.victims import Victim, message
from tests.unit.trust.federation import Federation, cluster, policy, signer


@attack("signs a policy, and a snapshot for it, with the timestamp key", without=[weak.UNSIGNED])
async def test_a_policy_signed_with_the_timestamp_key(fed: Federation, victim: Victim) -> bool:
    thief = fed.keys.timestamp
    fed.put(policy("open"), by=thief)
    fed.keys = replace(fed.keys, snapshot=thief)
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/open")


@attack("puts a policy of its own under a snapshot that the publisher signed", without=[weak.SIGNED_ONLY])
async def test_a_stolen_team_key_without_the_publisher_s(fed: Federation, victim: Victim) -> bool:
    """The hub has a team's key beside its own; the snapshot still describes the team's own bin."""
    bundle = fed.publish()
    fed.put(policy("open"))
    stolen = {role: data for role, data in fed.targets.items() if data != bundle.targets[role]}
    assert stolen
    await victim.hears(message(stamped(fed, swapped(bundle, stolen)), fed.blobs))
    return victim.enforces("net/open")


@attack("makes a release out of two with a snapshot of the timestamp key", without=[weak.ANY_KEY_OF_THE_ROOT])
async def test_a_snapshot_signed_with_the_timestamp_key(fed: Federation, victim: Victim) -> bool:
    old = fed.publish()
    fed.put(cluster("c"), policy("deny", priority=11))
    fed.publish()
    fed.metadata.update({role: old.targets[role] for role in old.targets if role.startswith("policies/")})
    fed.keys = replace(fed.keys, snapshot=fed.keys.timestamp)
    await victim.hears(message(fed.publish(), fed.blobs))
    return (victim.release, victim.priority()) == (4, 10)


@attack("signs targets with a stolen snapshot key, to be rid of a team", without=[weak.ANY_KEY_OF_THE_ROOT])
async def test_targets_signed_with_the_publisher_s_key(fed: Federation, victim: Victim) -> bool:
    fed.metadata[TARGETS] = forged(fed.metadata[TARGETS], without_the_team, fed.keys.snapshot)
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("signs the inventory with a stolen team's key", without=[weak.UNSIGNED])
async def test_an_inventory_signed_with_a_team_s_key(fed: Federation, victim: Victim) -> bool:
    fed.put(policy("prod", selector="{matchLabels: {env: prod}}"))
    fed.put(cluster("a", "{env: test}"), by=fed.keys.teams["net"])
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/deny") and not victim.enforces("net/prod")


@attack("signs a policy with a stolen receipt key that authors pinned", without=[weak.UNSIGNED])
async def test_a_policy_signed_with_a_receipt_key(fed: Federation, victim: Victim) -> bool:
    key = Ed25519PrivateKey.generate()
    pinned = cluster("a").replace(b"plugin: cilium", b"plugin: cilium, receiptKey: {public: '%s'}" % _hex(key))
    fed.put(pinned)
    fed.put(policy("open"), by=CryptoSigner(key))
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/open")


def _hex(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw().hex().encode()


def _two_of_two(fed: Federation, second: SSlibKey) -> None:
    """Have the root ask for two signatures under targets."""

    def edit(root: Root) -> None:
        root.add_key(second, TARGETS)
        root.roles[TARGETS].threshold = 2

    fed.metadata[ROOT] = forged(fed.metadata[ROOT], edit, fed.keys.root)


@attack("has one of the two keys that targets needs, and the publisher's", without=[weak.ONE_IS_ENOUGH])
async def test_one_stolen_key_of_two(fed: Federation) -> bool:
    _two_of_two(fed, _public(signer()))
    victim = await Victim.of(fed)
    fed.metadata[TARGETS] = forged(fed.metadata[TARGETS], without_the_team, fed.keys.targets)
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 2


def _public(key: Signer) -> SSlibKey:
    public = key.public_key
    assert isinstance(public, SSlibKey)
    return public


async def _signs_twice(fed: Federation, **keyval: str) -> bool:
    """Sign targets with one key, and list the signature under both ids that authors gave it by mistake."""
    key = _public(fed.keys.targets)
    twin = SSlibKey("ab" * 32, key.keytype, key.scheme, keyval or dict(key.keyval))
    _two_of_two(fed, twin)
    victim = await Victim.of(fed)
    plain = json.loads(forged(fed.metadata[TARGETS], without_the_team, fed.keys.targets))
    plain["signatures"].append({**plain["signatures"][0], "keyid": "ab" * 32})
    fed.metadata[TARGETS] = json.dumps(plain).encode()
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 2


@attack("signs twice with one key that authors listed under two ids", without=[weak.IDS_NOT_KEYS])
async def test_one_key_under_two_ids(fed: Federation) -> bool:
    return await _signs_twice(fed)


@attack("signs twice with one key that authors listed in two spellings", without=[weak.SPELLINGS_ARE_KEYS])
async def test_one_key_in_two_spellings(fed: Federation) -> bool:
    return await _signs_twice(fed, public=_public(fed.keys.targets).keyval["public"].upper())


@attack("makes a root of its own, with keys of its own for every role", without=[weak.SELF_SIGNED_ROOT])
async def test_a_root_of_its_own(fed: Federation, victim: Victim) -> bool:
    await victim.hears(message(fed.publish(), fed.blobs))
    other = Federation()
    other.put(cluster("a"), policy("open"))
    own = forged(other.metadata[ROOT], next_version, other.keys.root)
    other.release, other.timestamp_version = fed.release, fed.timestamp_version
    await victim.hears(message(other.publish(), other.blobs, roots=[own]))
    return victim.enforces("net/open")


@attack("brings back an old root, with the timestamp key that it took away", without=[weak.SELF_SIGNED_ROOT])
async def test_an_old_root_with_a_key_that_was_taken_away(fed: Federation, victim: Victim) -> bool:
    first, stolen, fresh = fed.metadata[ROOT], fed.keys.timestamp, signer()
    old = fed.publish()
    second = root_with(fed, replaces(TIMESTAMP, stolen, fresh))
    fed.keys = replace(fed.keys, timestamp=fresh)
    await victim.hears(message(fed.publish(), fed.blobs, roots=[second]))
    assert victim.release == 3
    fed.keys = replace(fed.keys, timestamp=stolen)
    await victim.hears(
        message(stamped(fed, replace(old, snapshot=fed.metadata[SNAPSHOT]), version=99), {}, roots=[first])
    )
    return victim.memory.state.timestamp_version == 99


@attack("keeps a team's old key alive in what agents have verified already", without=[weak.REBOUND])
async def test_a_cached_role_under_a_new_delegator(fed: Federation, victim: Victim) -> bool:
    """The team's key was stolen and used; authors take it away, and nobody signs the team's bins anew."""
    fed.put(policy("open"))
    await victim.hears(message(fed.publish(), fed.blobs))
    assert victim.enforces("net/open")

    def take_away(top: Targets) -> None:
        top.version += 1
        top.revoke_key(fed.keys.teams["net"].public_key.keyid, "policies/net")
        top.add_key(signer().public_key, "policies/net")

    fed.metadata[TARGETS] = forged(fed.metadata[TARGETS], take_away, fed.keys.targets)
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 3 and victim.enforces("net/open")


@attack("signs an absurd version, so that no later timestamp is ever newer", without=[weak.NO_RESET])
async def test_a_version_that_burns_the_counter(fed: Federation, victim: Victim) -> bool:
    """The cluster stands still until authors replace the timestamp key; what is asked is whether it then goes on."""
    await victim.hears(message(stamped(fed, fed.publish(), version=2**63 - 1), fed.blobs))
    assert victim.release == 2, "nothing forbids a high number"
    fresh = signer()
    second = root_with(fed, replaces(TIMESTAMP, fed.keys.timestamp, fresh))
    fed.keys, fed.timestamp_version = replace(fed.keys, timestamp=fresh), 0
    await victim.hears(message(fed.publish(), fed.blobs, roots=[second]))
    return victim.release != 3
