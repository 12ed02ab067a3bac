"""When a replica issues its own server certificate, and what it shows meanwhile; on a clock that the test turns."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from edict.errors import HubError, IdentityError
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import hub_id
from edict_hub.authority import Authority
from edict_hub.leaf import Leaf
from tests.unit.agent.fakes import TurnedClock

DOMAIN = "bank.example"
LIFE = timedelta(days=10)
HOUR = 3600.0


class Folder:
    """The hub's folder."""

    def __init__(self, path: Path, clock: TurnedClock, *, offline: bool = False) -> None:
        self.path = path
        self.clock = clock
        self.root = CertificateAuthority.create_root(DOMAIN, clock.now()) if offline else None
        self.ca = (
            self.root.issue_authority(clock.now()) if self.root else CertificateAuthority.create(DOMAIN, clock.now())
        )
        self.write("ca.crt", self.ca.certificate_pem)
        self.write("ca.key", self.ca.key_pem)
        self.serve()

    def write(self, name: str, data: bytes) -> None:
        (self.path / name).touch(mode=0o600)
        (self.path / name).write_bytes(data)

    def serve(self) -> None:
        key = new_private_key()
        made = self.ca.issue_hub(make_csr(key, hub_id(DOMAIN)), ["hub.example", "::1"], self.clock.now(), LIFE)
        self.write("server.crt", made + self.ca.chain_pem)
        self.write("server.key", key)

    def leaf(self, seed: int = 1) -> Leaf:
        authority = Authority(self.path / "ca.crt", self.path / "ca.key", DOMAIN)
        return Leaf(self.path / "server.crt", self.path / "server.key", authority, self.clock, random.Random(seed))


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def folder(tmp_path: Path, clock: TurnedClock) -> Folder:
    return Folder(tmp_path, clock)


def shown(leaf: Leaf) -> x509.Certificate:
    return chains.split(leaf.now().chain)[0]


def renewed_at(leaf: Leaf, clock: TurnedClock) -> float:
    """Turn the clock by the hour until another certificate is shown; returns the part of the old one's life."""
    first = shown(leaf)
    begin, end = first.not_valid_before_utc, first.not_valid_after_utc
    while shown(leaf) == first:
        clock.passed += HOUR
        assert clock.now() < end, "it was never renewed"
    return (clock.now() - begin) / (end - begin)


def test_replicas_renew_at_different_parts_of_a_life_between_half_and_two_thirds(folder: Folder) -> None:
    parts = []
    for seed in range(20):
        folder.clock.passed = 0.0
        parts.append(renewed_at(folder.leaf(seed), folder.clock))
    hour = timedelta(hours=1) / LIFE
    assert folder.leaf().left() > 0
    assert all(0.50 <= part <= 0.65 + hour for part in parts)
    assert len(set(parts)) > 10


def test_it_is_renewed_again_and_again_with_another_key_and_the_same_names_and_life(folder: Folder) -> None:
    leaf = folder.leaf()
    pairs = [leaf.now()]
    for _ in range(5):
        renewed_at(leaf, folder.clock)
        pairs.append(leaf.now())
    assert len({pair.key for pair in pairs}) == 6
    for pair in pairs:
        certificate = chains.split(pair.chain)[0]
        assert chains.hosts_of(certificate) == ["hub.example", "::1"]
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert timedelta() <= life - LIFE <= timedelta(minutes=10)


def test_below_an_offline_root_the_ca_follows_the_own_certificate(tmp_path: Path, clock: TurnedClock) -> None:
    folder = Folder(tmp_path, clock, offline=True)
    leaf = folder.leaf()
    renewed_at(leaf, clock)
    assert chains.split(leaf.now().chain)[1:] == (folder.ca.certificate,)


def test_what_cannot_be_issued_leaves_the_old_one(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = folder.leaf()
    first = leaf.now()
    monkeypatch.setattr("edict.pki.ca.CA_LIFETIME", timedelta(days=1))
    short = CertificateAuthority.create(DOMAIN, folder.clock.now())
    folder.write("ca.crt", short.certificate_pem)
    folder.write("ca.key", short.key_pem)
    folder.clock.passed = timedelta(days=2).total_seconds()
    assert leaf.now() == first


@pytest.mark.parametrize("broken", [b"", b"nonsense", new_private_key()])
def test_files_that_are_no_pair_hold_up_no_renewal(folder: Folder, broken: bytes) -> None:
    leaf = folder.leaf()
    folder.write("server.key", broken)
    part = renewed_at(leaf, folder.clock)
    assert 0.5 <= part < 0.7


@pytest.mark.parametrize(("name", "data"), [("server.key", new_private_key()), ("server.crt", b"nonsense")])
def test_a_hub_does_not_begin_with_what_is_no_pair(folder: Folder, name: str, data: bytes) -> None:
    folder.write(name, data)
    with pytest.raises((HubError, IdentityError), match=r"EDICT0(405|302)"):
        folder.leaf()


def test_a_certificate_with_comments_beside_it_is_read(folder: Folder) -> None:
    text = b"subject: the hub\n" + (folder.path / "server.crt").read_bytes()
    folder.write("server.crt", text)
    folder.write("ca.crt", b"# the CA\n" + folder.ca.certificate_pem)
    assert folder.leaf().now().chain == text


def test_a_ca_of_another_trust_domain_is_refused_at_the_start_and_not_taken_later(folder: Folder) -> None:
    authority = Authority(folder.path / "ca.crt", folder.path / "ca.key", DOMAIN)
    before = authority.now()
    foreign = CertificateAuthority.create("evil.example", folder.clock.now())
    folder.write("ca.crt", folder.ca.certificate_pem + foreign.certificate_pem)
    assert authority.now() is before
    with pytest.raises(HubError, match="EDICT0405"):
        Authority(folder.path / "ca.crt", folder.path / "ca.key", DOMAIN)
