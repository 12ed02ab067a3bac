"""A command that is killed between any two writes leaves a workspace on which the next command is right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edict.trust.holding import Holding
from edict_cli import trusting
from edict_cli.store import files
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import MemoryHub, cluster, founded, policy, publish, put, reopened


class KilledError(BaseException):
    """Stands for SIGKILL: no handler of the code under test may catch it."""


def killed_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let `count` writes and removals happen and no more; returns how many were asked for."""
    asked = 0
    real: dict[str, Callable[..., None]] = {"write": files.write, "remove": files.remove}

    def limited(name: str) -> Callable[..., None]:
        def call(*args: object, **named: object) -> None:
            nonlocal asked
            asked += 1
            if asked > count:
                raise KilledError
            real[name](*args, **named)

        return call

    monkeypatch.setattr(files, "write", limited("write"))
    monkeypatch.setattr(files, "remove", limited("remove"))
    return lambda: asked


def prepared(folder: Path) -> tuple[Workspace, MemoryHub]:
    workspace = founded(folder)
    hub = MemoryHub(workspace)
    put(workspace, policy("one"), policy("two", priority=11))
    publish(workspace, hub)
    return workspace, hub


def sign_three(workspace: Workspace) -> None:
    put(workspace, policy("two", priority=12), policy("three", priority=13), inventory_fra1=cluster("fra1"))


WANTED = {"policies/net/one", "policies/net/two", "policies/net/three", "inventory/fra1"}


def crash_everywhere(tmp_path: Path, action: Callable[[Workspace, MemoryHub], None]) -> int:
    """Kill an action after 0, 1, 2 … writes; after each, repeat the day's work and look at the release."""
    workspace, hub = prepared(tmp_path / "edict")
    if action is publish_all:
        sign_three(workspace)
    published, stored = hub.verified, hub.stored
    for count in range(200):
        folder = tmp_path / f"crash-{count}"
        shutil.copytree(workspace.folder, folder)
        hub.verified, hub.stored = published, stored
        copy = reopened(workspace, folder)
        with pytest.MonkeyPatch.context() as patch:
            asked = killed_after(count, patch)
            try:
                action(copy, hub)
            except KilledError:
                pass
            else:
                return asked()
        survivor = reopened(workspace, folder)
        survivor.repository.state()
        sign_three(survivor)
        publish(survivor, hub)
        assert set(hub.verified.documents) == WANTED, f"killed after {count} writes"
        assert publish(survivor, hub).action == "nothing", f"killed after {count} writes"
        assert survivor.repository.state().release == hub.verified.release
        assert not list(folder.rglob("*.tmp"))
    pytest.fail("the action never ended")


def sign_all(workspace: Workspace, _hub: MemoryHub) -> None:
    sign_three(workspace)


def publish_all(workspace: Workspace, hub: MemoryHub) -> None:
    publish(workspace, hub)


def test_signing_survives_a_kill_between_any_two_writes(tmp_path: Path) -> None:
    assert crash_everywhere(tmp_path, sign_all) > 3


def test_publishing_survives_a_kill_between_any_two_writes(tmp_path: Path) -> None:
    assert crash_everywhere(tmp_path, publish_all) > 8


def survive(tmp_path: Path, action: Callable[[Workspace], None]) -> int:
    """Kill a change of trust after 0, 1, 2 … writes; after each, do it again, publish, and look from the first root."""
    workspace, hub = prepared(tmp_path / "edict")
    published, stored, roots = hub.verified, hub.stored, dict(hub.roots)
    for count in range(200):
        folder = tmp_path / f"crash-{count}"
        shutil.copytree(workspace.folder, folder)
        hub.verified, hub.stored, hub.roots, hub.key = published, stored, dict(roots), folder / "hub" / "timestamp.pem"
        with pytest.MonkeyPatch.context() as patch:
            asked = killed_after(count, patch)
            try:
                action(reopened(workspace, folder))
            except KilledError:
                pass
            else:
                return asked()
        survivor = reopened(workspace, folder)
        survivor.repository.state()
        action(survivor)
        publish(survivor, hub)
        assert len(hub.verified.documents) == 2
        assert publish(survivor, hub).action == "nothing", f"killed after {count} writes"
    pytest.fail("the action never ended")


def rotate(role: str) -> Callable[[Workspace], None]:
    def action(workspace: Workspace) -> None:
        """As `edict trust rotate` does it, of whatever key is here."""
        holding = trusting.holding_of(workspace, role)
        public = trusting.new_timestamp_key(workspace) if role == "timestamp" else workspace.keys.create(role, None)
        trusting.arrange(workspace, {role: replace(holding, keys=(public,))})

    return action


def delegate(workspace: Workspace) -> None:
    public = workspace.keys.create("policies/pay", None)
    trusting.arrange(workspace, {"policies/pay": Holding((public,))})


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "policies/net"])
def test_rotating_a_key_survives_a_kill_between_any_two_writes(tmp_path: Path, role: str) -> None:
    assert survive(tmp_path, rotate(role)) >= 2


def test_delegating_survives_a_kill_between_any_two_writes(tmp_path: Path) -> None:
    assert survive(tmp_path, delegate) >= 2


def test_a_write_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write(path, b"old")

    def killed(_descriptor: int) -> None:
        raise KilledError

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KilledError):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"


def test_init_leaves_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(5, monkeypatch)
    with pytest.raises(KilledError):
        founded(tmp_path / "edict")
    assert not (tmp_path / "edict").exists()
    monkeypatch.undo()
    assert founded(tmp_path / "edict").repository.state().release == 0
