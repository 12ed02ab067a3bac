"""From a token to policy that stands, and back again after every way of ending."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.receipts import verify_receipt
from tests.integration.agent.federation import Authors, Relay, policy
from tests.integration.agent.harness import Site, eventually

pytestmark = pytest.mark.parts


async def test_a_release_is_verified_applied_and_reported_with_a_receipt(
    site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await site.agent(token)
    applied = await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    stages = [ack.stage for ack in relay.acks]
    assert stages[:3] == [pb.ACK_STAGE_RECEIVED, pb.ACK_STAGE_VERIFIED, pb.ACK_STAGE_APPLIED]
    assert applied.timestamp_version == authors.timestamp_version
    assert site.of("deny-a")
    assert site.of("deny-b")
    assert (await relay.until(pb.ACK_STAGE_ACCEPTED, authors.release)).accepted == "unobservable"
    report = await relay.reported("deny-a", "Compliant")
    assert (report.objects, report.reverts, report.accepted) == (len(site.of("deny-a")), 0, "unobservable")
    assert [rule.fidelity for rule in report.rules] == ["exact"]
    await relay.reported("deny-b", "Compliant")
    assert await agent.end() == 0
    status = site.core.read_namespaced_config_map("edict-agent-status", site.namespace).data
    assert status["release"] == str(authors.release)
    assert status["dialect"] == site.kind
    assert status["policies"] == "2 Compliant"
    assert relay.secret.hex() not in agent.output
    assert "edict1." not in agent.output


async def test_a_policy_that_leaves_the_release_is_removed_and_nothing_else_is_touched(
    site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    before = {name: item["metadata"]["resourceVersion"] for name, item in site.objects().items()}
    gone = set(site.of("deny-b"))
    authors.publish(removed=("deny-b",))
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    after = {name: item["metadata"]["resourceVersion"] for name, item in site.objects().items()}
    assert after == {name: version for name, version in before.items() if name not in gone}
    assert await agent.end() == 0


async def test_after_kill_9_and_without_any_hub_it_enforces_what_it_had(
    site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_ACCEPTED, authors.release)
    before = {name: item["metadata"]["resourceVersion"] for name, item in site.objects().items()}
    await agent.end(signal.SIGKILL)
    await relay.stop()
    second = await site.agent(None, "--holder", "pod")
    await second.says("release applied")
    after = {name: item["metadata"]["resourceVersion"] for name, item in site.objects().items()}
    assert after == before, "a restart writes nothing that already stands"
    name = next(iter(site.of("deny-a")))
    site.delete(name)
    await eventually(lambda: name in site.objects(), "the deleted object stands again", second)
    assert await second.end() == 0


async def test_a_lost_state_is_reported_and_an_author_clears_it(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await cilium_site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await relay.when(lambda: bool(relay.receipts))
    await agent.end()
    newest = max(relay.receipts)
    cilium_site.core.delete_namespaced_secret("edict-agent-state", cilium_site.namespace)
    second = await cilium_site.agent(None, "--holder", "pod")
    await relay.when(lambda: max(relay.receipts) > newest)
    body = verify_receipt(relay.receipts[newest + 1], relay.receipt_key.hex(), ClusterName("one"))
    assert body.base
    assert {report.code for report in body.policies} == {"EDICT0557"}
    assert body.previous == "", "what it said before is lost, and the gap can be seen"
    status = cilium_site.core.read_namespaced_config_map("edict-agent-status", cilium_site.namespace).data
    document = {
        "apiVersion": "federation.edict.dev/v1alpha1",
        "kind": "ManagedCluster",
        "metadata": {
            "name": "one",
            "labels": {"env": "test"},
            "annotations": {"federation.edict.dev/floor-cleared": status["floor-lost"]},
        },
        "spec": {"plugin": "cilium"},
    }
    authors.publish(document)
    relay.send()
    await second.says("lost floor cleared by an author")


async def test_an_unreadable_document_leaves_the_previous_version_in_force(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await cilium_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    before = cilium_site.of("deny-a")
    authors.put_newer_language(policy("deny-a", cidr="203.0.113.0/24"))
    authors.publish(policy("deny-b", priority=11, cidr="203.0.113.0/24"))
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    assert cilium_site.of("deny-a") == before
    await relay.reported("deny-a", "Degraded", "EDICT0107")
    await agent.end()
