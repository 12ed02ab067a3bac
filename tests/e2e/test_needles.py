"""What looks for secrets finds them in the forms in which programs write them, and cries at nothing else."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.e2e.needles import Needle, hits, of_key, spellings
from tests.e2e.searching import exposed_files

SECRET = bytes(range(200, 232))


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET.hex().encode(),
        repr({"key": SECRET}).encode(),
        json.dumps({"data": base64.b64encode(b'{"a":' + SECRET + b"}").decode()}).encode(),
        base64.urlsafe_b64encode(b"x" + SECRET + b"yz"),
        base64.b64encode(b"xy" + SECRET + b"z"),
        base64.urlsafe_b64encode(msgspec.msgpack.encode({"cluster": "one", "secret": SECRET, "ca": "PEM"})),
        SECRET.hex(":").encode(),
    ],
)
def test_a_secret_is_found_as_programs_write_it(written: bytes) -> None:
    wanted = spellings([Needle("token", "of one", SECRET)])
    assert hits(b"before " + written + b" behind", wanted)
    half = len(written) // 2
    assert not hits(written[:half] + b"~" + written[half:], wanted), "half a secret is none"


@pytest.mark.parametrize("private", [Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())])
@pytest.mark.parametrize("encryption", [NoEncryption(), BestAvailableEncryption(b"passphrase")])
def test_a_key_is_found_whole_in_part_and_in_another_form(
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption
) -> None:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    wanted = spellings(of_key("key", "root", pem, None if isinstance(encryption, NoEncryption) else b"passphrase"))
    assert hits(pem, wanted)
    assert hits(pem.splitlines()[1], wanted)
    assert hits(repr(pem).encode(), wanted)
    other = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert hits(base64.b64encode(other), wanted)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert not hits(public + secrets.token_bytes(100_000), wanted)


def test_a_file_counts_as_exposed_when_the_way_to_it_is_open_too(tmp_path: Path) -> None:
    for folder, mode in (("open", 0o755), ("closed", 0o700), ("open/group", 0o750)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder).chmod(mode)
        for name, bits in (("theirs", 0o644), ("group's", 0o640), ("mine", 0o600)):
            (tmp_path / folder / name).touch()
            (tmp_path / folder / name).chmod(bits)
    assert {place.name for place in exposed_files(tmp_path)} == {
        *("open/theirs", "open/group's", "open/group/theirs", "open/group/group's")
    }
