"""Who signs another author's root sees which authority it would let stand in for the hub."""

from __future__ import annotations

from datetime import UTC, datetime

from edict.pki.ca import CertificateAuthority
from edict_cli.authority_lines import authority_lines, fingerprint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = (CertificateAuthority.create("bank.example", NOW) for _ in range(2))
OLD, NEW = (each.certificate_pem.decode() for each in (FIRST, SECOND))


def test_what_comes_goes_and_stays_is_told_apart() -> None:
    both = list(authority_lines([OLD], [OLD, NEW]))
    assert both == [
        f"    {FIRST.name}, valid until 2035-12-30, sha-256 {fingerprint(FIRST.certificate)}",
        f"  + {SECOND.name}, valid until 2035-12-30, sha-256 {fingerprint(SECOND.certificate)}",
    ]
    assert [line[:4] for line in authority_lines([OLD, NEW], [NEW])] == ["  - ", "    "]


def test_what_is_no_certificate_is_called_that() -> None:
    for odd in ("", 7, None, "\ud800", OLD + NEW, OLD + "x", "\x1b[2J"):
        (line,) = authority_lines([], [odd])
        assert line == "  + something that is no certificate: do not sign it"
    for field in ("text", 7, {"a": 1}):
        assert list(authority_lines([], field)) == ["  + something that is no certificate: do not sign it"]
    assert [line[:4] for line in authority_lines([OLD], None)] == ["  - "]
