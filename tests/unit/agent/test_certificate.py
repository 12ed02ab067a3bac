"""A hub may hand out anything as a certificate: only one that is ours, of the pinned CA and good now is kept."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import load_private_key, make_csr, new_private_key
from edict.pki.names import cluster_id
from edict_agent.store.identity import Pins
from edict_agent.sync.certificate import believed, check

DOMAIN = "bank.example"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CA = CertificateAuthority.create(DOMAIN, NOW - 30 * DAY)
KEY = new_private_key()
PINS = Pins(ClusterName("one"), "h:1", "h:2", DOMAIN, CA.certificate_pem.decode(), "0" * 64)


def issued(
    *, ca: CertificateAuthority = CA, key: bytes = KEY, name: str = "one", at: datetime = NOW, life: timedelta = DAY
) -> bytes:
    return ca.issue_cluster(make_csr(key, cluster_id(DOMAIN, name)), ClusterName(name), at, life)


def forged(ca: CertificateAuthority = CA) -> bytes:
    """A certificate with everything right, the issuer's name too, that another key signed."""
    real = x509.load_pem_x509_certificate(issued(ca=ca))
    builder = x509.CertificateBuilder(
        issuer_name=real.issuer,
        subject_name=real.subject,
        public_key=real.public_key(),
        serial_number=real.serial_number,
        not_valid_before=real.not_valid_before_utc,
        not_valid_after=real.not_valid_after_utc,
        extensions=list(real.extensions),
    )
    return builder.sign(load_private_key(new_private_key()), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def with_san(value: bytes) -> bytes:
    """A certificate whose alternative names are these bytes."""
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, load_private_key(KEY).public_key(), 1, NOW, NOW + DAY)
    builder = builder.add_extension(
        x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), value), critical=False
    )
    signer = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def of_an_unknown_algorithm() -> bytes:
    """A certificate whose key is of an algorithm that nobody knows."""
    ec_key, unknown = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209")
    der = x509.load_pem_x509_certificate(issued()).public_bytes(serialization.Encoding.DER)
    assert ec_key in der
    body = base64.encodebytes(der.replace(ec_key, unknown))
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("chain", "held"),
    [
        pytest.param(issued(), b"", id="a first one"),
        pytest.param(issued(life=timedelta(seconds=6)), b"", id="a short first one"),
        pytest.param(issued() + CA.certificate_pem, b"", id="with its CA behind it"),
        pytest.param(issued(life=HOUR), issued(at=NOW - DAY / 2), id="sooner, and an hour is left"),
        pytest.param(issued(life=HOUR / 60), issued(at=NOW - HOUR, life=HOUR), id="short, and longer than before"),
    ],
)
def test_a_good_certificate_is_kept(chain: bytes, held: bytes) -> None:
    check(chain, KEY, PINS, now=NOW, held=held)


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        pytest.param(b"", "EDICT0302", id="nothing"),
        pytest.param(b"\xff", "EDICT0302", id="no PEM"),
        pytest.param(with_san(b"\x04\x01\x00"), "EDICT0302", id="names that cannot be read"),
        pytest.param(of_an_unknown_algorithm(), "EDICT0302", id="an unknown algorithm"),
        pytest.param(issued(name="two"), "EDICT0325", id="another cluster"),
        pytest.param(issued(key=new_private_key()), "EDICT0325", id="another key"),
        pytest.param(issued(ca=CertificateAuthority.create(DOMAIN, NOW)), "EDICT0325", id="another CA, same name"),
        pytest.param(forged(), "EDICT0325", id="a forged signature"),
        pytest.param(issued() + b"junk", "EDICT0302", id="junk behind it"),
        pytest.param(
            issued() + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "EDICT0302", id="a bad chain"
        ),
        pytest.param(issued(at=NOW - 2 * DAY), "EDICT0326", id="expired"),
        pytest.param(issued(at=NOW - DAY), "EDICT0326", id="expires at this moment"),
        pytest.param(issued(at=NOW + DAY), "EDICT0326", id="of the future"),
        pytest.param(issued(life=HOUR / 2), "EDICT0326", id="worse than what there is"),
    ],
)
def test_what_is_not_worth_keeping_is_refused_with_a_code(chain: bytes, code: str) -> None:
    with pytest.raises(IdentityError, match=code):
        check(chain, KEY, PINS, now=NOW, held=issued(at=NOW - DAY / 2))


OFFLINE = CertificateAuthority.create_root(DOMAIN, NOW - 30 * DAY)
BELOW, SISTER = (OFFLINE.issue_authority(NOW - 20 * DAY) for _ in range(2))
CHAIN = issued(ca=BELOW) + BELOW.certificate_pem


def pinning(*authorities: CertificateAuthority) -> Pins:
    return msgspec.structs.replace(PINS, ca_pem=b"".join(each.certificate_pem for each in authorities).decode())


def signed_by_a_leaf() -> bytes:
    """A certificate that another cluster signed with the key of its own, which came from the hub's CA."""
    key = new_private_key()
    other = x509.load_pem_x509_certificate(issued(ca=BELOW, key=key, name="two"))
    authority = CertificateAuthority(other, load_private_key(key), DOMAIN)
    return issued(ca=authority) + authority.certificate_pem + BELOW.certificate_pem


@pytest.mark.parametrize(
    ("chain", "pins"),
    [
        pytest.param(CHAIN, pinning(OFFLINE), id="by the CA below the pinned root"),
        pytest.param(issued(ca=BELOW), pinning(BELOW), id="by a listed CA that is below a root"),
        pytest.param(CHAIN, pinning(CA, BELOW), id="by one of two that are listed"),
        pytest.param(CHAIN, pinning(OFFLINE, SISTER), id="by the CA below a root that is listed beside another"),
    ],
)
def test_what_leads_to_an_authority_that_is_believed_is_kept(chain: bytes, pins: Pins) -> None:
    check(chain, KEY, pins, now=NOW)


@pytest.mark.parametrize(
    ("chain", "pins", "at"),
    [
        pytest.param(issued(ca=BELOW), pinning(OFFLINE), NOW, id="without the CA between"),
        pytest.param(CHAIN, pinning(SISTER), NOW, id="by a CA that is not listed, though its root is good"),
        pytest.param(CHAIN + OFFLINE.certificate_pem, pinning(SISTER), NOW, id="the same with its root behind it"),
        pytest.param(issued(ca=BELOW) + SISTER.certificate_pem, pinning(OFFLINE), NOW, id="with another CA between"),
        pytest.param(signed_by_a_leaf(), pinning(OFFLINE), NOW, id="signed by a leaf"),
        pytest.param(signed_by_a_leaf(), pinning(BELOW), NOW, id="signed by a leaf of a listed CA"),
        pytest.param(issued() + CA.certificate_pem, pinning(OFFLINE), NOW, id="by an own root behind it"),
        pytest.param(
            issued(ca=BELOW, life=9000 * DAY) + BELOW.certificate_pem, pinning(OFFLINE), NOW + 3631 * DAY, id="expired"
        ),
    ],
)
def test_nothing_else_is(chain: bytes, pins: Pins, at: datetime) -> None:
    with pytest.raises(IdentityError, match=r"EDICT032[56]"):
        check(chain, KEY, pins, now=at)


@pytest.mark.parametrize("defended", [True, False])
def test_a_sister_of_a_listed_ca_is_believed_only_where_its_root_is_listed_instead(*, defended: bool) -> None:
    pins = pinning(SISTER) if defended else pinning(OFFLINE)
    assert believed(CHAIN, pins, NOW) is not defended
