"""Two authors on two machines who hold different keys, a hub between them and the agents, and one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edict.trust import verify
from edict.trust.state import Bundle, TrustState
from edict_cli import main, release, signing
from edict_cli.publishing import Published
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import released
from tests.unit.cli.authors import NOW, FixedClock, MemoryHub, policy

ADA, BOB, EVE = "ada", "bob", "eve"
HERE = ["--trust-domain", "bank.example", "--hub", "h:1", "--enrol", "h:2"]


class Desk:
    """One author's machine: a folder of its own, and the command at a fixed time."""

    def __init__(self, folder: Path, clock: FixedClock, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.clock, self.capture = folder, clock, capture

    def __call__(self, *arguments: object, expect: int = 0) -> str:
        self.capture.readouterr()
        code = main.run(["-C", str(self.folder), *map(str, arguments)])
        out, err = self.capture.readouterr()
        assert code == expect, err + out
        return out + err

    def fails(self, code: str, *arguments: object) -> str:
        said = self(*arguments, expect=2)
        assert code in said, said
        assert "Traceback" not in said
        return said

    def json(self, *arguments: object) -> Any:
        self.capture.readouterr()
        code = main.run(["-C", str(self.folder), *map(str, arguments), "-o", "json"])
        out, err = self.capture.readouterr()
        assert code in {0, 1}, err
        return json.loads(out)

    @property
    def workspace(self) -> Workspace:

        return Workspace(Session(self.folder, clock=self.clock))

    def publish(self, hub: MemoryHub, *, refresh: bool = False) -> str:
        return self.released(hub, refresh=refresh).action

    def released(self, hub: MemoryHub, *, refresh: bool = False) -> Published:
        return released(self.workspace, hub, refresh=refresh, allow_lockout=False, ask=False, traceparent="")


@dataclass
class Town:
    """Two authors, the hub, and the file between them."""

    ada: Desk
    bob: Desk
    file: Path
    papers: Path

    def document(self, name: str, **fields: Any) -> Path:
        path = self.papers / f"{name}.yaml"
        path.write_bytes(policy(name, **fields))
        return path

    def passed(self) -> None:
        """Bob signs Ada's file and sends it back, and she takes it."""
        self.bob("sign", "--in", self.file, "--out", self.file, "--yes")
        self.ada("sign", "--in", self.file)


def key_of(desk: Desk, role: str, path: Path) -> Path:
    out = desk("trust", "key", role, "--no-passphrase")
    path.write_text(out.partition("SHA256")[0])
    return path


def founded_by_two(town: Town, *roles: str) -> MemoryHub:
    """Ada and Bob found a federation in which both must sign for some roles."""
    town.bob("trust", "init", town.bob.folder, *HERE, "--join")
    keys = [
        ("--key", f"{role}={key_of(town.bob, role, town.papers / f'{number}.pub')}")
        for number, role in enumerate(roles)
    ]
    thresholds = [("--threshold", f"{role}=2") for role in roles]
    options = [word for pair in (*keys, *thresholds) for word in pair]
    said = town.ada("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase", *options)
    if "other founders" in said:
        town.ada("sign", "--out", town.file)
        town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
        assert "is founded" in town.ada("sign", "--in", town.file)
    return MemoryHub(town.ada.workspace)


def follow(desk: Desk, hub: MemoryHub) -> None:
    """Let a workspace take the hub's newest release."""

    workspace = desk.workspace
    signing.rebase(workspace, release.newest(workspace, hub))


def as_agent(hub: MemoryHub, release: int) -> TrustState:
    """Verify everything from the first root, as an agent would that begins today."""
    known = hub.verified
    state = verify.pin(hub.roots[1])
    roots = tuple(data for number, data in sorted(hub.roots.items()) if number > 1)
    bundle = Bundle(roots, known.timestamp, known.snapshot, known.targets)
    state = verify.advance(state, bundle, now=NOW)
    assert state.release == release
    return state
