"""A stolen hub leaves something out, or puts something else in its place."""

from __future__ import annotations

from typing import Any

from tuf.api.metadata import Targets

from edict.ids import digest_of
from edict.trust.receipts import FLOOR_CLEARED
from tests.attacks import weak
from tests.attacks.harness import attack
from tests.attacks.thief import forged, stamped, swapped
from tests.attacks.victims import Victim, message
from tests.unit.trust.federation import Federation, cluster, policy

BIN = "policies/net-4"
"""The bin of the policy that every federation here has."""


@attack("leaves a policy's document out", without=[weak.WHAT_THERE_IS])
async def test_a_document_left_out(fed: Federation, victim: Victim) -> bool:
    """The agent must not take a release for whole of which it cannot read a document."""
    fed.blobs.pop(digest_of(policy("deny")))
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("leaves out the role that names a policy", without=[weak.PASSES_OVER_ROLES])
async def test_a_role_left_out(fed: Federation, victim: Victim) -> bool:
    bundle = message(fed.publish(), fed.blobs)
    kept = [each for each in bundle.targets if each.role != BIN]
    del bundle.targets[:]
    bundle.targets.extend(kept)
    await victim.hears(bundle)
    return victim.release == 2 and not victim.enforces("net/deny")


@attack(
    "has the publisher's key, and leaves a role out of the snapshot",
    without=[weak.PASSES_OVER_ROLES, weak.NOT_COMPARED],
    alone=True,
)
async def test_a_role_left_out_of_the_snapshot(fed: Federation, victim: Victim) -> bool:
    await victim.hears(message(fed.publish(), fed.blobs))
    del fed.metadata[BIN]
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.release == 3 and not victim.enforces("net/deny")


@attack("puts an empty role of its own in the place of one", without=[weak.UNDESCRIBED, weak.UNSIGNED], alone=True)
async def test_an_empty_role_of_its_own(fed: Federation, victim: Victim) -> bool:
    bundle = fed.publish()
    empty = forged(bundle.targets[BIN], lambda signed: signed.targets.clear(), fed.keys.timestamp)
    await victim.hears(message(swapped(bundle, {BIN: empty}), fed.blobs))
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("shows an empty role of the team under the name of another", without=[weak.SIGNED_ONLY])
async def test_a_role_under_another_s_name(fed: Federation, victim: Victim) -> bool:
    """TUF metadata does not say which role it is: the same keys signed both."""
    bundle = fed.publish()
    await victim.hears(message(swapped(bundle, {BIN: bundle.targets["policies/net-5"]}), fed.blobs))
    return victim.release == 2 and not victim.enforces("net/deny")


@attack("sends other bytes under a document's digest", without=[weak.ANY_DOCUMENT])
async def test_other_bytes_under_a_signed_digest(fed: Federation, victim: Victim) -> bool:
    bundle = fed.publish()
    await victim.hears(message(bundle, {**fed.blobs, digest_of(policy("deny")): policy("deny", priority=999)}))
    return victim.priority() == 999


@attack("swaps the documents of two clusters", without=[weak.ANY_DOCUMENT])
async def test_another_cluster_s_document(fed: Federation) -> bool:
    """Both have the same labels, so that nothing but the digest tells them apart."""
    notes = ("mine", "other")
    mine, other = (_annotated(cluster("a", "{env: prod}"), f"note: {note}") for note in notes)
    fed.put(mine)
    victim = await Victim.of(fed)
    await victim.hears(message(fed.publish(), {**fed.blobs, digest_of(mine): other}))
    judged = victim.memory.judged
    return judged is not None and judged.cluster is not None and judged.cluster.metadata.annotations["note"] == "other"


def _annotated(document: bytes, annotation: str) -> bytes:
    return document.replace(b"metadata: {", b"metadata: {annotations: {%s}, " % annotation.encode())


@attack("clears the alarm of a lost floor in an author's name", without=[weak.ANY_DOCUMENT])
async def test_an_alarm_cleared_in_an_author_s_name(fed: Federation, victim: Victim) -> bool:
    await victim.memory.lose_floor("2026-05-01T00:00:00Z")
    signed = cluster("a", "{env: prod}")
    cleared = _annotated(signed, f'{FLOOR_CLEARED}: "2026-05-01T00:00:00Z"')
    await victim.hears(message(fed.publish(), {**fed.blobs, digest_of(signed): cleared}))
    return victim.release == 2 and not victim.memory.floor_lost


@attack(
    "labels a cluster anew, so that a policy is not placed there",
    without=[weak.UNDESCRIBED, weak.UNSIGNED, weak.ANY_DOCUMENT],
    alone=True,
)
async def test_a_cluster_with_other_labels(fed: Federation, victim: Victim) -> bool:
    fed.put(policy("prod", selector="{matchLabels: {env: prod}}"))
    bundle = fed.publish()

    def label(inventory: Targets) -> None:
        custom: Any = inventory.targets["inventory/a"].custom
        custom["labels"] = {"env": "test"}

    other = forged(bundle.targets["inventory"], label, fed.keys.timestamp)
    relabelled = {**fed.blobs, digest_of(cluster("a", "{env: prod}")): cluster("a", "{env: test}")}
    await victim.hears(message(swapped(bundle, {"inventory": other}), relabelled))
    return victim.release == 2 and not victim.enforces("net/prod")


@attack("takes the cluster out of the inventory", without=[weak.SIGNED_ONLY])
async def test_a_cluster_without_an_inventory(fed: Federation, victim: Victim) -> bool:
    """With the first inventory, which is empty, nothing is placed anywhere."""
    first = Federation(keys=fed.keys).targets["inventory"]
    bundle = stamped(fed, fed.publish())
    await victim.hears(message(swapped(bundle, {"inventory": first}), fed.blobs))
    return victim.release == 2 and not victim.policies
