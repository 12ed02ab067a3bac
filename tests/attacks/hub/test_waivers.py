"""A stolen hub tries to have a policy waived: by nobody, for too long, by whom it is not for, or once again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from edict.trust.limits import Limits
from edict_agent import waiving
from edict_agent.waiver_clock import WaiverClock
from tests.attacks import weak
from tests.attacks.harness import Off, attack
from tests.attacks.thief import stamped
from tests.attacks.victims import Victim, message
from tests.unit.trust.federation import NOW, Federation
from tests.unit.trust.waiving import delegate, waive, waiver

DAY = timedelta(days=1)
ANY_WAIVER = Off(waiving, "beyond_limits", lambda *_: None)


async def waived(victim: Victim) -> bool:
    """Tell whether the agent leaves the policy out of what it enforces now."""
    judged = victim.memory.judged
    assert judged is not None
    enforced = await WaiverClock(victim.memory, victim.clock).judge(judged)
    return "net/deny" not in {each.id for each in enforced.policies}


async def test_a_good_waiver_counts(fed: Federation, victim: Victim) -> None:
    waive(fed, delegate(fed, Limits(max_days=7, policies=("net/*",))), waiver("hotfix"))
    await victim.hears(message(fed.publish(), fed.blobs))
    assert await waived(victim)


@attack("signs a waiver, and a snapshot for it, with the timestamp key", without=[weak.UNSIGNED])
async def test_a_waiver_of_its_own(fed: Federation, victim: Victim) -> bool:
    delegate(fed)
    await victim.hears(message(fed.publish(), fed.blobs))
    waive(fed, fed.keys.timestamp, waiver("hotfix"))
    fed.keys = replace(fed.keys, snapshot=fed.keys.timestamp)
    await victim.hears(message(fed.publish(), fed.blobs))
    return await waived(victim)


@attack("has the publisher publish a waiver that a team signed", without=[weak.UNSIGNED])
async def test_a_waiver_signed_by_a_team(fed: Federation, victim: Victim) -> bool:
    delegate(fed)
    await victim.hears(message(fed.publish(), fed.blobs))
    waive(fed, fed.keys.teams["net"], waiver("hotfix"))
    await victim.hears(message(fed.publish(), fed.blobs))
    return await waived(victim)


@attack("has a stolen key waive for longer than its role may", without=[ANY_WAIVER])
async def test_a_waiver_for_longer_than_its_role_may(fed: Federation, victim: Victim) -> bool:
    waive(fed, delegate(fed, Limits(max_days=7)), waiver("hotfix", expires=NOW + 300 * DAY))
    await victim.hears(message(fed.publish(), fed.blobs))
    return await waived(victim)


@attack("has a stolen key waive what its role may not", without=[ANY_WAIVER])
async def test_a_waiver_of_what_its_role_may_not(fed: Federation, victim: Victim) -> bool:
    waive(fed, delegate(fed, Limits(policies=("pay/*",))), waiver("hotfix"))
    await victim.hears(message(fed.publish(), fed.blobs))
    return await waived(victim)


@attack(
    "holds a cluster on the release in which a policy is waived, past the waiver's end",
    without=[Off(waiving, "has_ended", lambda *_: False)],
)
async def test_a_waiver_past_its_end(fed: Federation, victim: Victim) -> bool:
    """Also by a release that is shown anew each day: a waiver ends by itself, hub or no hub."""
    waive(fed, delegate(fed), waiver("hotfix", expires=NOW + 3 * DAY))
    bundle = fed.publish()
    await victim.hears(message(bundle, fed.blobs))
    assert await waived(victim)
    for _ in range(4):
        victim.clock.turn(DAY)
        fed.now += DAY
        await victim.hears(message(stamped(fed, bundle), fed.blobs))
    assert victim.release == 2
    return await waived(victim)
