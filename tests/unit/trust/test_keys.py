"""Key files: only their owner's, never overwritten, and every fault of one named without a word of what is secret."""

from __future__ import annotations

import os
import stat
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from securesystemslib.signer import SSlibKey

from edict.errors import TrustError
from edict.trust.keys import generate, is_encrypted, load_signer

PASSPHRASE = b"tr0ub4dor and three"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    generate(path, PASSPHRASE)
    return path


def written(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_a_new_key_is_its_owner_s_alone_even_under_a_loose_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = generate(tmp_path / "root.pem", PASSPHRASE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "root.pem").stat().st_mode) == 0o600
    assert is_encrypted(tmp_path / "root.pem")
    assert load_signer(tmp_path / "root.pem", PASSPHRASE).public_key == made.public_key


def test_a_key_is_never_overwritten_nor_written_through_a_link(key: Path, tmp_path: Path) -> None:
    before = key.read_bytes()
    link = tmp_path / "link.pem"
    link.symlink_to(tmp_path / "elsewhere")
    for path in (key, link):
        with pytest.raises(TrustError, match="EDICT0231"):
            generate(path, None)
    assert key.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o004, 0o002, 0o010])
def test_a_file_that_others_may_touch_is_refused_before_its_passphrase_is_used(key: Path, bit: int) -> None:
    load_signer(key, PASSPHRASE)
    key.chmod(0o600 | bit)
    for use in (is_encrypted, lambda path: load_signer(path, PASSPHRASE)):
        with pytest.raises(TrustError, match=r"EDICT0230.*others.*chmod 600"):
            use(key)


def test_every_fault_of_a_file_is_named_and_shows_neither_passphrase_nor_content(key: Path, tmp_path: Path) -> None:
    content = key.read_text()
    other = tmp_path / "other.pem"
    generate(other, None)
    damaged = tmp_path / "damaged.pem"
    damaged.touch(mode=0o600)
    damaged.write_text(content[:80] + "!" + content[80:])
    pipe = tmp_path / "pipe.pem"
    os.mkfifo(pipe, 0o600)
    cases = [
        (key, None, "set EDICT_PASSPHRASE"),
        (key, b"tr0ub4dor and four", "passphrase is wrong"),
        (other, PASSPHRASE, "unset EDICT_PASSPHRASE"),
        (damaged, PASSPHRASE, "no private key"),
        (tmp_path / "nowhere.pem", PASSPHRASE, "No such file"),
        (pipe, PASSPHRASE, "no file"),
        (tmp_path, PASSPHRASE, "no file"),
        (written(tmp_path / "x.pem", x25519.X25519PrivateKey.generate()), None, "keys of this kind"),
    ]
    for path, passphrase, expected in cases:
        with pytest.raises(TrustError, match="EDICT0230") as caught:
            load_signer(path, passphrase)
        said = str(caught.value)
        assert expected in said
        assert "tr0ub4dor" not in said
        assert content.splitlines()[1] not in said
        shown = "".join(traceback.format_exception(caught.value))
        assert "ValueError" not in shown, "the library's own error is not shown beside ours"


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p256", "p384", "rsa"],
)
def test_keys_made_by_other_tools_sign(tmp_path: Path, private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    signer = load_signer(written(tmp_path / "key.pem", private), None)
    signer.public_key.verify_signature(signer.sign(b"release"), b"release")


def test_a_signature_names_the_key_on_record_and_no_other_file_stands_in_for_it(tmp_path: Path) -> None:
    made = generate(tmp_path / "root.pem", None).public_key
    assert isinstance(made, SSlibKey)
    recorded = SSlibKey("of-long-ago", made.keytype, made.scheme, made.keyval)
    assert load_signer(tmp_path / "root.pem", None, recorded).sign(b"x").keyid == "of-long-ago"
    generate(tmp_path / "swapped.pem", None)
    with pytest.raises(TrustError, match=r"EDICT0230.*another key than the one on record"):
        load_signer(tmp_path / "swapped.pem", None, recorded)


def test_an_empty_passphrase_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"EDICT0230.*empty"):
        generate(tmp_path / "root.pem", b"")
    assert not (tmp_path / "root.pem").exists()
