"""Two authors with different keys, a real hub on a real etcd: who signs what changes, and the hub goes along."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.trust import verify
from edict.trust.state import TrustState
from edict_cli import release
from edict_cli.hub import HubClient
from edict_cli.main import run
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from tests.env import Etcd, Process
from tests.env._wait import await_ready, free_ports
from tests.integration.cli.desk import Desk
from tests.unit.cli.authors import policy

pytestmark = pytest.mark.parts
EDICT_HUB = Path(sys.executable).with_name("edict-hub")


@dataclass
class Town:
    """Ada, who has the hub's folder, and Bob, who shares root and the team with her; and the hub."""

    ada: Desk
    bob: Desk
    file: Path
    ports: tuple[int, ...]
    process: Process | None = None
    starts: int = 0

    def start_hub(self) -> None:
        folder = self.ada.workspace / "hub"
        self.starts += 1
        log = folder.parent.parent / f"hub-{self.starts}.log"
        argv: list[str | Path] = [
            EDICT_HUB,
            "serve",
            "--config",
            folder / "hub.yaml",
            "--metrics-listen",
            f"127.0.0.1:{self.ports[2]}",
        ]
        self.process = Process.start(argv, log=log, env=dict(os.environ))
        await_ready(self.process, lambda: "ready replica=" in log.read_text(), subject="hub", timeout=20)

    def stop_hub(self) -> None:
        if self.process is not None:
            self.process.stop()

    def answer(self) -> pb.StateResponse:
        with HubClient(Workspace(Session(self.ada.workspace))) as hub:
            return hub.state()

    def as_agent(self) -> TrustState:
        """Verify what the hub has from the first root, as an agent that enrols today."""
        pinned = verify.pin((self.ada.workspace / "hub" / "root.json").read_bytes())
        return release.verified(pinned, self.answer())


@pytest.fixture
def town(tmp_path: Path, etcd: Etcd, capsys: pytest.CaptureFixture[str]) -> Iterator[Town]:
    ports = free_ports(3)
    mtls, enrol = ports[:2]
    ada, bob = (Desk(tmp_path / name, capsys) for name in ("ada", "bob"))
    here = ("--trust-domain", "bank.example", "--hub", f"127.0.0.1:{mtls}", "--enrol", f"127.0.0.1:{enrol}")
    town = Town(ada, bob, tmp_path / "release.edict", tuple(ports))
    bob("trust", "init", str(bob.workspace), *here, "--join", "--team", "net")
    shared = []
    for role in ("root", "net"):
        path = tmp_path / f"{role}.pub"
        path.write_text(bob("trust", "key", role).out)
        shared += ["--key", f"{role}={path}", "--threshold", f"{role}=2"]
    ada("init", str(ada.workspace), *here, "--team", "net", "--etcd", etcd.endpoint, *shared)
    ada("sign", "--out", str(town.file))
    bob("sign", "--in", str(town.file), "--out", str(town.file), "--yes")
    ada("sign", "--in", str(town.file))
    shutil.rmtree(bob.workspace / "operator")
    assert run(["-C", str(ada.workspace), "operator", "issue", "bob", "--out", str(bob.workspace / "operator")]) == 0
    town.start_hub()
    try:
        yield town
    finally:
        town.stop_hub()


def test_two_authors_from_founding_to_a_rotated_root_and_timestamp(town: Town, tmp_path: Path) -> None:
    ada, bob, file = town.ada, town.bob, str(town.file)
    document = tmp_path / "deny.yaml"
    document.write_bytes(policy("deny"))
    ada("sign", "-f", str(document), "--out", file)
    assert "EDICT0631" in ada("publish", expect=2).err
    bob("sign", "--in", file, "--out", file, "--yes")
    ada("sign", "--in", file)
    assert ada.json("publish")["release"] == 1
    bob("sign", "--rebase")

    ada("trust", "rotate", "root")
    ada("trust", "rotate", "timestamp")
    ada("trust", "delegate", "pay", "--priority", "100-200")
    ada("sign", "--out", file)
    shown = bob("sign", "--in", file, "--out", file, "--yes").err
    assert "changed  role root" in shown
    assert "added    role policies/pay" in shown
    ada("sign", "--in", file)
    refused = ada("publish", expect=2).err
    assert "EDICT0" in refused, "the hub has the old timestamp key still"
    town.stop_hub()
    town.start_hub()
    assert ada.json("publish")["release"] == 2
    state = town.as_agent()
    assert (state.root_version, set(state.documents)) == (2, {"policies/net/deny"})

    mine = tmp_path / "mine.yaml"
    mine.write_bytes(policy("mine", priority=150))
    ada("sign", "-f", str(mine), "--team", "pay")
    ada("publish")
    ada("trust", "delegate", "pay", "--remove")
    ada("publish")
    ada("publish", "--refresh")
    state = town.as_agent()
    assert (state.release, set(state.documents)) == (5, {"policies/net/deny"})
    gone = [item.role for item in town.answer().metadata if item.role.startswith("policies/pay")]
    assert gone == [], "a role that nobody delegates is sent to nobody, though every snapshot names it"
    bob("sign", "--rebase")
    assert bob.json("trust", "status")["rootVersion"] == 2
    assert ada("status").code == 0
