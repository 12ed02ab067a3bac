"""The whole way of a policy with the real command, hub and etcd: sign, publish, enrol, approve, prove."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.clock import SystemClock
from edict.ids import Digest
from edict.trust.receipts import PolicyReport, PolicyState
from edict_hub.store import EtcdStore, Put, keys
from tests.env import Etcd
from tests.env._wait import await_true
from tests.integration.cli.conftest import RunningHub
from tests.integration.cli.desk import Desk, EnrolledCluster
from tests.unit.cli.authors import policy

pytestmark = pytest.mark.parts
EDICT = Path(sys.executable).with_name("edict")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "deny.yaml"
    path.write_bytes(policy("deny", selector="{matchLabels: {env: prod}}"))
    return path


def enrolled(desk: Desk, document: Path) -> EnrolledCluster:
    """A published policy and an enrolled cluster whose key is approved: release 2."""
    desk("cluster", "add", "fra1", "--plugin", "cilium", "--label", "env=prod", "--owner", "platform")
    desk("sign", "-f", str(document))
    desk("publish")
    cluster = EnrolledCluster("fra1", desk("cluster", "token", "fra1").out.strip())
    desk("cluster", "approve", "fra1", "--yes", "--publish")
    return cluster


def compliant(desk: Desk) -> PolicyReport:
    digest = desk.json("get", "policies")[0]["digest"]
    return PolicyReport("net/deny", Digest(digest), PolicyState.COMPLIANT, accepted="yes", objects=1)


def test_from_nothing_to_proof(desk: Desk, document: Path) -> None:
    cluster = enrolled(desk, document)
    silent = desk.json("status", expect=3)["clusters"][0]
    assert (silent["state"], silent["policies"][0]["state"]) == ("Unknown", "Unknown")
    cluster.tell(compliant(desk), release=2)
    proven = desk.json("status")["clusters"][0]
    assert (proven["state"], proven["release"], proven["policies"][0]["accepted"]) == ("Compliant", 2, "yes")
    cluster.tell(
        PolicyReport("net/deny", compliant(desk).document, PolicyState.DEGRADED, code="EDICT0501", reason="no"),
        release=2,
    )
    assert desk.json("status", expect=1)["clusters"][0]["state"] == "Degraded"
    assert desk.json("get", "policy", "net/deny", expect=1)["clusters"][0]["report"]["code"] == "EDICT0501"
    assert [receipt["sequence"] for receipt in desk.json("get", "receipts", "fra1")] == [1, 2]
    assert "Degraded 1" in desk("status", "-o", "wide", expect=1).out


def test_a_forged_receipt_is_unknown(desk: Desk, document: Path) -> None:
    """The hub does not keep it, so that the cluster is silent; what a stolen hub relays is judged in the unit tests."""
    cluster = enrolled(desk, document)
    cluster.key = Ed25519PrivateKey.generate()
    cluster.tell(compliant(desk), release=2)
    row = desk.json("status", expect=3)["clusters"][0]
    assert (row["state"], row["code"]) == ("Unknown", "EDICT0244")


def test_every_listing_speaks_json_and_yaml(desk: Desk, document: Path) -> None:
    enrolled(desk, document)
    for words in (["clusters"], ["policies"], ["policy", "net/deny"], ["release"], ["receipts", "fra1"]):
        table = desk("get", *words, expect=None)
        data = json.loads(desk("get", *words, "-o", "json", expect=None).out)
        assert yaml.safe_load(desk("get", *words, "-o", "yaml", expect=None).out) == data
        assert table.out or data == []
    assert desk("get", "policies", "-o", "name").out == "net/deny\n"
    assert desk.json("get", "clusters")[0]["receiptKey"].startswith("SHA256:")


def test_a_bare_upstream_policy_is_wrapped(desk: Desk, tmp_path: Path) -> None:
    upstream = yaml.safe_load(policy("deny"))
    bare = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": upstream["spec"]["policy"],
    }
    path = tmp_path / "upstream.yaml"
    path.write_text(yaml.safe_dump(bare))
    assert desk.json("sign", "-f", str(path), "--placement", "env=prod,region=eu")[0]["change"] == "added"
    assert desk.json("sign", "-f", str(path), "--placement", "all")[0]["change"] == "changed"
    assert desk.json("publish")["release"] == 1


def test_a_fingerprint_decides(desk: Desk, document: Path) -> None:
    desk("cluster", "add", "fra1", "--plugin", "cilium")
    desk("publish")
    EnrolledCluster("fra1", desk.json("cluster", "token", "fra1")["token"])
    refused = desk("cluster", "approve", "fra1", "--fingerprint", "SHA256:other", expect=2)
    assert "EDICT0615" in refused.err
    shown = refused.err.split("receipts with ")[1].split()[0]
    assert desk("cluster", "approve", "fra1", "--fingerprint", shown).code == 0
    assert desk.json("cluster", "approve", "fra1", "--yes")["change"] == "unchanged"
    del document


def test_changing_a_cluster_keeps_its_key(desk: Desk, document: Path) -> None:
    enrolled(desk, document)
    desk("cluster", "add", "fra1", "--plugin", "calico", "--label", "env=dev")
    desk("publish")
    entry = desk.json("get", "clusters")[0]
    assert (entry["plugin"], entry["labels"]) == ("calico", {"env": "dev"})
    assert entry["receiptKey"].startswith("SHA256:")
    desk("cluster", "remove", "fra1", "--publish")
    assert desk.json("get", "clusters") == []


def test_a_frozen_hub_is_reported_within_five_seconds(desk: Desk, hub: RunningHub) -> None:
    desk("publish")
    os.kill(hub.pid, signal.SIGSTOP)
    try:
        ended = desk("status", expect=2)
    finally:
        os.kill(hub.pid, signal.SIGCONT)
    assert "EDICT0450" in ended.err
    assert ended.seconds < 5


def test_an_operator_of_a_lower_role_is_refused_by_the_hub(desk: Desk, tmp_path: Path) -> None:
    desk("publish")
    out = tmp_path / "ada"
    desk("operator", "issue", "ada", "--role", "viewer", "--out", str(out))
    for name in ("operator.key", "operator.crt"):
        (desk.workspace / "operator" / name).write_bytes((out / name).read_bytes())
    desk("status")
    assert "EDICT0342" in desk("publish", "--refresh", expect=2).err
    desk("operator", "renew")
    desk("publish", "--refresh")


def test_the_hub_folder_holds_no_authors_key(desk: Desk) -> None:
    assert {path.name for path in (desk.workspace / "hub").iterdir()} == {
        *("hub.yaml", "root.json", "timestamp.pem", "ca.crt", "ca.key", "server.crt", "server.key")
    }
    for path in desk.workspace.rglob("*"):
        secret = path.suffix in {".pem", ".key"} or path.name == "keys.yaml"
        assert not secret or stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert path.parent.name != "keys" or path.suffix != ".pem" or b"ENCRYPTED" in path.read_bytes()
    assert stat.S_IMODE((desk.workspace / "keys").stat().st_mode) == 0o700


def test_a_watch_shows_what_changes_and_ends_on_ctrl_c(desk: Desk, document: Path, tmp_path: Path) -> None:
    cluster = enrolled(desk, document)
    out = tmp_path / "watch.out"
    with out.open("wb") as sink:
        watch = subprocess.Popen([EDICT, "-C", desk.workspace, "status", "-w"], stdout=sink, stderr=subprocess.PIPE)
    try:
        await_true(lambda: b"Unknown 1" in out.read_bytes(), subject="watch", what="first view", timeout=15)
        cluster.tell(compliant(desk), release=2)
        await_true(lambda: b"Compliant 1" in out.read_bytes(), subject="watch", what="the change", timeout=15)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(5) == 0
        assert watch.stderr is not None
        assert b"Error" not in watch.stderr.read()
    finally:
        watch.kill()
        if watch.stderr is not None:
            watch.stderr.close()


def test_a_damaged_store_is_named_and_clusters_are_judged_all_the_same(desk: Desk, document: Path, etcd: Etcd) -> None:
    cluster = enrolled(desk, document)
    cluster.tell(compliant(desk), release=2)
    assert desk.json("status")["faults"] == []

    async def damage() -> None:
        store = EtcdStore([etcd.endpoint], clock=SystemClock())
        await store.commit([], [Put(keys.metadata("inventory", 3), b"damaged")])
        await store.close()

    asyncio.run(damage())
    seen = desk.json("status", expect=1)
    assert seen["clusters"][0]["state"] == "Compliant"
    assert any("metadata/inventory/3" in fault["key"] for fault in seen["faults"]), seen
    assert "metadata/inventory/3" in desk("status", expect=1).err


def test_a_watch_says_when_the_hub_is_gone_for_good(desk: Desk, hub: RunningHub, tmp_path: Path) -> None:
    desk("publish")
    errors = tmp_path / "watch.err"
    with errors.open("wb") as sink:
        watch = subprocess.Popen([EDICT, "-C", desk.workspace, "status", "-w"], stdout=sink, stderr=sink)
    await_true(lambda: b"no cluster yet" in errors.read_bytes(), subject="watch", what="first view", timeout=15)
    hub.kill()
    assert watch.wait(10) == 2
    assert b"connecting again" in errors.read_bytes()
    assert b"Error [EDICT0450]" in errors.read_bytes()
