"""A whole federation after its hub lost releases, and after a cluster lost its memory: nobody touches a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from aetcd import rpc
from kubernetes import client, config

from tests.e2e.federation import NAMESPACE, Federation
from tests.env._wait import await_true

pytestmark = [pytest.mark.parts, pytest.mark.timeout(300)]

FIRST, LAST = b"/edict/v1/", b"/edict/v10"
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: {name}}}
spec:
  placement: {{clusterSelector: {{}}}}
  policy:
    tier: Admin
    priority: {priority}
    subject: {{namespaces: {{}}}}
    egress:
      - {{action: Deny, to: [{{networks: [203.0.113.7/32]}}]}}
"""


@pytest.fixture
def store(empty: Federation) -> Iterator[rpc.KVStub]:
    with grpc.insecure_channel(urlsplit(empty.etcd.endpoint).netloc) as channel:
        yield rpc.KVStub(channel)


def keys_of(store: rpc.KVStub) -> dict[bytes, bytes]:
    """The hub's keys, as a backup has them; the clusters of the test keep theirs in the same etcd."""
    return {item.key: item.value for item in store.Range(rpc.RangeRequest(key=FIRST, range_end=LAST)).kvs}


def put_back(store: rpc.KVStub, backup: dict[bytes, bytes]) -> None:
    store.DeleteRange(rpc.DeleteRangeRequest(key=FIRST, range_end=LAST))
    for key, value in backup.items():
        store.Put(rpc.PutRequest(key=key, value=value))


def publish(federation: Federation, folder: Path, name: str, priority: int) -> int:
    file = folder / f"{name}.yaml"
    file.write_text(POLICY.format(name=name, priority=priority))
    return federation.sign_and_publish(file)


def await_status(federation: Federation, holds: Callable[[dict[str, object]], bool], what: str) -> None:
    await_true(lambda: holds(federation.json("status", expect=None)), subject="edict status", what=what, timeout=60)


@pytest.mark.slow
def test_five_releases_lost_with_etcd_come_back_and_the_fleet_goes_on(
    empty: Federation, store: rpc.KVStub, tmp_path: Path
) -> None:
    empty.await_release(publish(empty, tmp_path, "first", 30))
    backup = keys_of(store)
    newest = 0
    for number in range(5):
        newest = publish(empty, tmp_path, f"later-{number}", 31 + number)
    empty.await_release(newest)
    for hub in empty.hubs:
        hub.stop()
    put_back(store, backup)
    starts = {hub.name: hub.output().count("ready replica=") for hub in empty.hubs}
    for hub in empty.hubs:
        hub.launch()
        empty.await_hub(hub, starts=starts[hub.name] + 1)
    for agent in empty.agents.values():
        await_true(lambda agent=agent: "EDICT0207" in agent.output(), subject=agent.name, what="a refusal", timeout=60)  # type: ignore[misc]
    await_status(empty, lambda view: "EDICT0442" in str(view["faults"]), "what the clusters claim")
    assert "EDICT0207" in empty.edict("publish", "--refresh", "--yes", expect=2).stderr
    recovered = empty.json("hub", "recover", "--from-agents")
    assert (recovered["release"], recovered["changed"], recovered["missing"]) == (newest, True, [])
    assert not empty.json("hub", "recover", "--from-agents")["changed"]
    after = publish(empty, tmp_path, "after", 50)
    rows = empty.await_release(after, timeout=60)
    assert {row["state"] for row in rows.values()} == {"Compliant"}
    assert all(row["missing"] for row in rows.values()), "the receipts that the hub lost are told"
    await_status(empty, lambda view: not view["faults"], "no fault any more")


@pytest.mark.slow
def test_a_cluster_that_lost_its_memory_says_so_until_an_author_clears_it(empty: Federation, tmp_path: Path) -> None:
    empty.await_release(publish(empty, tmp_path, "kept", 30))
    agent, cluster = empty.agents["one"], empty.clusters["one"]
    agent.stop()
    core: Any = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))  # type: ignore[no-untyped-call]
    for secret in core.list_namespaced_secret(NAMESPACE).items:
        if secret.metadata.name.startswith("edict-agent-state"):
            core.delete_namespaced_secret(secret.metadata.name, NAMESPACE)
    agent.launch()
    await_true(lambda: bool(empty.status()["one"]["floorLost"]), subject="one", what="FloorLost", timeout=60)
    row = empty.status()["one"]
    assert row["state"] == "Degraded"
    assert "edict cluster clear-floor one" in row["reason"]
    assert not empty.status()["two"]["floorLost"]
    empty.edict("cluster", "clear-floor", "one", "--publish")
    await_true(
        lambda: (row := empty.status()["one"])["state"] == "Compliant" and not row["floorLost"],
        subject="one",
        what="the end of FloorLost",
        timeout=60,
    )
