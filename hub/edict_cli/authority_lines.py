"""Authorities of the hub for people: which are listed, which no longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from edict.errors import IdentityError, printable
from edict.pki import chains


def authority_lines(before: Sequence[str], after: object) -> Iterator[str]:
    """Yield one line for each authority, PEM, that is listed from now on or no longer.

    Args:
        before: those of the present root.
        after: those of the next, None for none; it need not be a list of certificates, because another author sent it.
    """
    listed: list[object] = after if isinstance(after, list) else [] if after is None else [after]
    for text in before:
        if text not in listed:
            yield f"  - {_said(text)}"
    for each in listed:
        yield f"  {' ' if each in before else '+'} {_said(each)}"


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate, hexadecimal: `openssl x509 -fingerprint -sha256`, without the colons."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _said(text: object) -> str:
    try:
        (certificate,) = chains.split(str(text).encode(errors="replace"))
    except (IdentityError, ValueError):
        return "something that is no certificate: do not sign it"
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    return printable(f"{chains.name_of(certificate)}, valid until {until}, sha-256 {fingerprint(certificate)}")
