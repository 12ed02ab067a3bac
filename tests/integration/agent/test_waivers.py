"""A waived policy goes from a real cluster, and comes back by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.trust.limits import Limits
from tests.integration.agent.federation import Authors, Relay
from tests.integration.agent.harness import Site, eventually

pytestmark = pytest.mark.parts
DAY = timedelta(days=1)
ELSEWHERE = {"matchLabels": {"env": "none"}}


@pytest.mark.slow
async def test_a_waived_policy_is_removed_and_stands_again_when_the_waiver_ends_without_a_hub(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    site = cilium_site
    agent = await site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    other = site.of("deny-b")
    authors.may_waive()
    expires = datetime.now(UTC) + timedelta(seconds=20)
    authors.waive("deny-a", expires)
    relay.send()
    report = await relay.reported("deny-a", "Waived")
    assert report.reason == f"waived until {expires:%Y-%m-%d %H:%M} UTC by Ann Other: hotfix"
    assert [rule.fidelity for rule in report.rules] == ["waived"]
    await eventually(lambda: not site.of("deny-a"), "the waived policy is gone", agent)
    assert site.of("deny-b") == other
    await agent.end()
    await relay.stop()
    again = await site.agent(None, "--holder", "pod")
    await eventually(lambda: bool(site.of("deny-a")), "the policy stands again", again, 60)
    assert datetime.now(UTC) >= expires
    assert site.of("deny-b") == other, "nobody else's object was written"
    assert await again.end() == 0


async def test_one_rule_is_waived_and_the_others_stand(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await cilium_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    authors.may_waive()
    authors.waive("deny-a", datetime.now(UTC) + DAY, rule={"direction": "egress", "name": "no"})
    relay.send()
    report = await relay.reported("deny-a", "Waived")
    assert report.reason.startswith("egress[0] is waived until")
    await eventually(lambda: "192.0.2.0/24" not in str(cilium_site.of("deny-a")), "the rule is gone", agent)
    authors.waive("deny-a", datetime.now(UTC) + DAY, rule={"direction": "egress", "name": "no"}, clusters=ELSEWHERE)
    relay.send()
    await relay.reported("deny-a", "Compliant")
    assert "192.0.2.0/24" in str(cilium_site.of("deny-a"))


async def test_a_waiver_beyond_its_limits_waives_nothing_and_rejects_nothing(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    await cilium_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    before = cilium_site.of("deny-a")
    authors.may_waive(Limits(max_days=7))
    release = authors.waive("deny-a", datetime.now(UTC) + 8 * DAY)
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, release)
    report = await relay.reported("deny-a", "Compliant", "EDICT0215")
    assert "more than 7 days from now" in report.reason
    assert cilium_site.of("deny-a") == before
    authors.waive("deny-a", datetime.now(UTC) + 6 * DAY)
    relay.send()
    await relay.reported("deny-a", "Waived")
