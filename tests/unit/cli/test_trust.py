"""Authors change who signs what; an agent follows from the first root."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edict.errors import EdictError
from edict.trust.holding import fingerprint
from edict_cli import public_keys, publishing, signing, trusting
from edict_cli.store import files
from tests.unit.cli.authors import NOW, FixedClock, policy
from tests.unit.cli.town import HERE, Desk, Town, as_agent, follow, founded_by_two, key_of


def test_teams_limits_and_removal_are_verified_by_an_agent(town: Town) -> None:
    hub = founded_by_two(town)
    town.ada("sign", "-f", town.document("deny"), "--team", "net")
    town.ada.publish(hub)
    pub = key_of(town.ada, "pay", town.papers / "pay.pub")
    town.ada("trust", "delegate", "pay", "--key", pub, "--priority", "100-200", "--namespace", "payments")
    town.ada.publish(hub)
    town.ada.fails("EDICT0215", "sign", "-f", town.document("mine"), "--team", "pay")
    assert "payments alone" in town.ada("sign", "-f", town.document("mine", priority=150), "--team", "pay")
    town.ada.publish(hub)
    state = as_agent(hub, 3)
    assert set(state.documents) == {"policies/net/deny", "policies/pay/mine"}
    assert state.documents["policies/pay/mine"].limits.namespaces == ("payments",)
    town.ada.fails("EDICT0215", "trust", "delegate", "pay", "--priority", "160-200")
    town.ada("trust", "delegate", "pay", "--remove")
    assert town.ada.publish(hub) == "published"
    assert set(as_agent(hub, 4).documents) == {"policies/net/deny"}
    town.ada.fails("EDICT0634", "trust", "delegate", "pay", "--key", pub)
    town.ada("trust", "delegate", "pay", "--no-passphrase")
    town.ada.publish(hub)
    as_agent(hub, 5)
    for words in (["inventory"], ["root"], ["inventory", "--remove"], ["waivers", "--remove"]):
        town.ada.fails("EDICT0635", "trust", "delegate", *words)
    town.ada.fails("EDICT0214", "trust", "delegate", "net-4", "--no-passphrase")


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "inventory", "net"])
def test_every_key_is_rotated_and_the_old_one_stays_out(town: Town, role: str) -> None:
    hub = founded_by_two(town)
    town.ada("sign", "-f", town.document("deny"))
    town.ada.publish(hub)
    before = {
        entry["role"].removeprefix("policies/"): entry["keys"] for entry in town.ada.json("trust", "status")["roles"]
    }
    (old,) = before[role]
    old_pub = town.papers / "old.pub"

    full = f"policies/{role}" if role == "net" else role
    old_pub.write_bytes(public_keys.pem(trusting.own_keys(town.ada.workspace, full)[0]))
    said = town.ada("trust", "rotate", role, "--no-passphrase")
    assert ("forget the lowest version" in said) == (role in {"snapshot", "timestamp"})
    assert ("Bring the new key to the hub" in said) == (role == "timestamp")
    assert town.ada.publish(hub) == "published"
    as_agent(hub, 2)
    status = town.ada.json("trust", "status")
    now = {entry["role"].removeprefix("policies/"): entry["keys"] for entry in status["roles"]}
    assert old["fingerprint"] not in {key["fingerprint"] for key in now[role]}
    assert status["retired"][old["fingerprint"]].removeprefix("policies/") == role
    town.ada.fails("EDICT0634", "trust", "add-key", role, "--key", old_pub)
    town.ada("sign", "-f", town.document("deny", priority=77))
    town.ada.publish(hub)
    assert set(as_agent(hub, 3).documents) == {"policies/net/deny"}


def test_the_key_that_the_hub_signs_with_is_kept_however_often_the_next_one_is_made(town: Town) -> None:
    hub = founded_by_two(town)
    town.ada.publish(hub)
    folder = town.ada.folder / "hub"
    present = (folder / "timestamp.pem").read_bytes()
    for _ in range(2):
        town.ada("trust", "rotate", "timestamp")
        assert (folder / "timestamp.old.pem").read_bytes() == present
        assert (folder / "timestamp.pem").read_bytes() != present
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.pem")} == {0o600}


def test_both_floors_are_reset_and_it_is_said(town: Town) -> None:
    hub = founded_by_two(town)
    town.ada.publish(hub)
    town.ada("trust", "rotate", "snapshot", "--no-passphrase")
    said = town.ada("trust", "rotate", "timestamp")
    assert "Both together" in said
    town.ada.publish(hub)
    as_agent(hub, 2)


def test_a_root_of_two_is_rotated_by_old_and_new_on_two_machines(town: Town) -> None:
    hub = founded_by_two(town, "root")
    town.ada.publish(hub)
    follow(town.bob, hub)
    town.ada("trust", "rotate", "root", "--no-passphrase")
    with pytest.raises(EdictError, match="EDICT0631"):
        town.ada.publish(hub)
    town.ada("sign", "--out", town.file)
    said = town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    assert "changed  role root" in said
    town.ada("sign", "--in", town.file)
    town.ada.publish(hub)
    assert as_agent(hub, 2).root_version == 2


def test_keys_are_added_and_removed_never_below_the_threshold(town: Town) -> None:
    hub = founded_by_two(town, "net")
    town.ada.publish(hub)
    entry = next(one for one in town.ada.json("trust", "status")["roles"] if one["role"] == "policies/net")
    bobs = next(key["fingerprint"] for key in entry["keys"] if not key["here"])
    town.ada.fails("EDICT0216", "trust", "remove-key", "net", bobs)
    town.ada.fails("EDICT0216", "trust", "threshold", "net", "3")
    town.ada.fails("EDICT0636", "trust", "remove-key", "net", "SHA256:nobody")
    town.ada("trust", "remove-key", "net", bobs, "--threshold", "1")
    town.ada.publish(hub)
    as_agent(hub, 2)
    town.bob.workspace.repository.state()
    follow(town.bob, hub)
    town.bob.fails("EDICT0636", "sign", "-f", town.document("deny"), "--team", "net")
    town.ada.fails("EDICT0634", "trust", "add-key", "net", "--key", town.papers / "0.pub")
    town.ada("trust", "add-key", "net", "--no-passphrase", "--threshold", "2")
    town.ada.publish(hub)
    town.ada("sign", "-f", town.document("deny"))
    town.ada.publish(hub)
    assert set(as_agent(hub, 4).documents) == {"policies/net/deny"}


def test_a_retired_key_that_comes_in_a_file_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = founded_by_two(town, "net")
    town.ada.publish(hub)
    follow(town.bob, hub)
    bobs = fingerprint(town.bob.workspace.keys.publics("policies/net")[0])
    town.ada("trust", "remove-key", "net", bobs, "--threshold", "1")
    town.ada.publish(hub)
    follow(town.bob, hub)
    (town.ada.folder / "metadata" / "retired.json").unlink()  # a thief's workspace has no such memory
    town.ada("trust", "add-key", "net", "--key", town.papers / "0.pub")
    town.ada("sign", "--out", town.file)
    town.bob.fails("EDICT0634", "sign", "--in", town.file, "--yes")
    monkeypatch.setattr("edict_cli.store.repository.Repository.retired", lambda _self: {})
    town.bob("sign", "--in", town.file, "--yes")


def test_status_warns_a_month_before(town: Town, clock: FixedClock) -> None:
    hub = founded_by_two(town)
    town.ada.publish(hub)
    assert all(not one["warning"] for one in town.ada.json("trust", "status")["roles"])
    clock.time = NOW + timedelta(days=340)
    said = town.ada("trust", "status", expect=1)
    assert "root expires in 25 days" in said
    assert "`edict trust renew root`" in said
    assert "snapshot expired" in said
    for role in ("root", "targets", "inventory", "net"):
        town.ada("trust", "renew", role)
    town.ada.publish(hub, refresh=True)
    assert "Warning" not in town.ada("trust", "status")


def test_a_crash_between_a_new_root_and_its_release_leaves_the_release_before(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:

    hub = founded_by_two(town)
    town.ada("sign", "-f", town.document("deny"))
    town.ada.publish(hub)
    town.ada("trust", "rotate", "snapshot", "--no-passphrase")
    real = files.write

    def killed(path: Path, *arguments: Any, **named: Any) -> None:
        if path.name == "timestamp.json":
            raise KeyboardInterrupt
        real(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            town.ada.publish(hub)
    assert town.ada.workspace.repository.state().release == 1
    assert town.ada.publish(hub) == "found"
    assert town.ada.workspace.repository.state().root_version == 2


def test_bins_grow_with_a_team_and_agents_follow(town: Town) -> None:
    hub = founded_by_two(town)
    town.ada("sign", "-f", town.document("deny"))
    town.ada.publish(hub)
    workspace = town.ada.workspace
    signing.sign(workspace, {f"policies/net/deny-{number}": policy(f"deny-{number}") for number in range(800)})
    for release in (2, 3):  # not through the command: to hold 800 policies against each other takes a minute
        planned = publishing.plan(workspace, hub.verified)
        publishing.finish(workspace, publishing.publish(workspace, hub, planned, traceparent=""))
        assert len(as_agent(hub, release).documents) == 801
        signing.sign(workspace, {"policies/net/deny-7": policy("deny-7", priority=90 + release)})
        assert len(workspace.pending.roles()) == 1
    bins = {role for role in hub.verified.targets if role.startswith("policies/net-")}
    assert len(bins) == 32
    assert workspace.repository.base().versions["policies/net-f"] == 1


def test_joining_needs_no_key_of_anybody(town: Town, tmp_path: Path) -> None:
    hub = founded_by_two(town)
    town.ada.publish(hub)
    root = town.ada.folder / "hub" / "root.json"
    carol = Desk(tmp_path / "carol", town.ada.clock, town.ada.capture)
    carol("trust", "init", carol.folder, *HERE, "--join", "--root", root)
    follow(carol, hub)
    assert carol.workspace.repository.state().release == 1
    assert not list((carol.folder / "keys").iterdir())
    assert carol.json("trust", "status")["release"] == 1
