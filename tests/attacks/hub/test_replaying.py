"""A stolen hub shows again what once was good, in parts, too late, or not the same to everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from edict.trust import verify
from edict.trust.state import Bundle, TrustState
from edict_agent.store.model import Verified
from tests.attacks import weak
from tests.attacks.harness import Off, attack
from tests.attacks.thief import stamped, swapped
from tests.attacks.victims import Victim, message
from tests.unit.trust.federation import Federation, cluster, policy


def two_releases(fed: Federation) -> tuple[Bundle, Bundle]:
    """A release, and the next one, in which the policy has priority 11."""
    old = fed.publish()
    fed.put(policy("deny", priority=11))
    return old, fed.publish()


@attack("signs a new timestamp over an older release", without=[weak.NO_FLOOR, weak.NOT_COMPARED], alone=True)
async def test_an_older_release_to_an_agent_that_has_a_newer_one(fed: Federation, victim: Victim) -> bool:
    old, new = two_releases(fed)
    await victim.hears(message(new, fed.blobs))
    await victim.hears(message(stamped(fed, old), fed.blobs))
    return victim.priority() == 10


@attack("shows again an older timestamp that was good once", without=[weak.NO_FLOOR, weak.NOT_COMPARED], alone=True)
async def test_an_older_timestamp(fed: Federation, victim: Victim) -> bool:
    old, new = two_releases(fed)
    await victim.hears(message(old, fed.blobs))
    await victim.hears(message(new, fed.blobs))
    await victim.hears(message(old, fed.blobs))
    return victim.priority() == 10


def _knows_nothing(_stored: Verified, root: bytes) -> tuple[TrustState, TrustState]:
    state = verify.pin(root)
    return state, state


@attack(
    "waits for a restart of the agent, and shows an older release", without=[Off(Verified, "restore", _knows_nothing)]
)
async def test_an_older_release_after_a_restart(fed: Federation, victim: Victim) -> bool:
    old, new = two_releases(fed)
    await victim.hears(message(new, fed.blobs))
    again = await victim.restarted()
    await again.hears(message(stamped(fed, old), fed.blobs))
    return again.priority() == 10


@attack("shows a new agent an older release whose snapshot has expired", without=[weak.NEVER_EXPIRES])
async def test_an_expired_release_to_a_new_agent(fed: Federation, victim: Victim) -> bool:
    old, _ = two_releases(fed)
    victim.clock.turn(timedelta(days=8))
    fed.now += timedelta(days=8)
    await victim.hears(message(stamped(fed, old), fed.blobs))
    return victim.release == 2


@attack("shows an old agent the same release for ever, with new timestamps", without=[weak.NEVER_EXPIRES])
async def test_the_same_release_for_ever(fed: Federation, victim: Victim) -> bool:
    """Beyond the snapshot's expiry no timestamp makes the release verified anew."""
    bundle = fed.publish()
    await victim.hears(message(bundle, fed.blobs))
    for _ in range(8):
        victim.clock.turn(timedelta(days=1))
        fed.now += timedelta(days=1)
        await victim.hears(message(stamped(fed, bundle), fed.blobs))
    assert victim.memory.judged is not None
    return victim.memory.judged.at == victim.clock.now()


@attack("gives an agent the newest release with a team's roles of the one before", without=[weak.SIGNED_ONLY])
async def test_roles_of_two_releases(fed: Federation, victim: Victim) -> bool:
    old, new = two_releases(fed)
    before = {role: data for role, data in old.targets.items() if role.startswith("policies/")}
    await victim.hears(message(swapped(new, before), fed.blobs))
    return (victim.release, victim.priority()) == (3, 10)


@attack("gives an agent the newest policies with the inventory of the release before", without=[weak.SIGNED_ONLY])
async def test_the_inventory_of_an_older_release(fed: Federation, victim: Victim) -> bool:
    """The cluster had other labels then, so a policy of now would not be placed on it."""
    old = fed.publish()
    fed.put(cluster("a", "{env: prod, pci: yes-it-is}"), policy("pci", selector="{matchLabels: {pci: yes-it-is}}"))
    new = fed.publish()
    await victim.hears(message(swapped(new, {"inventory": old.targets["inventory"]}), fed.blobs))
    return victim.release == 3 and not victim.enforces("net/pci")


@attack("gives an agent an older snapshot under a newer timestamp", without=[weak.SNAPSHOT_UNDESCRIBED])
async def test_a_snapshot_that_the_timestamp_does_not_name(fed: Federation, victim: Victim) -> bool:
    """The publisher signed two snapshots of one number by mistake, and the hub keeps the one for later."""
    fed.release += 1
    dropped = replace(fed.publish(), targets=fed.targets)
    fed.release -= 1
    fed.put(policy("deny", priority=11))
    shown = fed.publish()
    await victim.hears(message(replace(dropped, timestamp=shown.timestamp), fed.blobs))
    return victim.priority() == 10


@attack("gives one timestamp version two contents", without=[weak.FORGETS_CONTENTS])
async def test_one_timestamp_version_with_two_contents(fed: Federation, victim: Victim) -> bool:
    """What it says to one cluster and to another must not pass for the same."""
    old, new = two_releases(fed)
    await victim.hears(message(old, fed.blobs))
    await victim.hears(message(stamped(fed, new, version=1), fed.blobs))
    return victim.memory.state.timestamp_version == 1 and victim.release == 3


@attack("has the publisher's key, and gives one release number two contents", without=[weak.NOT_COMPARED])
async def test_one_release_number_with_two_contents(fed: Federation, victim: Victim) -> bool:
    await victim.hears(message(fed.publish(), fed.blobs))
    fed.release -= 1
    fed.put(policy("deny", priority=11))
    await victim.hears(message(fed.publish(), fed.blobs))
    return (victim.release, victim.priority()) == (2, 11)
