"""An expired certificate is worth a new one to who has its key, for thirty days; each refusal beside what is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import reenrol
from edict.pki.ca import CLIENT, CertificateAuthority
from edict.pki.csr import load_private_key, make_csr, new_private_key
from edict.pki.endorsement import endorse, endorsed
from edict.pki.names import Role, cluster_id, hub_id, operator_id
from edict.pki.reenrol import FRESH, GRACE, Claim, prove

DOMAIN = "bank.example"
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIFE = timedelta(hours=24)
ENDED = BEGAN + LIFE
NOW = ENDED + timedelta(days=3)
ONE = ClusterName("one")
CA = CertificateAuthority.create(DOMAIN, BEGAN - timedelta(days=100))
KEY = new_private_key()
CERTIFICATE = CA.issue_cluster(make_csr(KEY, cluster_id(DOMAIN, "one")), ONE, BEGAN, LIFE)
REQUEST = make_csr(new_private_key(), cluster_id(DOMAIN, "one"))


def claim(now: datetime = NOW, certificate: bytes = CERTIFICATE) -> Claim:
    return Claim(certificate + CA.certificate_pem, REQUEST, int(now.timestamp()))


def check(made: Claim, proof: bytes, *, now: datetime = NOW, believed: CertificateAuthority = CA) -> ClusterName:
    return reenrol.check(made, proof, believed=[believed.certificate], trust_domain=DOMAIN, now=now)


@pytest.mark.parametrize("now", [BEGAN + LIFE / 2, ENDED, ENDED + timedelta(seconds=1), NOW, ENDED + GRACE])
def test_the_key_of_a_certificate_proves_the_cluster_until_thirty_days_after_its_end(now: datetime) -> None:
    made = claim(now)
    assert check(made, prove(made, KEY), now=now) == ONE


def test_a_day_longer_is_too_long() -> None:
    now = ENDED + GRACE + timedelta(seconds=1)
    made = claim(now)
    with pytest.raises(IdentityError, match=r"EDICT0310.*edict cluster reenrol"):
        check(made, prove(made, KEY), now=now)


@pytest.mark.parametrize("off", [FRESH + timedelta(seconds=1), -FRESH - timedelta(seconds=1), timedelta(days=9999999)])
def test_a_proof_of_another_moment_is_refused(off: timedelta) -> None:
    seconds = int(NOW.timestamp()) + int(off.total_seconds())
    made = msgspec.structs.replace(claim(), at_unix=seconds)
    with pytest.raises(IdentityError, match="EDICT0311"):
        check(made, prove(made, KEY))
    near = msgspec.structs.replace(claim(), at_unix=int((NOW + FRESH).timestamp()))
    assert check(near, prove(near, KEY)) == ONE


def test_who_lacks_the_key_proves_nothing() -> None:
    made = claim()
    other = prove(made, new_private_key())
    for proof in (b"", b"\x30\x00", other, prove(made, KEY)[:-1]):
        with pytest.raises(IdentityError, match="EDICT0312"):
            check(made, proof)


@pytest.mark.parametrize(
    "change",
    [
        {"csr_pem": make_csr(new_private_key(), cluster_id(DOMAIN, "one"))},
        {"at_unix": int(NOW.timestamp()) + 1},
        {"certificate_pem": CERTIFICATE},
    ],
    ids=["request", "moment", "certificate"],
)
def test_a_proof_is_for_one_request_one_moment_and_one_certificate(change: dict[str, object]) -> None:
    made = claim()
    proof = prove(made, KEY)
    assert check(made, proof) == ONE
    with pytest.raises(IdentityError, match="EDICT0312"):
        check(msgspec.structs.replace(made, **change), proof)


def test_a_signature_of_the_same_bytes_for_another_purpose_is_no_proof() -> None:
    """What TLS or a certificate request made the key sign never begins with the purpose; without it, it is refused."""
    made = claim()
    bare = made.statement().removeprefix(reenrol._PURPOSE)
    with pytest.raises(IdentityError, match="EDICT0312"):
        check(made, load_private_key(KEY).sign(bare, ec.ECDSA(hashes.SHA256())))


def test_only_agents_certificates_of_the_believed_authorities_count() -> None:
    foreign = CertificateAuthority.create(DOMAIN, BEGAN - timedelta(days=100))
    operator = make_csr(KEY, operator_id(DOMAIN, Role.OPERATOR, "olga"))
    hub = make_csr(KEY, hub_id(DOMAIN))
    for certificate in (
        foreign.issue_cluster(make_csr(KEY, cluster_id(DOMAIN, "one")), ONE, BEGAN, LIFE),
        CA.issue_operator(operator, Role.OPERATOR, "olga", BEGAN, LIFE),
        CA.issue_hub(hub, ["localhost"], BEGAN, LIFE),
        CA._issue(hub, hub_id(DOMAIN), BEGAN, LIFE, CLIENT),
        CA.certificate_pem,
    ):
        made = claim(certificate=certificate)
        with pytest.raises(IdentityError, match="EDICT0309"):
            check(made, prove(made, KEY))
    made = claim()
    with pytest.raises(IdentityError, match="EDICT0309"):
        check(made, prove(made, KEY), believed=foreign)
    for garbage in (b"", b"nonsense", CERTIFICATE + b"and more"):
        with pytest.raises(IdentityError, match="EDICT0302"):
            check(Claim(garbage, REQUEST, int(NOW.timestamp())), b"")


def test_a_certificate_of_before_the_authority_changed_counts_while_the_old_one_is_believed() -> None:
    root = CertificateAuthority.create_root(DOMAIN, BEGAN - timedelta(days=100))
    below = root.issue_authority(BEGAN - timedelta(days=99))
    certificate = below.issue_cluster(make_csr(KEY, cluster_id(DOMAIN, "one")), ONE, BEGAN, LIFE)
    made = Claim(certificate + below.certificate_pem, REQUEST, int(NOW.timestamp()))
    for authorities in ([root.certificate], [CA.certificate, below.certificate]):
        found = reenrol.check(made, prove(made, KEY), believed=authorities, trust_domain=DOMAIN, now=NOW)
        assert found == ONE


def test_the_certificate_is_read_as_one() -> None:
    """The proof is checked with the key of the very certificate that was judged, whatever else came with it."""
    thief = new_private_key()
    own = x509.load_pem_x509_certificate(CERTIFICATE)
    forged = CertificateAuthority.create(DOMAIN, BEGAN).issue_cluster(
        make_csr(thief, cluster_id(DOMAIN, "one")), ONE, BEGAN, LIFE
    )
    assert own.public_key() == load_private_key(KEY).public_key()
    for order in (forged + CERTIFICATE, CERTIFICATE + forged):
        made = Claim(order, REQUEST, int(NOW.timestamp()))
        with pytest.raises(IdentityError, match=r"EDICT0309|EDICT0312"):
            check(made, prove(made, thief))


def test_a_receipt_key_is_endorsed_by_one_key_for_one_cluster_and_one_key() -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    by, public = old.public_key().public_bytes_raw(), new.public_key().public_bytes_raw()
    endorsement = endorse(old, ONE, public)
    assert endorsed(endorsement, by, ONE, public)
    assert not endorsed(endorsement, by, ClusterName("two"), public)
    assert not endorsed(endorsement, by, ONE, by)
    assert not endorsed(endorsement, public, ONE, public)
    assert not endorsed(endorse(new, ONE, public), by, ONE, public)
    assert not endorsed(old.sign(ONE.encode() + b"\0" + public), by, ONE, public)
    assert not endorsed(b"", by, ONE, public)
    assert not endorsed(endorsement, b"", ONE, public)
