"""What is removed: an object of ours that is still the one we saw, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict_agent.kube import connect, is_conflict
from edict_agent.kube.resources import CILIUM_POLICY, TIER, Resource
from tests.integration.agent.federation import Authors, Relay
from tests.integration.agent.harness import Site, eventually

pytestmark = pytest.mark.parts

MANAGED_BY = {"app.kubernetes.io/managed-by": "edict"}
KINDS: dict[str, tuple[Resource, dict[str, Any]]] = {
    "cilium": (CILIUM_POLICY, {"endpointSelector": {}, "egress": [{"toEntities": ["all"]}]}),
    "calico": (TIER, {"order": 4000, "defaultAction": "Pass"}),
}


def an_object(site: Site, name: str, **labels: str) -> tuple[Resource, dict[str, Any]]:
    kind, spec = KINDS[site.kind]
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": deepcopy(spec)}
    return kind, {**body, "metadata": {"name": name, "labels": labels}}


async def test_only_the_very_object_that_was_seen_is_removed(site: Site) -> None:
    kube = connect(site.cluster.kubeconfig)
    kind, body = an_object(site, "removal-test")
    try:
        first = await kube.create(kind, body)
        await kube.delete(kind, first)
        assert await kube.get(kind, "removal-test") is None
        await kube.delete(kind, first)
        second = await kube.create(kind, body)
        for seen in (first, {**second, "metadata": {**second["metadata"], "uid": first["metadata"]["uid"]}}):
            with pytest.raises(httpx2.HTTPStatusError) as refused:
                await kube.delete(kind, seen)
            assert is_conflict(refused.value)
        await kube.delete(kind, second)
        assert await kube.get(kind, "removal-test") is None
    finally:
        if (left := await kube.get(kind, "removal-test")) is not None:
            await kube.delete(kind, left)
        await kube.aclose()


async def test_what_only_says_that_edict_manages_it_is_not_removed(
    cilium_site: Site, authors: Authors, relay: Relay, token: Path
) -> None:
    kube = connect(cilium_site.cluster.kubeconfig)
    kind, theirs = an_object(cilium_site, "removal-test-theirs", **MANAGED_BY)
    _, ours = an_object(
        cilium_site, "removal-test-ours", **MANAGED_BY, **{"federation.edict.dev/policy": "payments.gone"}
    )
    try:
        await kube.create(kind, theirs)
        await kube.create(kind, ours)
        agent = await cilium_site.agent(token)
        await relay.until(pb.ACK_STAGE_APPLIED, authors.release)
        await eventually(lambda: "removal-test-ours" not in cilium_site.objects(), "ours is removed", agent)
        await agent.end()
        assert "removal-test-theirs" in cilium_site.objects()
    finally:
        if (left := await kube.get(kind, "removal-test-theirs")) is not None:
            await kube.delete(kind, left)
        await kube.aclose()
