"""The owner of etcd changes, deletes, swaps and rolls back what a release is made of; a hub relays it to an agent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from edict.ids import digest_of
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT
from edict_hub.store import keys
from tests.attacks import weak
from tests.attacks.etcd.stolen import BIN, Stolen
from tests.attacks.harness import attack
from tests.attacks.thief import forged, next_version
from tests.attacks.victims import Victim
from tests.integration.hub.hubs import policy
from tests.unit.trust.federation import Federation, cluster

pytestmark = pytest.mark.parts
DENY = keys.blob(digest_of(policy("deny")))


@attack("flips a byte in a document", without=[weak.ANY_DOCUMENT])
async def test_a_flipped_byte_in_a_document(stolen: Stolen, victim: Victim) -> bool:
    before = await stolen.value(DENY)
    await stolen.put(DENY, before.replace(b"priority: 10", b"priority: 90"))
    await stolen.tells(victim)
    return victim.priority() == 90


@attack("deletes a document, so that its policy is nowhere", without=[weak.WHAT_THERE_IS])
async def test_a_deleted_document(stolen: Stolen, victim: Victim) -> bool:
    await stolen.delete(DENY)
    await stolen.tells(victim)
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("puts an older version of a document under the key of the newer", without=[weak.ANY_DOCUMENT])
async def test_an_older_document_under_a_newer_key(stolen: Stolen, victim: Victim) -> bool:
    newer = policy("deny", priority=11)
    await stolen.publish(newer)
    await stolen.put(keys.blob(digest_of(newer)), await stolen.value(DENY))
    await stolen.tells(victim)
    return (victim.release, victim.priority()) == (3, 10)


@attack("takes a policy out of the role that names it", without=[weak.UNDESCRIBED, weak.UNSIGNED], alone=True)
async def test_a_policy_taken_out_of_its_role(stolen: Stolen, victim: Victim) -> bool:
    await stolen.edit(stolen.key(BIN), lambda signed: signed["targets"].clear())
    await stolen.tells(victim)
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("gives a cluster other labels", without=[weak.UNDESCRIBED, weak.UNSIGNED, weak.ANY_DOCUMENT], alone=True)
async def test_a_cluster_with_other_labels(stolen: Stolen, victim: Victim) -> bool:
    await stolen.publish(policy("prod", selector="{matchLabels: {env: prod}}"))

    def relabel(signed: Any) -> None:
        signed["targets"]["inventory/c1"]["custom"]["labels"] = {"env": "test"}

    await stolen.edit(stolen.key(INVENTORY), relabel)
    await stolen.put(keys.blob(digest_of(cluster("c1", "{env: prod}"))), cluster("c1", "{env: test}"))
    await stolen.tells(victim)
    return victim.release == 3 and not victim.enforces("net/prod")


@attack("swaps two roles of one team, which the same key signed", without=[weak.SIGNED_ONLY])
async def test_two_roles_swapped(stolen: Stolen, victim: Victim) -> bool:
    await stolen.put(stolen.key(BIN), await stolen.value(stolen.key("policies/net-5")))
    await stolen.tells(victim)
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("puts an older version of a role under the key of the newer", without=[weak.SIGNED_ONLY])
async def test_an_older_role_under_a_newer_key(stolen: Stolen, victim: Victim) -> bool:
    before = await stolen.value(stolen.key(BIN))
    await stolen.publish(policy("deny", priority=11))
    await stolen.put(stolen.key(BIN), before)
    await stolen.tells(victim)
    return (victim.release, victim.priority()) == (3, 10)


@attack("deletes the role that names a policy", without=[weak.PASSES_OVER_ROLES])
async def test_a_deleted_role(stolen: Stolen, victim: Victim) -> bool:
    await stolen.delete(stolen.key(BIN))
    await stolen.tells(victim)
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("rolls the commit point back to an older release", without=[weak.NO_FLOOR, weak.NOT_COMPARED], alone=True)
async def test_the_timestamp_rolled_back(stolen: Stolen, victim: Victim) -> bool:
    before = await stolen.value(keys.TIMESTAMP)
    await stolen.publish(policy("deny", priority=11))
    await stolen.tells(victim)
    assert victim.priority() == 11
    await stolen.put(keys.TIMESTAMP, before)
    await stolen.tells(victim)
    return victim.priority() == 10


@attack("has a timestamp of yesterday live longer", without=[weak.UNSIGNED])
async def test_a_timestamp_that_lives_longer(stolen: Stolen, victim: Victim) -> bool:
    victim.clock.turn(timedelta(days=2))
    await stolen.edit(keys.TIMESTAMP, lambda signed: signed.update(expires="2099-01-01T00:00:00Z"))
    await stolen.tells(victim)
    return victim.release == 2


@attack(
    "puts another snapshot under the timestamp that is there", without=[weak.UNDESCRIBED, weak.UNSIGNED], alone=True
)
async def test_a_snapshot_changed_in_its_place(stolen: Stolen, victim: Victim) -> bool:
    """A snapshot that outlives its publisher's word, so that nothing is ever Stale."""
    await stolen.edit(stolen.key(SNAPSHOT), lambda signed: signed.update(expires="2099-01-01T00:00:00Z"))
    await stolen.tells(victim)
    judged = victim.memory.judged
    return judged is not None and judged.state.expires is not None and judged.state.expires.year == 2099


def _own_federation(stolen: Stolen) -> Federation:
    """A whole federation of the thief's, one release ahead of the authors'."""
    own = Federation(now=stolen.hub.now)
    own.put(cluster("c1"), policy("open"))
    own.release, own.timestamp_version = stolen.hub.authors.release, 7
    return own


@attack("writes a whole release of its own, every role signed with keys of its own", without=[weak.UNSIGNED])
async def test_a_whole_release_of_its_own(stolen: Stolen, victim: Victim) -> bool:
    own = _own_federation(stolen)
    await stolen.plant(own.publish(), own.blobs)
    await stolen.tells(victim)
    return victim.enforces("net/open")


@attack("plants the next root, which names keys of its own for every role", without=[weak.SELF_SIGNED_ROOT])
async def test_a_planted_root(stolen: Stolen, victim: Victim) -> bool:
    own = _own_federation(stolen)
    await stolen.put(keys.metadata(ROOT, 2), forged(own.metadata[ROOT], next_version, own.keys.root))
    await stolen.plant(own.publish(), own.blobs)
    await stolen.tells(victim)
    return victim.enforces("net/open")
