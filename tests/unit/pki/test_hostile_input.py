"""Bytes of strangers in the place of certificates and requests: each is a coded refusal, and a cheap one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import chains, csr, reenrol
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id, identity_of
from edict.pki.reenrol import Claim, prove
from edict.pki.token import Token

DOMAIN = "bank.example"
NOW = datetime.now(UTC).replace(microsecond=0)
ONE = ClusterName("one")
CA = CertificateAuthority.create(DOMAIN, NOW)
KEY = new_private_key()
REQUEST = make_csr(KEY, cluster_id(DOMAIN, ONE))
CERTIFICATE = CA.issue_cluster(REQUEST, ONE, NOW)
CURVE = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030176")
KIND = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0277")
VERSION = bytes.fromhex("a003020102"), bytes.fromhex("a003020107")
CERTIFICATE_MARK, REQUEST_MARK = b"CERTIFICATE", b"CERTIFICATE REQUEST"


def changed(pem: bytes, mark: bytes, change: tuple[bytes, bytes]) -> bytes:
    """Return PEM with other bytes in it."""
    body = pem.split(b"-----")[2]
    der = base64.b64decode(body)
    assert change[0] in der
    return wrapped(der.replace(*change, 1), mark)


def wrapped(der: bytes, mark: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (mark, base64.encodebytes(der), mark)


def request_with_the_same_extension_twice() -> bytes:
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(cluster_id(DOMAIN, ONE))])
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x05\x00")
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(name, critical=True).add_extension(other, critical=False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    der = made.public_bytes(Encoding.DER)
    return wrapped(der.replace(bytes.fromhex("0603551d63"), bytes.fromhex("0603551d11")), REQUEST_MARK)


@pytest.mark.parametrize("read", [chains.split, chains.read, csr.not_after, lambda pem: identity_of(pem, DOMAIN)])
def test_a_certificate_of_an_unknown_version_is_an_error_of_ours(read: Callable[[bytes], object]) -> None:
    with pytest.raises(IdentityError, match="EDICT0302"):
        read(changed(CERTIFICATE, CERTIFICATE_MARK, VERSION))
    assert read(CERTIFICATE)


@pytest.mark.parametrize(
    "request_pem",
    [
        changed(REQUEST, REQUEST_MARK, CURVE),
        changed(REQUEST, REQUEST_MARK, KIND),
        request_with_the_same_extension_twice(),
    ],
    ids=["curve", "kind of key", "extension twice"],
)
def test_a_request_that_the_library_does_not_know_is_an_error_of_ours(request_pem: bytes) -> None:
    with pytest.raises(IdentityError, match="EDICT0305"):
        CA.issue_cluster(request_pem, ONE, NOW)


@pytest.mark.parametrize("change", [CURVE, KIND])
def test_a_request_s_key_that_the_library_does_not_know_is_an_error_of_ours(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(IdentityError, match="EDICT0305"):
        csr.public_key_of(changed(REQUEST, REQUEST_MARK, change))
    assert csr.public_key_of(REQUEST) == csr.load_private_key(KEY).public_key()


@pytest.mark.parametrize("change", [CURVE, KIND])
def test_a_private_key_that_the_library_does_not_know_is_an_error_of_ours(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(IdentityError, match="EDICT0303"):
        csr.load_private_key(changed(KEY, b"PRIVATE KEY", change))


def test_a_claim_with_many_certificates_is_refused_before_any_signature_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would be tried as the issuer: a stranger's one request would cost a fifth of a second."""
    judged: list[int] = []
    leads = chains.leads

    def counted(*args: Any) -> bool:
        judged.append(1)
        return leads(*args)

    monkeypatch.setattr(chains, "leads", counted)
    for count, code in ((1, ""), (reenrol.MAX_BETWEEN, ""), (reenrol.MAX_BETWEEN + 1, "EDICT0309"), (300, "EDICT0309")):
        judged.clear()
        made = Claim(CERTIFICATE + CA.certificate_pem * count, REQUEST, int(NOW.timestamp()))
        try:
            refused = ""
            reenrol.check(made, prove(made, KEY), believed=[CA.certificate], trust_domain=DOMAIN, now=NOW)
        except IdentityError as error:
            refused = error.code
        assert (refused, len(judged)) == (code, 0 if code else 1)


@pytest.mark.parametrize("hub", ["", " , ", ","])
def test_a_token_without_an_address_is_refused_when_it_is_read(hub: str) -> None:
    for addresses in ((hub, "hub:2"), ("hub:1", hub)):
        with pytest.raises(IdentityError, match="EDICT0307"):
            Token.decode(token(*addresses).encode())
    assert Token.decode(token("hub:1", "hub:2").encode()).hub == "hub:1"


def token(hub: str, enrol: str) -> Token:
    return Token(ONE, hub, enrol, DOMAIN, b"s" * 32, CA.certificate_pem.decode(), "0" * 64)
