"""Which authorities an author's workspace knows the hub by."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from edict.pki.ca import CertificateAuthority
from edict.trust import authorities
from edict_cli import believed
from edict_cli.believed import Known
from edict_cli.main import run
from edict_cli.session import Session
from edict_cli.store.workspace import Workspace

DOMAIN = "bank.example"
FIRST, SECOND = (CertificateAuthority.create(DOMAIN, datetime.now(UTC)).certificate_pem.decode() for _ in range(2))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "edict"
    asked = ["init", str(folder), "--trust-domain", DOMAIN, "--hub", "h:1", "--enrol", "h:2", "--no-passphrase"]
    assert run(asked) == 0
    return Workspace(Session(folder))


def root_listing(workspace: Workspace, version: int, *listed: str) -> bytes:
    metadata = Metadata[Root].from_bytes(workspace.repository.root())
    metadata.signed.version = version
    authorities.write(metadata.signed, listed)
    return metadata.to_bytes()


def test_while_the_root_lists_none_the_ca_beside_the_certificate_counts(workspace: Workspace) -> None:
    own = (workspace.operator / "ca.crt").read_text()
    assert believed.hub_is_known_by(workspace, workspace.repository.root()) == own
    assert believed.dialled_with(workspace).decode() == own
    assert believed.known(workspace) == Known(own, 1)


def test_what_the_root_lists_counts_instead(workspace: Workspace) -> None:
    root = root_listing(workspace, 2, FIRST, SECOND)
    assert believed.hub_is_known_by(workspace, root) == FIRST + SECOND


@pytest.mark.parametrize(("version", "expected"), [(2, SECOND), (3, FIRST), (4, FIRST)])
def test_a_folder_that_was_made_under_a_newer_root_goes_before_an_older_one(
    workspace: Workspace, version: int, expected: str
) -> None:
    believed.store(workspace.operator, Known(SECOND, 3))
    assert believed.hub_is_known_by(workspace, root_listing(workspace, version, FIRST)) == expected


@pytest.mark.parametrize("damage", [b"", b"{}", b"nonsense"])
def test_a_damaged_root_leaves_a_way_to_the_hub(workspace: Workspace, damage: bytes) -> None:
    (workspace.folder / "metadata" / "1.root.json").write_bytes(damage)
    assert believed.dialled_with(workspace) == (workspace.operator / "ca.crt").read_bytes()


@pytest.mark.parametrize("version", ["", "x", "-1", "\uff19", "9" * 5000])
def test_a_version_that_is_none_counts_as_the_first(workspace: Workspace, version: str) -> None:
    (workspace.operator / "ca.version").write_text(version)
    assert believed.hub_is_known_by(workspace, root_listing(workspace, 2, FIRST)) == FIRST
