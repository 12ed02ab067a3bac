"""Certificates name exactly whom they were issued to, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key, not_after, not_before
from edict.pki.names import Identity, Role, cluster_id, hub_id, identity_of, operator_id, parse_identity
from edict.pki.token import Token

NOW = datetime.now(UTC).replace(microsecond=0)
DOMAIN = "bank.example"


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(DOMAIN, NOW)


def test_a_cluster_gets_its_own_name_for_a_day(authority: CertificateAuthority) -> None:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "a"))
    certificate = authority.issue_cluster(request, ClusterName("a"), NOW)
    assert identity_of(certificate, DOMAIN) == Identity(DOMAIN, "cluster", "a")
    assert not_after(certificate) == NOW + timedelta(hours=24)
    assert not_before(certificate) < NOW


def test_a_leaf_cannot_serve_and_cannot_sign(authority: CertificateAuthority) -> None:
    leaf = authority.issue_cluster(make_csr(new_private_key(), cluster_id(DOMAIN, "a")), ClusterName("a"), NOW)
    parsed = x509.load_pem_x509_certificate(leaf)
    assert list(parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_hub_s_certificate_verifies_for_its_hosts_only(authority: CertificateAuthority) -> None:
    request = make_csr(new_private_key(), hub_id(DOMAIN))
    leaf = x509.load_pem_x509_certificate(authority.issue_hub(request, ["hub.bank.example", "127.0.0.1"], NOW))
    store = Store([x509.load_pem_x509_certificate(authority.certificate_pem)])
    verifier = PolicyBuilder().store(store).build_server_verifier
    assert verifier(x509.DNSName("hub.bank.example")).verify(leaf, [])
    assert identity_of(leaf.public_bytes(Encoding.PEM), DOMAIN).kind == "hub"
    with pytest.raises(x509.verification.VerificationError):
        verifier(x509.DNSName("other.bank.example")).verify(leaf, [])


@pytest.mark.parametrize("asked", [cluster_id(DOMAIN, "b"), hub_id(DOMAIN), cluster_id("evil.example", "a")])
def test_a_request_for_another_name_is_refused(authority: CertificateAuthority, asked: str) -> None:
    with pytest.raises(IdentityError, match="EDICT0306"):
        authority.issue_cluster(make_csr(new_private_key(), asked), ClusterName("a"), NOW)


@pytest.mark.parametrize(
    "garbage", [b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
)
def test_a_broken_request_is_refused(authority: CertificateAuthority, garbage: bytes) -> None:
    with pytest.raises(IdentityError, match="EDICT0305"):
        authority.issue_cluster(garbage, ClusterName("a"), NOW)


def test_an_authority_is_loaded_with_its_own_key_only(authority: CertificateAuthority) -> None:
    again = CertificateAuthority.load(authority.certificate_pem, authority.key_pem)
    assert again.trust_domain == DOMAIN
    with pytest.raises(IdentityError, match="EDICT0304"):
        CertificateAuthority.load(authority.certificate_pem, new_private_key())


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://evil.example/cluster/a",
        "http://bank.example/cluster/a",
        "spiffe://bank.example/cluster/",
        "spiffe://bank.example/cluster/a/b",
        "spiffe://bank.example/cluster/A",
        "spiffe://bank.example/operator/root/ann",
        "spiffe://bank.example/hub/x",
        "spiffe://bank.example/cluster/a?x=1",
        "spiffe://bank.example/cluster/a?",
        "spiffe://bank.example/clus\tter/a",
        " spiffe://bank.example/cluster/a",
        "SPIFFE://bank.example/cluster/a",
        "spiffe://[bad/cluster/a",
        "",
    ],
)
def test_other_identities_are_refused(uri: str) -> None:
    with pytest.raises(IdentityError, match="EDICT0301"):
        parse_identity(uri, DOMAIN)


def test_a_leaf_is_no_authority(authority: CertificateAuthority) -> None:
    key = new_private_key()
    leaf = authority.issue_cluster(make_csr(key, cluster_id(DOMAIN, "a")), ClusterName("a"), NOW)
    with pytest.raises(IdentityError, match="EDICT0304"):
        CertificateAuthority.load(leaf, key)


@pytest.mark.parametrize("host", ["", "*", "a/x", "bank..example", "*.bank.example"])
def test_the_hub_is_not_certified_for_what_nobody_dials(authority: CertificateAuthority, host: str) -> None:
    with pytest.raises(IdentityError, match="EDICT0308"):
        authority.issue_hub(make_csr(new_private_key(), hub_id(DOMAIN)), [host], NOW)


def test_an_expired_authority_issues_nothing(authority: CertificateAuthority) -> None:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "a"))
    with pytest.raises(IdentityError, match="EDICT0304"):
        authority.issue_cluster(request, ClusterName("a"), NOW + timedelta(days=4000))


def test_a_name_that_is_no_label_is_not_certified(authority: CertificateAuthority) -> None:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "a\tb"))
    with pytest.raises(IdentityError, match="EDICT0301"):
        authority.issue_cluster(request, ClusterName("a\tb"), NOW)


@pytest.mark.parametrize("read", [not_after, not_before, lambda pem: identity_of(pem, DOMAIN)])
def test_a_certificate_that_is_none_is_an_error_of_ours(read: Callable[[bytes], object]) -> None:
    for garbage in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(IdentityError, match="EDICT0302"):
            read(garbage)


def test_a_hub_ca_below_an_offline_root_issues_leaves_and_no_more_authorities() -> None:
    root = CertificateAuthority.create_root(DOMAIN, NOW)
    hub = root.issue_authority(NOW)
    again = CertificateAuthority.load(hub.certificate_pem + root.certificate_pem, hub.key_pem)
    assert again.trust_domain == DOMAIN
    assert (chains.path_length(root.certificate), chains.path_length(hub.certificate)) == (1, 0)
    assert hub.chain_pem == hub.certificate_pem
    assert root.chain_pem == b""
    leaf = hub.issue_cluster(make_csr(new_private_key(), cluster_id(DOMAIN, "a")), ClusterName("a"), NOW)
    parsed = chains.split(leaf)[0]
    assert chains.leads(parsed, [hub.certificate], [root.certificate], NOW)
    assert not chains.leads(parsed, [], [root.certificate], NOW)
    with pytest.raises(IdentityError, match="EDICT0304"):
        hub.issue_authority(NOW)
    with pytest.raises(IdentityError, match="EDICT0304"):
        root.issue_authority(NOW + timedelta(days=4000))


def test_the_key_of_an_offline_root_is_encrypted() -> None:
    root = CertificateAuthority.create_root(DOMAIN, NOW)
    pem = root.encrypted_key_pem(b"right")
    assert b"ENCRYPTED" in pem
    assert CertificateAuthority.load(root.certificate_pem, pem, b"right").key_pem == root.key_pem
    for wrong in (None, b"wrong"):
        with pytest.raises(IdentityError, match="EDICT0303"):
            CertificateAuthority.load(root.certificate_pem, pem, wrong)


def test_two_authorities_of_one_trust_domain_have_different_names(authority: CertificateAuthority) -> None:
    other = CertificateAuthority.create(DOMAIN, NOW)
    assert authority.name != other.name
    assert DOMAIN in authority.name
    long = CertificateAuthority.create(".".join(["a" * 60] * 4), NOW)
    assert len(long.name) == 64


@pytest.mark.parametrize(
    ("life", "before"),
    [(timedelta(hours=24), timedelta(minutes=5)), (timedelta(seconds=10), timedelta(seconds=1))],
)
def test_a_short_certificate_has_most_of_its_life_before_it(
    authority: CertificateAuthority, life: timedelta, before: timedelta
) -> None:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "a"))
    certificate = authority.issue_cluster(request, ClusterName("a"), NOW, life)
    assert (NOW - not_before(certificate), not_after(certificate) - NOW) == (before, life)


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_chain_is_an_error_of_ours(garbage: bytes) -> None:
    with pytest.raises(IdentityError, match="EDICT0302"):
        chains.split(garbage)


def test_comments_stand_in_files_and_not_in_what_is_sent(authority: CertificateAuthority) -> None:
    text = b"# the CA\n" + authority.certificate_pem
    assert chains.read(text) == (authority.certificate,)
    with pytest.raises(IdentityError, match="EDICT0302"):
        chains.split(text)


def test_roles_include_the_lesser_ones(authority: CertificateAuthority) -> None:
    request = make_csr(new_private_key(), operator_id(DOMAIN, Role.AUDITOR, "ann"))
    role = identity_of(authority.issue_operator(request, Role.AUDITOR, "ann", NOW), DOMAIN).role
    assert role is Role.AUDITOR
    assert role.includes(Role.VIEWER)
    assert not role.includes(Role.OPERATOR)


def test_a_token_survives_copying_and_hides_its_secret() -> None:
    token = Token(ClusterName("a"), "h:1", "h:2", DOMAIN, b"\x07" * 32, "PEM", "0" * 64)
    assert Token.decode(f"  {token.encode()}\n") == token
    assert "\\x07" not in repr(token)
    unpinned = Token(ClusterName("a"), "h:1", "h:2", DOMAIN, b"\x07" * 32, "PEM", "").encode()
    for broken in (unpinned, "", "edict1.", token.encode()[:-5], token.encode() + "A", "Bearer x", "edict1.!!!!"):
        with pytest.raises(IdentityError, match="EDICT0307"):
            Token.decode(broken)
