"""Old releases and lost memories: what has expired stands and is told, and a lost floor never goes back unseen."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import authoring
from edict.trust.authoring import SNAPSHOT_LIFETIME
from edict.trust.receipts import ReceiptBody, verify_receipt
from tests.env._wait import answers_ok, free_ports
from tests.integration.agent.federation import Authors, Relay, policy
from tests.integration.agent.harness import AgentProcess, Site, eventually

pytestmark = pytest.mark.parts
ONE = ClusterName("one")


def newest(relay: Relay) -> ReceiptBody | None:
    """What the cluster signed last."""
    if not relay.receipts:
        return None
    return verify_receipt(relay.receipts[max(relay.receipts)], relay.receipt_key.hex(), ONE)


async def says(relay: Relay, **fields: object) -> ReceiptBody:
    """Wait for a receipt with these fields."""

    def said() -> bool:
        body = newest(relay)
        return body is not None and all(getattr(body, name) == value for name, value in fields.items())

    await relay.when(said)
    body = newest(relay)
    assert body is not None
    return body


def expiring(authors: Authors, *documents: dict[str, object], within: timedelta) -> None:
    """Publish a release that ends soon, or has ended."""
    authors.publish(*documents)
    made = datetime.now(UTC) - SNAPSHOT_LIFETIME + within
    authors.snapshot = authoring.snapshot(authors.targets, authors.keys.snapshot, version=authors.release, now=made)
    authors.timestamp_version -= 1
    authors.refresh()


@pytest.mark.slow
async def test_a_release_that_expires_stands_and_is_told_also_over_a_restart(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    (port,) = free_ports(1)
    options = ("--holder", "pod", "--health-listen", f"127.0.0.1:{port}")
    expiring(authors, policy("deny-a", cidr="203.0.113.0/24"), within=timedelta(seconds=25))
    agent = await cilium_site.agent(token, *options)
    await relay.until(pb.ACK_STAGE_ACCEPTED, authors.release)
    before = set(cilium_site.of("deny-a"))
    standing = await says(relay, release=authors.release)
    assert standing.snapshot_expires is not None
    assert (standing.root_version, standing.timestamp_version) == (1, authors.timestamp_version)
    await relay.when(lambda: (body := newest(relay)) is not None and body.time >= standing.snapshot_expires)
    await agent.says("Stale: the release has expired")
    await answers(port, "Stale: it expired at", agent)
    stale = authors.release
    expiring(authors, policy("deny-a", cidr="198.18.0.0/15"), within=timedelta(seconds=-60))
    relay.send()
    refusal = await relay.until(pb.ACK_STAGE_REJECTED, authors.release)
    assert refusal.error_code == "EDICT0204"
    await agent.end(signal.SIGKILL)
    second = await cilium_site.agent(None, *options)
    await second.says("Stale: the release has expired")
    assert set(cilium_site.of("deny-a")) == before, "what stands stays"
    await says(relay, release=stale, base=True)
    authors.publish(policy("deny-a", cidr="198.18.0.0/15"))
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await second.says("no longer stale")
    assert answers_ok(f"http://127.0.0.1:{port}/readyz")


async def answers(port: int, words: str, agent: AgentProcess) -> None:
    """Wait until /readyz says something."""
    import urllib.request  # noqa: PLC0415 - here alone

    def said() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return words in answer.read().decode()

    await eventually(said, f"/readyz says {words!r}", agent)


def lose_state(site: Site) -> None:
    """Delete every Secret of the agent's state; its identity stays."""
    for secret in site.core.list_namespaced_secret(site.namespace).items:
        if secret.metadata.name.startswith("edict-agent-state"):
            site.core.delete_namespaced_secret(secret.metadata.name, site.namespace)


async def test_an_agent_that_lost_its_floor_and_is_shown_an_old_release_says_so(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    old = authors.message()
    agent = await cilium_site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    authors.publish(policy("deny-c", priority=12))
    relay.send()
    await relay.until(pb.ACK_STAGE_ACCEPTED, authors.release)
    relay.silent = True
    relay.send(old)
    refusal = await relay.until(pb.ACK_STAGE_REJECTED, old.release)
    assert refusal.error_code == "EDICT0207", "with its floor it refuses"
    await says(relay, release=authors.release, floor_lost="")
    await agent.end()
    lose_state(cilium_site)
    relay.acks.clear()
    second = await cilium_site.agent(None, "--holder", "pod")
    await second.says("FloorLost")
    await eventually(lambda: bool(relay.outbox), "a stream", second)
    relay.send(old)
    await relay.until(pb.ACK_STAGE_VERIFIED, old.release)
    await relay.when(lambda: (body := newest(relay)) is not None and body.release == old.release)
    body = newest(relay)
    assert body is not None
    assert body.floor_lost, "without its floor it takes it, and every receipt says that it may be old"
    assert {report.code for report in body.policies} <= {"EDICT0557", "EDICT0552", "EDICT0553", "EDICT0550"}


def shown_release(site: Site) -> str:
    """What the agent shows to people with kubectl."""
    for shown in site.core.list_namespaced_config_map(site.namespace).items:
        if shown.metadata.name == "edict-agent-status":
            return str(shown.data["release"])
    return ""


@pytest.mark.parametrize("shown", [True, False], ids=["the ConfigMap stands", "nothing stands"])
async def test_a_state_is_missed_also_where_no_policy_was_placed(
    cilium_site: Site,
    authors: Authors,
    relay: Relay,
    token: Path,
    shown: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """What the agent shows to people is what it misses its state by; the control is a cluster with nothing at all."""
    authors.publish(removed=("deny-a", "deny-b"))
    agent = await cilium_site.agent(token, "--holder", "pod")
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await eventually(lambda: shown_release(cilium_site) == str(authors.release), "the ConfigMap", agent)
    await agent.end()
    cilium_site.wipe()
    lose_state(cilium_site)
    if not shown:
        cilium_site.core.delete_namespaced_config_map("edict-agent-status", cilium_site.namespace)
    before = len(relay.receipts)
    second = await cilium_site.agent(None, "--holder", "pod")
    await relay.when(lambda: len(relay.receipts) > before)
    body = newest(relay)
    assert body is not None
    assert bool(body.floor_lost) is shown
    await second.end()
