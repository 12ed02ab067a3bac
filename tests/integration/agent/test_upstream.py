"""Clusters whose plugin nobody knows: ClusterNetworkPolicies where they are served, else NetworkPolicies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from edict.federation.v1 import federation_pb2 as pb
from tests.integration.agent.federation import Authors, Relay, policy
from tests.integration.agent.harness import PLAIN, Site, eventually

pytestmark = pytest.mark.parts
EVERYTHING = {"networks": ["0.0.0.0/0", "::/0"]}
PROMPTLY = 5.0
"""Seconds; the facts are read once a minute if nothing happens."""


def local(name: str, tier: str, action: str, peer: dict[str, Any], team: str) -> dict[str, Any]:
    """Return a policy that NetworkPolicies can say, for namespaces with a label of one test's own."""
    document = policy(name)
    rule = {"action": action, "to": [peer]}
    subject = {"namespaces": {"matchLabels": {"team": team}}}
    document["spec"]["policy"] |= {"tier": tier, "subject": subject, "egress": [rule]}
    return document


def make_namespace(site: Site, team: str) -> str:
    """Make a namespace of the team."""
    name = f"ns-{uuid4().hex[:8]}"
    site.core.create_namespace({"metadata": {"name": name, "labels": {"team": team}}})
    return name


def network_policy(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}


async def test_cluster_network_policies_are_applied_kept_and_reported(
    upstream_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent = await upstream_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    report = await relay.reported("deny-a", "Compliant")
    assert (report.objects, report.accepted, [rule.fidelity for rule in report.rules]) == (1, "unobservable", ["exact"])
    assert set(upstream_site.objects()) == {
        "edict.edict.built-in",
        "edict.payments.deny-a",
        "edict.payments.deny-b",
    }
    status = upstream_site.core.read_namespaced_config_map("edict-agent-status", upstream_site.namespace).data
    assert status["dialect"] == "cluster-network-policy"
    name = "edict.payments.deny-a"
    spec = upstream_site.objects()[name]["spec"]
    upstream_site.patch(name, {"spec": {"ingress": [{"action": "Accept", "from": [{"namespaces": {}}]}]}})
    await eventually(lambda: upstream_site.objects()[name]["spec"] == spec, "it is as it was", agent, PROMPTLY)
    upstream_site.delete(name)
    await eventually(lambda: name in upstream_site.objects(), "it stands again", agent, PROMPTLY)
    authors.publish(removed=("deny-b",))
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    assert "edict.payments.deny-b" not in upstream_site.objects()
    assert await agent.end() == 0


async def test_what_an_earlier_dialect_left_goes_once_the_plan_stands(
    upstream_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    ours = {"app.kubernetes.io/managed-by": "edict", "federation.edict.dev/policy": "payments.gone"}
    theirs = {"app.kubernetes.io/managed-by": "edict"}
    group, version, plural = PLAIN
    for name, labels in (("ours", ours), ("theirs", theirs)):
        upstream_site.custom.create_namespaced_custom_object(
            group, version, upstream_site.namespace, plural, network_policy(name, **labels)
        )
    agent = await upstream_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    assert set(upstream_site.objects(PLAIN)) == {f"{upstream_site.namespace}/theirs"}
    assert await agent.end() == 0


async def test_network_policies_are_applied_kept_and_reported(
    plain_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    team = f"team-{uuid4().hex[:8]}"
    namespace = make_namespace(plain_site, team)
    closed = local("closed", "Baseline", "Deny", EVERYTHING, team)
    part = local("part", "Admin", "Accept", {"namespaces": {}}, team)
    authors.publish(closed, part, removed=("deny-b",))
    agent = await plain_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    await relay.reported("closed", "Compliant")
    await relay.reported("part", "Compliant")
    refused = await relay.reported("deny-a", "Degraded", "EDICT0530")
    assert refused.reason
    assert set(plain_site.objects()) == {
        f"{plain_site.namespace}/edict.edict.built-in",
        f"{namespace}/edict.payments.closed",
        f"{namespace}/edict.payments.part",
    }
    status = plain_site.core.read_namespaced_config_map("edict-agent-status", plain_site.namespace).data
    assert status["dialect"] == "network-policy"
    name = f"{namespace}/edict.payments.closed"
    spec = plain_site.objects()[name]["spec"]
    plain_site.patch(name, {"spec": {"egress": [{}]}})
    await eventually(lambda: plain_site.objects()[name]["spec"] == spec, "it is as it was", agent, PROMPTLY)
    plain_site.delete(name)
    await eventually(lambda: name in plain_site.objects(), "it stands again", agent, PROMPTLY)
    authors.publish(removed=("closed", "part"))
    relay.send()
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    assert set(plain_site.objects()) == {f"{plain_site.namespace}/edict.edict.built-in"}
    assert await agent.end() == 0


async def test_policies_follow_namespaces_as_they_come_change_and_go(
    plain_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    def objects_of_closed() -> int | None:
        report = relay.reports().get("payments/closed")
        return None if report is None else report.objects

    team = f"team-{uuid4().hex[:8]}"
    namespace = make_namespace(plain_site, team)
    authors.publish(local("closed", "Baseline", "Deny", EVERYTHING, team), removed=("deny-a", "deny-b"))
    agent = await plain_site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    began = time.monotonic()
    later = make_namespace(plain_site, team)
    await eventually(
        lambda: f"{later}/edict.payments.closed" in plain_site.objects(), "it stands there too", agent, PROMPTLY
    )
    assert time.monotonic() - began < PROMPTLY
    await relay.when(lambda: objects_of_closed() == 2)
    plain_site.core.patch_namespace(later, {"metadata": {"labels": {"team": None}}})
    await eventually(
        lambda: f"{later}/edict.payments.closed" not in plain_site.objects(), "it is gone", agent, PROMPTLY
    )
    plain_site.core.delete_namespace(namespace)
    await relay.when(lambda: objects_of_closed() == 0)
    await relay.reported("closed", "Compliant")
    assert f"{namespace}/edict.payments.closed" in plain_site.objects(), "its pods run on until they are stopped"
    assert "object not applied" not in agent.output
    assert await agent.end() == 0
