"""A byte flipped in etcd: agents refuse, keep what they had, and name the key; the hub says so too and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from aetcd import rpc

from demo.objects import managed
from tests.e2e.federation import Federation
from tests.env._wait import await_true
from tests.env.clients import dynamic_client

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(240)]

PREFIX = b"/edict/v1/"
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: tampered}}
spec:
  placement: {{clusterSelector: {{}}}}
  policy:
    tier: Admin
    priority: {priority}
    subject: {{namespaces: {{}}}}
    egress:
      - {{action: Deny, to: [{{networks: [203.0.113.9/32]}}]}}
"""


@pytest.fixture
def store(empty: Federation) -> Iterator[rpc.KVStub]:
    """The hub's etcd, as a thief of it would hold it."""
    with grpc.insecure_channel(urlsplit(empty.etcd.endpoint).netloc) as channel:
        yield rpc.KVStub(channel)


def newest_keys(store: rpc.KVStub, folder: bytes) -> list[bytes]:
    """Return the keys under a folder, the most recently written first."""
    answer = store.Range(rpc.RangeRequest(key=PREFIX + folder, range_end=PREFIX + folder[:-1] + b"0"))
    return [item.key for item in sorted(answer.kvs, key=lambda item: -item.mod_revision)]


def read(store: rpc.KVStub, key: bytes) -> bytes:
    """Return the value of a key."""
    return bytes(store.Range(rpc.RangeRequest(key=key)).kvs[0].value)


@pytest.mark.parametrize("folder", ["blobs/", "metadata/snapshot/", "metadata/policies/", "timestamp"])
def test_a_flipped_byte_is_refused_named_and_mended(
    empty: Federation, store: rpc.KVStub, tmp_path: Path, folder: str
) -> None:
    """The agent is away while a release is published and its bytes are flipped, and sees it only afterwards."""
    file = tmp_path / "tampered.yaml"
    file.write_text(POLICY.format(priority=20))
    before = empty.sign_and_publish(file)
    empty.await_release(before)
    cluster = empty.clusters["one"]
    held = managed(dynamic_client(cluster.kubeconfig), cluster.kind)
    agent = empty.agents["one"]
    agent.stop()
    file.write_text(POLICY.format(priority=21))
    after = empty.sign_and_publish(file)
    key = PREFIX + b"timestamp" if folder == "timestamp" else newest_keys(store, folder.encode())[0]
    good = read(store, key)
    flipped = bytearray(good)
    flipped[len(flipped) // 2] ^= 1
    store.Put(rpc.PutRequest(key=key, value=bytes(flipped)))
    agent.launch()
    short = key.removeprefix(PREFIX).decode()

    def faulted() -> bool:
        faults = empty.json("status", expect=None)["faults"]
        return any(short in fault["key"] for fault in faults)

    await_true(faulted, subject="the hub", what=f"a fault for {short}", timeout=20)
    if folder != "timestamp":  # a broken timestamp names no release at all: the hub stays with the one it has
        await_true(
            lambda: "EDICT02" in agent.output() and short.rpartition("/")[0] in agent.output(),
            subject="the agent",
            what=f"a refusal that names {short}",
            timeout=20,
        )
    served = {before, after} if folder == "timestamp" else {before}  # a hub goes on with what it has verified
    assert int(empty.status()["one"]["release"]) in served
    assert managed(dynamic_client(cluster.kubeconfig), cluster.kind).keys() == held.keys()
    assert all(hub.running for hub in empty.hubs)
    store.Put(rpc.PutRequest(key=key, value=good))
    assert empty.await_release(after, timeout=40)["one"]["state"] == "Compliant"
    await_true(lambda: not faulted(), subject="the hub", what="no fault", timeout=20)
