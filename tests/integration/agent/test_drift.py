"""What somebody else does to our objects, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edict.federation.v1 import federation_pb2 as pb
from tests.integration.agent.federation import Authors, Relay, policy
from tests.integration.agent.harness import SELECTOR, AgentProcess, Site, eventually

pytestmark = pytest.mark.parts
LOOSER: dict[str, dict[str, Any]] = {
    "cilium": {"spec": {"egress": [{"toEntities": ["all"]}]}},
    "calico": {"spec": {"ingress": [{"action": "Allow"}]}},
}
"""A field that we never render, which opens something."""


async def _standing(site: Site, authors: Authors, relay: Relay, token: Path) -> tuple[AgentProcess, str, Any]:
    agent = await site.agent(token)
    await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
    name, item = next(iter(site.of("deny-a").items()))
    return agent, name, item["spec"]


async def test_a_deleted_object_stands_again_and_is_counted(
    site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, spec = await _standing(site, authors, relay, token)
    site.delete(name)
    await eventually(lambda: site.objects().get(name, {}).get("spec") == spec, "it stands again", agent, 5)
    await relay.when(lambda: relay.reports().get("payments/deny-a", _NONE).reverts == 1)


async def test_an_edited_value_is_put_back(site: Site, authors: Authors, relay: Relay, token: Path) -> None:
    agent, name, spec = await _standing(site, authors, relay, token)
    changed: dict[str, Any] = {"spec": {"egressDeny": []}} if site.kind == "cilium" else {"spec": {"egress": []}}
    site.patch(name, changed)
    await eventually(lambda: site.objects()[name]["spec"] == spec, "it is as it was", agent, 5)
    await eventually(lambda: "drift reverted" in agent.output, "it says so", agent, 5)


async def test_a_field_of_somebody_else_in_the_spec_is_taken_away(
    site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, spec = await _standing(site, authors, relay, token)
    site.patch(name, LOOSER[site.kind])
    await eventually(lambda: site.objects()[name]["spec"] == spec, "it is as it was", agent, 5)


async def test_a_removed_label_does_not_hide_an_object(site: Site, authors: Authors, relay: Relay, token: Path) -> None:
    agent, name, _ = await _standing(site, authors, relay, token)
    key = SELECTOR.partition("=")[0]
    site.patch(name, {"metadata": {"labels": {key: None}}})
    await eventually(lambda: name in site.objects(), "it carries our label again", agent, 5)


async def test_a_label_of_somebody_else_is_no_drift(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, _ = await _standing(cilium_site, authors, relay, token)
    cilium_site.patch(name, {"metadata": {"labels": {"theirs": "yes"}}})
    version = cilium_site.objects()[name]["metadata"]["resourceVersion"]
    other = next(iter(cilium_site.of("deny-b")))
    cilium_site.delete(other)
    await eventually(lambda: other in cilium_site.objects(), "a later drift is reverted", agent, 5)
    assert cilium_site.objects()[name]["metadata"]["resourceVersion"] == version


async def test_drift_while_no_agent_ran_is_reverted_at_its_start(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, spec = await _standing(cilium_site, authors, relay, token)
    await agent.end()
    cilium_site.patch(name, LOOSER["cilium"])
    second = await cilium_site.agent(None)
    await eventually(lambda: cilium_site.objects()[name]["spec"] == spec, "it is as it was", second)


async def test_a_tug_of_war_is_given_up_and_reported(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, _ = await _standing(cilium_site, authors, relay, token)
    for count in range(1, 12):
        cilium_site.delete(name)
        if count <= 10:
            await agent.says("drift reverted", times=count)
    report = await relay.reported("deny-a", "Drifted", "EDICT0556")
    assert report.reverts == 10
    assert name not in cilium_site.objects()


async def test_an_object_of_somebody_else_with_our_name_is_left_alone(
    cilium_site: Site, relay: Relay, token: Path
) -> None:
    name = "edict.payments.deny-a"
    theirs = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumClusterwideNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"endpointSelector": {}, "egressDeny": [{"toEntities": ["world"]}]},
    }
    made = cilium_site.custom.create_cluster_custom_object(*cilium_site.policies, theirs)
    try:
        await cilium_site.agent(token)
        report = await relay.reported("deny-a", "Degraded", "EDICT0553")
        assert name in report.reason
        await relay.reported("deny-b", "Compliant")
        now = cilium_site.custom.get_cluster_custom_object(*cilium_site.policies, name)
        assert now["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
        assert not [ack for ack in relay.acks if ack.stage == pb.ACK_STAGE_APPLIED]
    finally:
        cilium_site.delete(name)


async def test_a_refused_version_leaves_the_previous_one_in_force(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    agent, name, spec = await _standing(cilium_site, authors, relay, token)
    refused = policy("deny-a")
    refused["spec"]["policy"]["egress"][0]["log"] = True
    authors.publish(refused)
    relay.send()
    report = await relay.reported("deny-a", "Degraded", "EDICT0515")
    assert report.reason
    assert cilium_site.objects()[name]["spec"] == spec
    cilium_site.delete(name)
    await eventually(lambda: name in cilium_site.objects(), "the previous version is still kept", agent, 5)


class _None:
    reverts = 0


_NONE = _None()
