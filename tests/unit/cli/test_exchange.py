"""One file between authors: what it asks for is shown, made again, compared and signed, or refused."""

from __future__ import annotations

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
from edict.ids import digest_of
from edict.trust.cosigning import encoded
from edict_cli import cosigning, exchange, reviewing
from edict_cli.exchange import Exchange
from tests.unit.cli.authors import NOW, MemoryHub, policy, reopened
from tests.unit.cli.town import EVE, HERE, Desk, Town, as_agent, follow, founded_by_two, key_of


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


def test_a_founding_file_cannot_write_outside_the_workspace(town: Town) -> None:
    """A role's name becomes the name of a file once the federation is founded."""
    town.bob("trust", "init", town.bob.folder, *HERE, "--join")
    pub = key_of(town.bob, "root", town.papers / "bob.pub")
    options = ("--team", "net", "--no-passphrase", "--key", f"root={pub}", "--threshold", "root=2")
    town.ada("init", town.ada.folder, *HERE, *options)
    town.ada("sign", "--out", town.file)

    def outside(paper: Paper) -> None:
        def bend(signed: Targets) -> None:
            assert signed.delegations is not None
            assert signed.delegations.roles is not None
            signed.delegations.roles["../../outside"] = signed.delegations.roles.pop("inventory")

        paper.metadata["targets"] = bent(paper.metadata["targets"], bend)
        paper.metadata["../../outside"] = paper.metadata.pop("inventory")

    edited(town, outside)
    town.bob.fails("EDICT0632", "sign", "--in", town.file, "--yes")
    assert not list(town.papers.parent.rglob("*outside*"))


def test_nobody_signs_what_nobody_said_yes_to(town: Town) -> None:
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    town.bob.fails("EDICT0616", "sign", "--in", town.file)
    assert town.bob.workspace.pending.roles() == {}


@dataclass(frozen=True)
class Paper:
    """The file between two authors, for somebody to change."""

    metadata: dict[str, bytes]
    documents: dict[Any, bytes]


def edited(town: Town, change: Callable[[Paper], None]) -> None:
    held = exchange.read(town.file)
    change(Paper(held.metadata, held.documents))
    town.file.write_bytes(exchange.encode(Exchange(held.format, held.metadata, held.documents)))


def bent(data: bytes, bend: Callable[[Any], None]) -> bytes:
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    bend(metadata.signed)
    return encoded(metadata)


def bin_of(metadata: dict[str, bytes]) -> str:
    return next(role for role in metadata if role.startswith("policies/net-"))


def other_document(paper: Paper) -> None:
    """The same paper.metadata, other words."""
    (digest,) = paper.documents
    paper.documents[digest] = policy("deny", priority=99)


def other_document_signed(paper: Paper) -> None:
    """Another document that the metadata names, with the placement of the first."""

    content = policy("deny", selector="{matchLabels: {env: prod}}")
    paper.documents.clear()
    paper.documents[digest_of(content)] = content

    def bend(signed: Targets) -> None:
        entry = signed.targets["policies/net/deny"]
        entry.hashes, entry.length = {"sha256": digest_of(content)}, len(content)

    paper.metadata[bin_of(paper.metadata)] = bent(paper.metadata[bin_of(paper.metadata)], bend)


def bend_bin(paper: Paper, bend: Callable[[Any], None]) -> None:
    role = bin_of(paper.metadata)
    paper.metadata[role] = bent(paper.metadata[role], bend)


def lower_version(paper: Paper) -> None:
    bend_bin(paper, lambda signed: setattr(signed, "version", 1))


def extra_role(paper: Paper) -> None:
    paper.metadata["policies/pay-0"] = paper.metadata[bin_of(paper.metadata)]


def foreign_path(paper: Paper) -> None:
    def bend(signed: Targets) -> None:
        signed.targets["policies/pay/deny"] = signed.targets.pop("policies/net/deny")

    bend_bin(paper, bend)


def another_field(paper: Paper) -> None:
    bend_bin(paper, lambda signed: signed.unrecognized_fields.update({"x-only-in": ["prod"]}))


def expires_never(paper: Paper) -> None:
    bend_bin(paper, lambda signed: setattr(signed, "expires", NOW + timedelta(days=3650)))


def expires_at_once(paper: Paper) -> None:
    bend_bin(paper, lambda signed: setattr(signed, "expires", NOW + timedelta(days=1)))


def no_document(paper: Paper) -> None:
    paper.documents.clear()


def one_more_document(paper: Paper) -> None:

    paper.documents[digest_of(b"hidden")] = b"hidden"


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
    "attack",
    [other_document_signed, lower_version, foreign_path, another_field, expires_never, expires_at_once],
    ids=lambda value: value.__name__,
)
def test_without_the_comparison_the_same_file_is_signed(
    town: Town, attack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: whoever believes the metadata that was sent gives a signature for it."""
    founded_by_two(town, "policies/net")
    town.ada("sign", "-f", town.document("deny"), "--out", town.file)
    edited(town, attack)
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
        bytes(range(255, 191, -1)),
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

    def strangers(paper: Paper) -> None:
        forged: Metadata[Targets] = Metadata.from_bytes(paper.metadata[bin_of(paper.metadata)])
        mine = town.bob.workspace.keys.publics("policies/net")[0].keyid
        signature = CryptoSigner.generate_ed25519().sign(forged.signed_bytes)
        signature.keyid = mine
        forged.signatures[mine] = signature
        paper.metadata[bin_of(paper.metadata)] = encoded(forged)

    edited(town, strangers)
    town.ada("sign", "--in", town.file, "--yes")
    assert [entry["needed"] for entry in town.ada.json("trust", "status")["pending"]] == [1]


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


def test_limits_and_placements_with_lists_are_the_same_on_both_machines(town: Town) -> None:
    hub = founded_by_two(town, "targets", "policies/net")
    pub = key_of(town.ada, "pay", town.papers / "pay.pub")
    town.ada("trust", "delegate", "pay", "--key", pub, "--tier", "Admin", "--namespace", "a", "--namespace", "b")
    chosen = "{matchExpressions: [{key: env, operator: In, values: [dev, prod]}]}"
    town.ada("sign", "-f", town.document("deny", selector=chosen), "--team", "net", "--out", town.file)
    town.passed()
    assert town.ada.publish(hub) == "published"
    assert as_agent(hub, 1).documents["policies/net/deny"].limits.namespaces is None
    again = town.ada("sign", "-f", town.document("deny", selector=chosen), "--team", "net")
    assert "unchanged" in again
    assert not town.ada.json("trust", "status")["pending"], "signing the same again changes nothing"
