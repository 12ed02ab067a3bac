"""The operator's side of a recovery, with the real command, hub and etcd."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml

from edict.clock import SystemClock
from edict.trust.keys import load_signer
from edict.trust.timestamp import sign_timestamp
from edict_hub.batches import batches
from edict_hub.store import Delete, EtcdStore, Put, keys
from tests.env import Etcd, Process
from tests.env._wait import await_ready, await_true
from tests.integration.cli.conftest import EDICT_HUB, RunningHub
from tests.integration.cli.desk import Desk
from tests.integration.cli.test_way import compliant, enrolled
from tests.unit.cli.authors import policy

pytestmark = pytest.mark.parts


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "deny.yaml"
    path.write_bytes(policy("deny", selector="{matchLabels: {env: prod}}"))
    return path


class Backup:
    """Every key of etcd as it was."""

    def __init__(self, etcd: Etcd) -> None:
        self._endpoint = etcd.endpoint
        self.kept = self._run(self._keep)

    def restore(self) -> None:
        self._run(self._put_back)

    async def _keep(self, store: EtcdStore) -> dict[str, bytes]:
        return {item.key: item.value for item in (await store.range(keys.ROOT)).items}

    async def _put_back(self, store: EtcdStore) -> None:
        await store.commit([], [Delete(keys.ROOT, keys.after_prefix(keys.ROOT))])
        for batch in batches(Put(key, value) for key, value in self.kept.items()):
            await store.commit([], batch)

    def _run(self, work: Callable[[EtcdStore], Any]) -> Any:
        async def opened() -> Any:
            store = EtcdStore([self._endpoint], clock=SystemClock())
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())


def sign(desk: Desk, folder: Path, name: str, priority: int) -> None:
    path = folder / f"{name}.yaml"
    path.write_bytes(policy(name, priority=priority))
    desk("sign", "-f", str(path))


def test_a_hub_that_lost_a_release_is_told_so_and_gets_it_back(desk: Desk, etcd: Etcd, document: Path) -> None:
    cluster = enrolled(desk, document)
    cluster.tell(compliant(desk), release=2)
    backup = Backup(etcd)
    sign(desk, document.parent, "later", 20)
    assert desk.json("publish")["release"] == 3
    assert not desk.json("hub", "recover")["changed"], "nothing is lost yet"
    backup.restore()
    refused = desk("publish", "--refresh", expect=2)
    assert "EDICT0207" in refused.err
    status = desk.json("status", expect=None)
    assert "EDICT0207" in {fault["code"] for fault in status["faults"]}
    assert status["release"] == 3, "clusters are judged by what this workspace knows"
    recovered = desk("hub", "recover")
    assert "The hub serves release 3, from this workspace" in recovered.err
    again = desk("hub", "recover")
    assert "Nothing newer was found: release 3" in again.err
    assert not desk.json("status", expect=None)["faults"]
    sign(desk, document.parent, "last", 21)
    assert desk.json("publish")["release"] == 4


def test_two_releases_of_one_number_are_settled_by_an_author(
    desk: Desk, etcd: Etcd, hub: RunningHub, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy of the workspace, as another publisher has it, publishes to the restored hub before the recovery."""
    enrolled(desk, document)
    backup = Backup(etcd)
    other = Desk(copytree(hub.workspace, hub.workspace.with_name("other")), capsys)
    sign(desk, document.parent, "right", 20)
    assert desk.json("publish")["release"] == 3
    backup.restore()
    sign(other, document.parent, "wrong", 21)
    assert other.json("publish")["release"] == 3
    refused = desk("hub", "recover", expect=2)
    assert "EDICT0414" in refused.err
    assert "edict hub recover --renumber" in refused.err
    assert desk.json("hub", "recover", "--renumber")["release"] == 4
    assert {row["policy"] for row in desk.json("get", "policies")} == {"net/deny", "net/right"}
    sign(desk, document.parent, "last", 22)
    assert desk.json("publish")["release"] == 5


def test_a_lost_floor_is_shown_and_cleared_for_that_loss_alone(desk: Desk, document: Path) -> None:
    cluster = enrolled(desk, document)
    assert "EDICT0645" in desk("cluster", "clear-floor", "fra1", expect=2).err, "nothing is signed yet"
    cluster.tell(compliant(desk), release=2)
    assert "nothing to clear" in desk("cluster", "clear-floor", "fra1").err
    cluster.tell(compliant(desk), release=2, floor_lost="2026-05-01T12:00:00Z")
    row = desk.json("status", expect=1)["clusters"][0]
    assert (row["state"], row["floorLost"]) == ("Degraded", "2026-05-01T12:00:00Z")
    desk("cluster", "clear-floor", "fra1", "--publish")
    documents = [yaml.safe_load(path.read_text()) for path in (desk.workspace / "documents").glob("*.yaml")]
    annotations = [document["metadata"].get("annotations") for document in documents]
    assert {"federation.edict.dev/floor-cleared": "2026-05-01T12:00:00Z"} in annotations


def test_a_stolen_timestamp_key_is_replaced_by_commands_whatever_it_signed(
    desk: Desk, etcd: Etcd, hub: RunningHub, document: Path
) -> None:
    enrolled(desk, document)
    backup = Backup(etcd)
    stolen = load_signer(hub.workspace / "hub" / "timestamp.pem", None)
    snapshot = backup.kept[keys.metadata("snapshot", 2)]
    until = datetime.now(UTC) + timedelta(days=1)
    backup.kept[keys.TIMESTAMP] = sign_timestamp(stolen, snapshot, version=2**60, expires=until)
    backup.restore()
    assert desk.json("publish", "--refresh")["timestampVersion"] == 2**60 + 1, (
        "while the key counts, so does its number"
    )
    desk("trust", "rotate", "timestamp")
    desk("trust", "rotate", "snapshot")
    hub.process.stop()
    again = Process.start(
        [EDICT_HUB, "serve", "--config", hub.workspace / "hub" / "hub.yaml"],
        log=hub.workspace.with_name("again.log"),
        env=dict(os.environ),
    )
    try:
        await_ready(again, lambda: "ready replica=" in hub.workspace.with_name("again.log").read_text(), subject="hub")
        assert "EDICT0417" in {fault["code"] for fault in desk.json("status", expect=None)["faults"]}
        published = desk.json("publish")
        assert (published["release"], published["timestampVersion"]) == (4, 1)
        assert desk.json("publish", "--refresh")["timestampVersion"] == 2
        assert not desk.json("status", expect=None)["faults"]
    finally:
        again.stop()


def test_a_hub_that_is_away_is_said(desk: Desk, hub: RunningHub) -> None:
    hub.kill()
    await_true(lambda: hub.process.exit_code() is not None, subject="hub", what="its end", timeout=5)
    assert "EDICT0450" in desk("hub", "recover", "--from-agents", expect=2).err
