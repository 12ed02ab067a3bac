from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edict_cli.main import run
from tests.env import Etcd, Process
from tests.env._wait import await_ready, free_ports
from tests.env.fixtures import require_parts
from tests.integration.cli.desk import PASSPHRASE, Desk

EDICT_HUB = Path(sys.executable).with_name("edict-hub")


@dataclass
class RunningHub:
    """A hub as a process, with the workspace that made it."""

    workspace: Path
    process: Process

    def kill(self) -> None:
        self.process.kill()

    @property
    def pid(self) -> int:
        return self.process.pid


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("EDICT_WORKSPACE", raising=False)


@pytest.fixture
def hub(tmp_path: Path, etcd: Etcd) -> Iterator[RunningHub]:
    """A hub on an etcd of its own."""
    with hub_on(etcd, tmp_path) as running:
        yield running


@contextlib.contextmanager
def hub_on(etcd: Etcd, directory: Path) -> Iterator[RunningHub]:
    """Make a workspace below a folder and run its hub until the end of the block."""
    mtls, enrol, metrics = free_ports(3)
    folder = directory / "edict"
    made = run(
        [
            *("init", str(folder), "--trust-domain", "bank.example", "--team", "net"),
            *("--hub", f"127.0.0.1:{mtls}", "--enrol", f"127.0.0.1:{enrol}", "--etcd", etcd.endpoint),
        ]
    )
    assert made == 0
    log = directory / "hub.log"
    argv: list[str | Path] = [
        EDICT_HUB,
        "serve",
        "--config",
        folder / "hub" / "hub.yaml",
        "--metrics-listen",
        f"127.0.0.1:{metrics}",
    ]
    process = Process.start(argv, log=log, env=dict(os.environ))
    try:
        await_ready(process, lambda: "ready replica=" in log.read_text(), subject="hub", timeout=20)
        yield RunningHub(folder, process)
    finally:
        process.stop()


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of the test's own."""
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


@pytest.fixture
def desk(hub: RunningHub, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(hub.workspace, capsys)
