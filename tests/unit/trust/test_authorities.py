"""The hub's authorities stand in the signed root: what agents believe is never the hub's to change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root

from edict.errors import TrustError
from edict.ids import ClusterName
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.trust import authorities, verify
from edict.trust.roles import ROOT
from tests.unit.trust.federation import Federation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOMAIN = "bank.example"
FIRST, SECOND = (CertificateAuthority.create(DOMAIN, NOW) for _ in range(2))
OFFLINE = CertificateAuthority.create_root(DOMAIN, NOW)
BELOW = OFFLINE.issue_authority(NOW)
FOREIGN = CertificateAuthority.create("evil.example", NOW)
LEAF = FIRST.issue_cluster(make_csr(new_private_key(), cluster_id(DOMAIN, "a")), ClusterName("a"), NOW)


def pem(authority: CertificateAuthority) -> str:
    return authority.certificate_pem.decode()


@pytest.fixture
def federation() -> Federation:
    return Federation(now=NOW)


def next_root(federation: Federation, change: Callable[[Root], object], base: bytes | None = None) -> bytes:
    metadata = Metadata[Root].from_bytes(base or federation.metadata[ROOT])
    change(metadata.signed)
    metadata.signed.version += 1
    metadata.sign(federation.keys.root)
    return metadata.to_bytes()


def listing(*items: Any) -> Callable[[Root], object]:
    """Put anything into the field, past every check."""
    return lambda root: root.unrecognized_fields.update({authorities.FIELD: list(items)})


@pytest.mark.parametrize("listed", [[FIRST], [FIRST, SECOND], [BELOW], [OFFLINE], [BELOW, SECOND]])
def test_what_authors_list_is_what_is_believed(federation: Federation, listed: list[CertificateAuthority]) -> None:
    wanted = [pem(each) for each in listed]
    root = next_root(federation, lambda signed: authorities.write(signed, wanted))
    state = verify.follow(verify.pin(federation.metadata[ROOT]), [root])
    assert state.root_version == 2
    assert authorities.read(state.root) == tuple(wanted)
    assert authorities.believed(state.root, "the token's", 1) == "".join(wanted)


def test_without_the_field_the_token_s_pin_counts(federation: Federation) -> None:
    assert authorities.read(federation.metadata[ROOT]) == ()
    assert authorities.believed(federation.metadata[ROOT], "the token's", 1) == "the token's"


def test_a_token_that_is_newer_than_the_root_counts_until_the_agent_has_the_root_that_its_author_knew(
    federation: Federation,
) -> None:
    root = next_root(federation, lambda signed: authorities.write(signed, [pem(FIRST)]))
    assert authorities.believed(root, "the new token's", 3) == "the new token's"
    newer = next_root(federation, lambda signed: authorities.write(signed, [pem(SECOND)]), root)
    assert authorities.believed(newer, "the new token's", 3) == pem(SECOND)


BAD = [
    pytest.param([], id="none"),
    pytest.param([1], id="no text"),
    pytest.param([{"pem": 1}], id="no text but a mapping"),
    pytest.param([""], id="an empty text"),
    pytest.param(["\ud800"], id="text that has no bytes"),
    pytest.param(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"], id="no certificate"),
    pytest.param([pem(FIRST) + pem(SECOND)], id="two in one"),
    pytest.param([pem(FIRST) + "junk"], id="something beside it"),
    pytest.param([pem(FIRST).replace("\n", "\r\n")], id="another spelling"),
    pytest.param([pem(FIRST), pem(FIRST)], id="one twice"),
    pytest.param([pem(FIRST), pem(FOREIGN)], id="two trust domains"),
    pytest.param([LEAF.decode()], id="a leaf"),
    pytest.param([pem(CertificateAuthority.create(DOMAIN, NOW)) for _ in range(17)], id="too many"),
]


@pytest.mark.parametrize("listed", BAD)
def test_a_root_that_lists_something_else_is_refused_although_it_is_well_signed(
    federation: Federation, listed: list[Any]
) -> None:
    if listed == ["\ud800"]:
        with pytest.raises(TrustError, match="EDICT0214"):
            authorities.write(Metadata[Root].from_bytes(federation.metadata[ROOT]).signed, listed)
        return
    root = next_root(federation, listing(*listed))
    start = verify.pin(federation.metadata[ROOT])
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.follow(start, [root])
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.pin(root)


def test_the_same_root_is_taken_where_nobody_looks_at_the_field(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorities, "of", lambda _root: ())
    root = next_root(federation, listing(LEAF.decode()))
    assert verify.follow(verify.pin(federation.metadata[ROOT]), [root]).root_version == 2


def test_what_cannot_be_listed_leaves_the_root_as_it_was(federation: Federation) -> None:
    signed = Metadata[Root].from_bytes(federation.metadata[ROOT]).signed
    authorities.write(signed, [pem(FIRST)])
    with pytest.raises(TrustError, match="EDICT0214"):
        authorities.write(signed, [pem(FIRST), pem(FOREIGN)])
    assert authorities.of(signed) == (pem(FIRST),)


def test_a_hub_that_signs_its_own_authorities_into_a_root_is_refused(federation: Federation) -> None:
    metadata = Metadata[Root].from_bytes(federation.metadata[ROOT])
    authorities.write(metadata.signed, [pem(SECOND)])
    metadata.signed.version += 1
    metadata.sign(federation.keys.timestamp)
    with pytest.raises(TrustError, match="EDICT0202"):
        verify.follow(verify.pin(federation.metadata[ROOT]), [metadata.to_bytes()])


def test_an_authority_below_a_root_ends_no_later(federation: Federation) -> None:
    late = NOW + timedelta(days=3000)
    del federation
    assert OFFLINE.issue_authority(late).certificate.not_valid_after_utc == OFFLINE.certificate.not_valid_after_utc
