"""The keys of a workspace: several to a role, on record by URI, opened when they first sign, their owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from securesystemslib.signer import CryptoSigner, SSlibKey

from edict.errors import EdictError, TrustError, UsageError
from edict.trust.keys import generate, load_signer
from edict_cli.session import Session
from edict_cli.store.keys import Keys
from tests.unit.cli.authors import founded

PASSPHRASE = "tr0ub4dor and three"  # noqa: S105 - of throw-away keys
ROLES = ("root", "targets", "inventory", "waivers", "rollouts", "snapshot", "policies/net")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def keys(folder: Path) -> Keys:
    return opened(folder)


def opened(folder: Path) -> Keys:
    """The keys as the next command finds them."""
    return Keys(folder, Session(folder.parent))


def keyids(keys: Keys, role: str) -> list[str]:
    return [key.keyid for key in keys.publics(role)]


def sign_with_all(keys: Keys) -> None:
    for signer in keys.signers("root"):
        signer.sign(b"release")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("role", ROLES)
def test_a_workspace_without_a_list_has_the_keys_that_init_made(keys: Keys, folder: Path, role: str) -> None:
    assert keys.signers(role) == []
    with pytest.raises(UsageError, match=r"EDICT0608.*the key of"):
        keys.signer(role)
    made = generate(keys.path(role), None).public_key
    assert keys.signer(role).public_key == made
    assert keyids(keys, role) == [made.keyid]
    assert not (folder / "keys.yaml").exists()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_more_keys_and_each_of_them_signs(keys: Keys, folder: Path, role: str) -> None:
    first = generate(keys.path(role), None).public_key
    second, third = keys.create(role, None), keys.create(role, None)
    again = opened(folder)
    assert keyids(again, role) == [first.keyid, second.keyid, third.keyid]
    assert again.signer(role).public_key == first, "the first stays the one that signs alone"
    for signer in again.signers(role):
        signer.public_key.verify_signature(signer.sign(b"release"), b"release")
    assert len(again.signers("root" if role != "root" else "targets")) == 0, "other roles are as they were"


def test_what_is_written_is_its_owner_s_alone(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys")
    keys.create("root", PASSPHRASE.encode())
    assert mode(tmp_path / "keys") == 0o700
    assert {path.name: mode(path) for path in (tmp_path / "keys").iterdir()} == {"root.pem": 0o600, "keys.yaml": 0o600}
    assert "PRIVATE" not in (tmp_path / "keys" / "keys.yaml").read_text()


@pytest.mark.parametrize("which", [".", "keys.yaml", "root.pem", "root.2.pem"])
@pytest.mark.parametrize("bit", [0o040, 0o002])
def test_what_others_may_touch_is_refused(keys: Keys, folder: Path, which: str, bit: int) -> None:
    keys.create("root", None)
    keys.create("root", None)
    sign_with_all(opened(folder))  # positive control
    path = folder / which
    path.chmod(mode(path) | bit)
    with pytest.raises(EdictError, match=r"EDICT(0620|0230).*others.*chmod"):
        sign_with_all(opened(folder))


@pytest.mark.parametrize(
    "text",
    ["[", "roles: 7", "roles: {root: [{}]}", "roles: {root: [{uri: 'file:x', pin: 1}]}", "other: {}", "\udcff"],
)
def test_a_list_that_cannot_be_read_is_no_empty_list(keys: Keys, folder: Path, text: str) -> None:
    generate(keys.path("root"), None)
    (folder / "keys.yaml").touch(mode=0o600)
    (folder / "keys.yaml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=r"EDICT0605.*keys\.yaml"):
        keys.signer("root")


def test_a_key_elsewhere_is_named_by_its_path(
    keys: Keys, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    made = generate(stick / "mine.pem", None).public_key
    generate(folder / "beside.pem", None)
    monkeypatch.chdir(tmp_path)
    uri, public = keys.look_up("file:stick/mine.pem")
    assert (uri, public) == (f"file:{stick}/mine.pem", made)
    keys.add("root", uri, public)
    keys.add("root", *keys.look_up(f"file:{folder}/beside.pem"))
    monkeypatch.chdir("/")
    assert len(keyids(opened(folder), "root")) == 2
    moved = folder.rename(tmp_path / "moved")
    stick.rename(tmp_path / "unplugged")
    signers = opened(moved).signers("root")
    assert [signer.public_key == made for signer in signers] == [False], "what is not plugged in cannot be used"
    signers[0].sign(b"the folder may move")
    third = opened(moved).create("root", None)
    (tmp_path / "unplugged").rename(stick)
    assert [key == made for key in opened(moved).publics("root")] == [True, False, False], "it was not forgotten"
    assert opened(moved).publics("root")[2] == third


def test_who_signs_in_a_new_workspace_is_known_without_opening_a_key(tmp_path: Path) -> None:
    workspace = founded(tmp_path / "edict")
    for role in ("root", "targets", "inventory", "snapshot", "policies/net"):
        path = workspace.keys.path(role)
        public = load_signer(path, None).public_key
        path.write_text("not read")
        assert workspace.keys.publics(role) == [public]
    assert mode(tmp_path / "edict" / "keys" / "keys.yaml") == 0o600


def test_one_key_is_added_once_however_it_is_spelled(keys: Keys, folder: Path) -> None:
    public = keys.create("root", None)
    copy = folder / "copy.pem"
    copy.touch(mode=0o600)
    copy.write_bytes(keys.path("root").read_bytes())
    spelled = SSlibKey("other", "ed25519", "ed25519", {"public": public.keyval["public"].upper()})
    for uri, key in ((f"file:{keys.path('root')}", public), ("file:copy.pem", public), ("hsm:2", spelled)):
        with pytest.raises(TrustError, match="EDICT0231"):
            keys.add("root", uri, key)
    keys.add("targets", "file:copy.pem", public)
    assert keyids(opened(folder), "root") == [public.keyid]


def test_a_key_of_a_kind_that_cannot_be_told_apart_is_not_added(keys: Keys, folder: Path) -> None:
    public = CryptoSigner.generate_ecdsa().public_key
    with pytest.raises(TrustError, match="EDICT0232"):
        keys.add("root", "hsm:2", SSlibKey("key", "ecdsa", "ecdsa-sha2-nistp384", public.keyval))
    assert not (folder / "keys.yaml").exists()
    keys.add("root", "hsm:2", public)
    assert yaml.safe_load((folder / "keys.yaml").read_text())["roles"]["root"][0]["uri"] == "hsm:2"


def test_a_file_that_was_swapped_does_not_sign_for_the_key_on_record(keys: Keys, folder: Path) -> None:
    keys.create("root", None)
    keys.path("root").unlink()
    generate(keys.path("root"), None)
    with pytest.raises(TrustError, match=r"EDICT0230.*another key"):
        opened(folder).signers("root")[0].sign(b"release")


def test_nothing_is_opened_and_nobody_is_asked_before_a_key_signs(
    keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDICT_PASSPHRASE", raising=False)
    keys.create("root", PASSPHRASE.encode())
    signer = opened(folder).signers("root")[0]
    assert signer.public_key == keys.publics("root")[0]
    with pytest.raises(UsageError, match=r"EDICT0607.*EDICT_PASSPHRASE"):
        signer.sign(b"release")
    monkeypatch.setenv("EDICT_PASSPHRASE", PASSPHRASE + "!")
    with pytest.raises(TrustError, match="EDICT0230") as caught:
        signer.sign(b"release")
    assert PASSPHRASE not in str(caught.value)
    monkeypatch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
    signer.sign(b"release")
