"""One key under two spellings is one key, whatever its kind; a kind of which that cannot be told may not sign."""

from __future__ import annotations

import base64
import subprocess
import sys
import traceback
from datetime import UTC, datetime

import pytest
from asn1crypto import pem
from asn1crypto.keys import PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import AWSSigner, CryptoSigner, Key, Signature, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot

from edict.errors import TrustError
from edict.trust import _check, signers
from edict.trust._sign import sign
from edict.trust.codes import Code
from edict.trust.kinds import accepted

P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.generate()
SIGNERS = {
    "p256": CryptoSigner(P256),
    "p384": CryptoSigner(P384),
    "rsa": CryptoSigner(RSA),
    "ed25519": CryptoSigner(ED25519),
}


def spki(key: Key) -> PublicKeyInfo:
    return PublicKeyInfo.load(pem.unarmor(key.keyval["public"].encode())[2])


def armoured(info: PublicKeyInfo) -> str:
    text: bytes = pem.armor("PUBLIC KEY", info.dump(force=True))
    return text.decode()


def compressed(key: Key, private: ec.EllipticCurvePrivateKey) -> str:
    info = spki(key)
    info["public_key"] = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return armoured(info)


def hybrid(key: Key, private: ec.EllipticCurvePrivateKey) -> str:
    info, numbers = spki(key), private.public_key().public_numbers()
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    info["public_key"] = bytes([6 + numbers.y % 2]) + point[1:]
    return armoured(info)


def pkcs1(private: rsa.RSAPrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


def for_pss_alone(key: Key) -> str:
    info = spki(key)
    info["algorithm"] = {"algorithm": "rsassa_pss"}
    return armoured(info)


def rewrapped(key: Key) -> str:
    body = "".join(key.keyval["public"].split("\n")[1:-2])
    lines = "\r\n".join(body[at : at + 76] for at in range(0, len(body), 76))
    return f"some words\n-----BEGIN PUBLIC KEY-----\r\n{lines}\r\n-----END PUBLIC KEY-----\n"


def spellings() -> list[tuple[str, str, str, str]]:
    """Each kind's other spellings: signer, key type, scheme, public."""
    made = []
    for name, private in (("p256", P256), ("p384", P384)):
        key = SIGNERS[name].public_key
        others = (compressed(key, private), hybrid(key, private), rewrapped(key), key.keyval["public"] + "\n")
        made += [(name, "ecdsa", key.scheme, other) for other in others]
    key = SIGNERS["rsa"].public_key
    for scheme in (key.scheme, "rsa-pkcs1v15-sha256"):
        made += [("rsa", "rsa", scheme, other) for other in (pkcs1(RSA), for_pss_alone(key), rewrapped(key))]
    public = SIGNERS["ed25519"].public_key.keyval["public"]
    made += [("ed25519", "ed25519", "ed25519", other) for other in (public.upper(), f"{public[:8]} {public[8:]}")]
    return made


SPELLINGS = spellings()
every_spelling = pytest.mark.parametrize(
    ("name", "keytype", "scheme", "public"), SPELLINGS, ids=[f"{row[0]}-{at}" for at, row in enumerate(SPELLINGS)]
)


@every_spelling
def test_two_spellings_are_one_key(name: str, keytype: str, scheme: str, public: str) -> None:
    first, second = SIGNERS[name].public_key, SSlibKey("second", keytype, scheme, {"public": public})
    assert public != first.keyval["public"]
    assert accepted(second, where="test") == accepted(first, where="test") == _check.material(second)


@every_spelling
def test_one_holder_does_not_meet_a_threshold_of_two(name: str, keytype: str, scheme: str, public: str) -> None:
    """Positive control: python-tuf alone, which counts key ids, is content."""
    signer = SIGNERS[name]
    second = SSlibKey("second", keytype, scheme, {"public": public})
    root = Root(expires=datetime(2030, 1, 1, tzinfo=UTC))
    root.add_key(signer.public_key, "snapshot")
    root.add_key(second, "snapshot")
    root.roles["snapshot"].threshold = 2
    metadata = Metadata(Snapshot(version=1, expires=datetime(2030, 1, 1, tzinfo=UTC), meta={}))
    metadata.sign(signer)
    again = type(signer)(signer._private_key, SSlibKey("second", keytype, scheme, signer.public_key.keyval))
    metadata.sign(again, append=True)
    assert root.get_verification_result("snapshot", metadata.signed_bytes, metadata.signatures).verified
    with pytest.raises(TrustError, match="EDICT0203"):
        _check.signatures(root, "snapshot", metadata)


def of_curve(curve: ec.EllipticCurve) -> str:
    public = ec.generate_private_key(curve).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def short_rsa() -> str:
    public = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - that it is too short is the point
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def mldsa_public() -> str:
    public = mldsa.MLDSA44PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("keytype", "scheme", "public"),
    [
        ("ed25519", "ed25519", "not hex"),
        ("ed25519", "ed25519", "00" * 31),
        ("ed25519", "ed25519", SIGNERS["p256"].public_key.keyval["public"]),
        ("ecdsa", "ecdsa-sha2-nistp384", SIGNERS["p256"].public_key.keyval["public"]),
        ("ecdsa", "ecdsa-sha2-nistp256", of_curve(ec.SECP256K1())),
        ("ecdsa", "ecdsa-sha2-nistp256", SIGNERS["rsa"].public_key.keyval["public"]),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", SIGNERS["p256"].public_key.keyval["public"]),
        ("rsa", "rsassa-pss-sha256", SIGNERS["p256"].public_key.keyval["public"]),
        ("rsa", "rsassa-pss-sha256", short_rsa()),
        ("rsa", "pgp+rsa-pkcsv1.5", SIGNERS["rsa"].public_key.keyval["public"]),
        ("ml-dsa", "ml-dsa-44/1", mldsa_public()),
        ("sigstore-oidc", "Fulcio", "me@bank.example"),
    ],
    ids=[
        *("ed25519-no-hex", "ed25519-short", "ed25519-pem", "p256-as-p384", "k256", "rsa-as-p256", "old-type"),
        *("p256-as-rsa", "rsa-1024", "pgp", "ml-dsa", "sigstore"),
    ],
)
def test_what_cannot_be_told_apart_or_verified_may_not_sign(keytype: str, scheme: str, public: str) -> None:
    with pytest.raises(TrustError, match=r"EDICT0232.*use ed25519"):
        accepted(SSlibKey("key", keytype, scheme, {"public": public}), where="test")


@pytest.mark.parametrize("uri", ["gnupg:", "file2:/key.pem", "hsm:two", "hsm:2?token=x", "nonsense", ""])
def test_an_address_of_no_kind_of_key_is_refused_with_those_that_there_are(uri: str) -> None:
    public = SIGNERS["p256"].public_key
    with pytest.raises(TrustError, match=r"EDICT0232.*file:PATH, hsm:2\?label=TOKEN.*awskms"):
        signers.signer(uri, public, lambda _name: "")
    with pytest.raises(TrustError, match="EDICT0232"):
        signers.look_up(uri, lambda _name: "")


LIBRARIES = {
    "hsm:2?label=x": ("pkcs11", "edict-federation[pkcs11]"),
    "awskms:alias/root": ("boto3", "securesystemslib[awskms]"),
    "gcpkms:projects/p/locations/l": ("google", "securesystemslib[gcpkms]"),
    "azurekms://v.vault.azure.net/keys/k/1": ("azure", "securesystemslib[azurekms]"),
    "hv:root/1": ("hvac", "securesystemslib[vault]"),
}
HIDE = """
import sys
sys.modules[sys.argv[1]] = None
from edict.errors import TrustError
from edict.trust import signers
try:
    signers.look_up(sys.argv[2], lambda name: "")
except TrustError as error:
    print(error)
"""


@pytest.mark.parametrize("uri", LIBRARIES)
def test_a_missing_library_is_named_with_what_to_install(uri: str) -> None:
    library, extra = LIBRARIES[uri]
    done = subprocess.run([sys.executable, "-c", HIDE, library, uri], capture_output=True, text=True, check=True)
    assert f"EDICT0233] ({uri})" in done.stdout
    assert f"pip install '{extra}'" in done.stdout
    assert done.stderr == ""


def test_what_a_service_says_is_one_short_line_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = base64.b64encode(b"what was sent").decode()

    def fails(*_: object) -> tuple[str, SSlibKey]:
        raise RuntimeError("denied\x1b[31m\n" + "x" * 5000) from ValueError(secret)

    monkeypatch.setattr(AWSSigner, "import_", fails)
    with pytest.raises(TrustError, match="EDICT0234") as caught:
        signers.look_up("awskms:alias/root", lambda _name: "")
    said = str(caught.value)
    assert "RuntimeError: denied\\x1b[31m " in said
    assert len(said) < 600
    assert secret not in "".join(traceback.format_exception(caught.value)), "nor with --verbose"


class Locked(CryptoSigner):
    """A key that cannot be used now."""

    def sign(self, payload: bytes) -> Signature:
        raise TrustError(Code.KEY_PIN, f"the device refused the PIN for {len(payload)} bytes", where="hsm:2")


def test_what_a_key_says_when_it_cannot_sign_reaches_whoever_asked() -> None:
    """Positive control: python-tuf alone hides it behind an error of its own."""
    metadata = Metadata(Snapshot(version=1, expires=datetime(2030, 1, 1, tzinfo=UTC), meta={}))
    locked = Locked(P256)
    with pytest.raises(RepositoryError, match="Failed to sign"):
        metadata.sign(locked)
    with pytest.raises(TrustError, match=r"^Error \[EDICT0235\] \(hsm:2\)"):
        sign(metadata, locked, append=True)
    assert metadata.signatures == {}
