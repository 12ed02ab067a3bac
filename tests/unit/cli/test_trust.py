"""Authors on two machines, who hold different keys, change who signs what; an agent follows from the first root."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Targets

from edict.errors import EdictError
from edict.trust import verify
from edict.trust.cosigning import encoded
from edict.trust.holding import fingerprint
from edict.trust.state import TrustState
from edict_cli import cosigning, exchange, main, reviewing
from edict_cli.exchange import Exchange
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import released
from tests.unit.cli.authors import NOW, FixedClock, MemoryHub, cluster, policy, reopened

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
        from edict_cli.session import Session  # noqa: PLC0415 - the class is patched before

        return Workspace(Session(self.folder, clock=self.clock))

    def publish(self, hub: MemoryHub, *, refresh: bool = False) -> str:
        return released(self.workspace, hub, refresh=refresh, allow_lockout=False, ask=False, traceparent="").action


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    clock = FixedClock()
    real = main.Session
    monkeypatch.setattr(main, "Session", lambda folder, verbose=False: real(folder, verbose=verbose, clock=clock))
    monkeypatch.delenv("EDICT_PASSPHRASE", raising=False)
    return clock


@pytest.fixture
def town(tmp_path: Path, clock: FixedClock, capsys: pytest.CaptureFixture[str]) -> Town:
    papers = tmp_path / "papers"
    papers.mkdir()
    ada, bob = (Desk(tmp_path / name, clock, capsys) for name in (ADA, BOB))
    return Town(ada, bob, papers / "release.edict", papers)


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
    from edict_cli import release, signing  # noqa: PLC0415 - as one author alone does

    workspace = desk.workspace
    signing.rebase(workspace, release.newest(workspace, hub))


def as_agent(hub: MemoryHub, release: int) -> TrustState:
    """Verify everything from the first root, as an agent would that begins today."""
    known = hub.verified
    state = verify.pin(hub.roots[1])
    roots = tuple(data for number, data in sorted(hub.roots.items()) if number > 1)
    bundle = verify.Bundle(roots, known.timestamp, known.snapshot, known.targets)
    state = verify.advance(state, bundle, now=NOW)
    assert state.release == release
    return state


def test_two_people_found_a_federation_and_neither_alone(town: Town) -> None:
    town.bob("trust", "init", town.bob.folder, *HERE, "--join")
    pub = key_of(town.bob, "root", town.papers / "bob.pub")
    town.ada(
        *("init", town.ada.folder, *HERE, "--team", "net", "--no-passphrase"),
        *("--key", f"root={pub}", "--threshold", "root=2"),
    )
    assert not (town.ada.folder / "hub" / "root.json").exists()
    town.ada.fails("EDICT0630", "sign", "-f", town.document("deny"))
    town.ada("sign", "--out", town.file)
    said = town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    assert "founds a new federation" in said
    assert "threshold 2 of 2" in said
    town.ada("sign", "--in", town.file)
    hub = MemoryHub(town.ada.workspace)
    assert town.ada.publish(hub) == "published"
    as_agent(hub, 1)
    assert town.bob.workspace.repository.root() == (town.ada.folder / "hub" / "root.json").read_bytes()


def test_a_policy_of_two_keys_is_signed_on_two_machines_with_one_file(town: Town) -> None:
    hub = founded_by_two(town, "policies/net", "snapshot")
    said = town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    assert "has 1 of the 2 signatures" in said
    with pytest.raises(EdictError, match=r"EDICT0631.*policies/net has 1 of the 2 .*SHA256:"):
        town.ada.publish(hub)
    shown = town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    assert "added    policies/net/deny" in shown
    assert "+        - 10.0.0.0/8" in shown
    assert "verdict" in shown.lower()
    town.ada("sign", "--in", town.file)
    with pytest.raises(EdictError, match=r"EDICT0631.*snapshot has 1 of the 2"):
        town.ada.publish(hub)
    town.ada("sign", "--out", town.file)
    assert "makes this release 1" in town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    town.ada("sign", "--in", town.file)
    assert town.ada.publish(hub) == "published"
    assert set(as_agent(hub, 1).documents) == {"policies/net/deny"}
    follow(town.bob, hub)
    with pytest.raises(EdictError, match="EDICT0631"):
        town.bob.publish(hub, refresh=True)
    town.bob("sign", "--out", town.file)
    town.ada("sign", "--in", town.file, "--out", town.file, "--yes")
    town.bob("sign", "--in", town.file)
    assert town.bob.publish(hub, refresh=True) == "refreshed"
    as_agent(hub, 2)


def test_nobody_signs_what_nobody_said_yes_to(town: Town) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    town.bob.fails("EDICT0616", "sign", "--in", town.file)
    assert town.bob.workspace.pending.roles() == {}


def edited(town: Town, change: Callable[[dict[str, bytes], dict[Any, bytes]], None]) -> None:
    held = exchange.read(town.file)
    change(held.metadata, held.documents)
    town.file.write_bytes(exchange.encode(Exchange(held.format, held.metadata, held.documents)))


def bent(data: bytes, bend: Callable[[Any], None]) -> bytes:
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    bend(metadata.signed)
    return encoded(metadata)


def bin_of(metadata: dict[str, bytes]) -> str:
    return next(role for role in metadata if role.startswith("policies/net-"))


def other_document(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    """The same metadata, other words."""
    (digest,) = documents
    documents[digest] = policy("deny", priority=99)


def other_document_signed(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    """Another document that the metadata names, with the placement of the first."""
    from edict.ids import digest_of  # noqa: PLC0415 - the attack alone needs it

    content = policy("deny", selector="{matchLabels: {env: prod}}")
    documents.clear()
    documents[digest_of(content)] = content

    def bend(signed: Targets) -> None:
        entry = signed.targets["policies/net/deny"]
        entry.hashes, entry.length = {"sha256": digest_of(content)}, len(content)

    metadata[bin_of(metadata)] = bent(metadata[bin_of(metadata)], bend)


def lower_version(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    metadata[bin_of(metadata)] = bent(metadata[bin_of(metadata)], lambda signed: setattr(signed, "version", 1))


def extra_role(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    metadata["policies/pay-0"] = metadata[bin_of(metadata)]


def foreign_path(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    def bend(signed: Targets) -> None:
        signed.targets["policies/pay/deny"] = signed.targets.pop("policies/net/deny")

    metadata[bin_of(metadata)] = bent(metadata[bin_of(metadata)], bend)


def another_field(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    metadata[bin_of(metadata)] = bent(
        metadata[bin_of(metadata)], lambda signed: signed.unrecognized_fields.update({"x-only-in": ["prod"]})
    )


def expires_never(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    later = NOW + timedelta(days=3650)
    metadata[bin_of(metadata)] = bent(metadata[bin_of(metadata)], lambda signed: setattr(signed, "expires", later))


def expires_at_once(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    soon = NOW + timedelta(days=1)
    metadata[bin_of(metadata)] = bent(metadata[bin_of(metadata)], lambda signed: setattr(signed, "expires", soon))


def no_document(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    documents.clear()


def one_more_document(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
    from edict.ids import digest_of  # noqa: PLC0415 - the attack alone needs it

    documents[digest_of(b"hidden")] = b"hidden"


ATTACKS = [
    (other_document, "EDICT0632"),
    (other_document_signed, "EDICT0632"),
    (lower_version, "EDICT0633"),
    (extra_role, "EDICT0632"),
    (foreign_path, "EDICT0632"),
    (another_field, "EDICT0632"),
    (expires_never, "EDICT0632"),
    (expires_at_once, "EDICT0632"),
    (no_document, "EDICT0632"),
    (one_more_document, "EDICT0632"),
]


@pytest.mark.parametrize(("attack", "code"), ATTACKS, ids=lambda value: getattr(value, "__name__", value))
def test_a_hostile_file_is_refused_and_nothing_is_signed(town: Town, attack: Any, code: str) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    edited(town, attack)
    town.bob.fails(code, "sign", "--in", town.file, "--yes")
    assert town.bob.workspace.pending.roles() == {}


@pytest.mark.parametrize(
    "attack", [other_document_signed, another_field, foreign_path], ids=lambda value: value.__name__
)
def test_without_the_comparison_the_same_file_is_signed(
    town: Town, attack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: whoever believes the metadata that was sent gives a signature for it."""
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    edited(town, attack)
    monkeypatch.setattr(reviewing, "same", lambda *_: True)
    monkeypatch.setattr(reviewing, "_compared", lambda _workspace, _base, wish, _files, _source: wish)
    monkeypatch.setattr(reviewing, "_changes", lambda *_: ({}, []))
    town.bob("sign", "--in", town.file, "--out", town.file, "--yes")
    held = exchange.read(town.file).metadata
    signatures = Metadata[Targets].from_bytes(held[bin_of(held)]).signatures
    assert {key.keyid for key in town.bob.workspace.keys.publics("policies/net")} & signatures.keys()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b'{"format":"edict-release/2","metadata":{},"documents":{}}\n',
        b'{"format":"edict-release/1","metadata":{},"documents":{},"more":1}\n',
        b'{ "format":"edict-release/1","metadata":{},"documents":{}}\n',
        b'{"format":"edict-release/1","metadata":{"root":"e30="},"documents":{}}\n',
        b'{"documents":{},"format":"edict-release/1","metadata":{"root":"e30="}}\n',
        b'{"documents":{},"format":"edict-release/1","metadata":{"targets":"' + b"W1tb" * 50_000 + b'"}}\n',
        b'{"documents":{},"format":"edict-release/1","metadata":{"\\u001b[2J":"e30="}}\n',
        b"[" * 100_000,
        b"\xff\xfe",
        os.urandom(64),
    ],
)
def test_nonsense_is_a_coded_error(town: Town, data: bytes) -> None:
    founded_by_two(town)
    town.file.write_bytes(data)
    said = town.ada("sign", "--in", town.file, "--yes", expect=2)
    assert "EDICT0600" not in said
    assert "Error [EDICT0" in said
    assert "\x1b" not in said


def test_a_file_on_another_release_is_refused_until_both_have_the_newest(town: Town) -> None:
    hub = founded_by_two(town, "policies/net")
    follow(town.bob, hub)
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    town.passed()
    town.ada.publish(hub)
    town.ada("sign", "-f", town.document("deny", priority=20), "--out", town.file)
    town.bob.fails("EDICT0633", "sign", "--in", town.file, "--yes")
    follow(town.bob, hub)
    town.bob.workspace.pending.clear()
    town.passed()
    town.ada.publish(hub)
    as_agent(hub, 2)


def test_two_wishes_for_one_role_are_a_conflict(town: Town) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    town.bob("sign", "-f", town.document("deny", priority=33), "--team", "net")
    town.bob.fails("EDICT0613", "sign", "--in", town.file, "--yes")
    town.bob("sign", "--drop")
    town.bob("sign", "--in", town.file, "--yes")


def test_lifted_limits_are_shouted_and_signed_by_nobody_who_only_holds_the_team(town: Town) -> None:
    hub = founded_by_two(town, "policies/net")
    town.ada("trust", "delegate", "net", "--tier", "Admin", "--priority", "1-50")
    town.ada.publish(hub)
    follow(town.bob, hub)
    town.ada("trust", "delegate", "net", "--lift", "all")
    town.ada("sign", "--out", town.file)
    said = town.bob("sign", "--in", town.file, "--yes")
    assert "ALL ITS LIMITS ARE LIFTED" in said
    assert "- limit tiers" in said
    pending = town.bob.workspace.pending.roles()
    mine = {key.keyid for key in town.bob.workspace.keys.publics("policies/net")}
    assert not mine & Metadata[Targets].from_bytes(pending["targets"]).signatures.keys()


def test_a_file_cannot_give_a_signature_that_is_not_good(town: Town) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)

    def strangers(metadata: dict[str, bytes], documents: dict[Any, bytes]) -> None:
        forged: Metadata[Targets] = Metadata.from_bytes(metadata[bin_of(metadata)])
        mine = town.bob.workspace.keys.publics("policies/net")[0].keyid
        signature = CryptoSigner.generate_ed25519().sign(forged.signed_bytes)
        signature.keyid = mine
        forged.signatures[mine] = signature
        metadata[bin_of(metadata)] = encoded(forged)

    edited(town, strangers)
    town.ada("sign", "--in", town.file, "--yes")
    assert [entry["needed"] for entry in town.ada.json("trust", "status")["pending"]] == [1]


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
    town.ada("trust", "delegate", "pay", "--key", pub)
    town.ada.publish(hub)
    as_agent(hub, 5)
    for words in (["inventory"], ["root"], ["inventory", "--remove"], ["waivers", "--remove"]):
        town.ada.fails("EDICT0635", "trust", "delegate", *words)
    town.ada.fails("EDICT0214", "trust", "delegate", "net-4", "--key", pub)


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
    from edict_cli import public_keys, trusting  # noqa: PLC0415 - for the old key alone

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
    from edict_cli.store import files  # noqa: PLC0415 - to kill it

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
    many = b"---\n".join(policy(f"deny-{number}") for number in range(800))
    (town.papers / "many.yaml").write_bytes(many)
    from edict_cli import release, signing  # noqa: PLC0415 - 800 documents are too many to lint one another here

    workspace = town.ada.workspace
    contents = {f"policies/net/deny-{number}": policy(f"deny-{number}") for number in range(800)}
    signing.sign(workspace, dict(contents))
    assert sum(role.startswith("policies/net-") for role in workspace.pending.roles()) == 32
    assert release.newest(workspace, hub).release == 1


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


def test_what_is_signed_is_what_was_shown(town: Town) -> None:
    """The bytes of the documents that a review shows are those whose digests stand in the metadata that it signs."""
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    found = reviewing.review(town.bob.workspace, exchange.read(town.file), "file")
    with town.bob.workspace.locked():
        cosigning.take(town.bob.workspace, found, "file")
    roles = town.bob.workspace.pending.roles()
    entry = Metadata[Targets].from_bytes(roles[bin_of(roles)]).signed.targets["policies/net/deny"]
    entry.verify_length_and_hashes(found.documents["policies/net/deny"][0])
    assert msgspec.json.decode(town.file.read_bytes())["format"] == "edict-release/1"


def test_a_copy_without_keys_signs_nothing(town: Town, tmp_path: Path) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    eve = Desk(tmp_path / EVE, town.ada.clock, town.ada.capture)
    shutil.copytree(town.bob.folder, eve.folder)
    shutil.rmtree(eve.folder / "keys")
    before = exchange.read(town.file).metadata
    eve("sign", "--in", town.file, "--out", town.file, "--yes")
    assert exchange.read(town.file).metadata == before
    assert reopened(eve.workspace).pending.wanted() == town.ada.workspace.pending.wanted()
    assert cluster("x")
