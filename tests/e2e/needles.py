"""Secrets in every spelling in which one could turn up: as it is, in hexadecimal, in both alphabets of base64.

A secret that was base64-encoded together with what stands before it looks different for each of three alignments; all
three are looked for, without the characters at both ends that its neighbours decide.
"""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LEAST = 12
"""Bytes of the shortest needle: a shorter one is found by chance."""


@dataclass(frozen=True)
class Needle:
    """One secret. ``kind`` is what its positive control is kept by; ``name`` says whose it is."""

    kind: str
    name: str
    secret: bytes


class Spelling(NamedTuple):
    """A needle in one spelling: ``how`` is said with a finding, the secret never is."""

    needle: Needle
    how: str
    text: bytes


def of_text(kind: str, name: str, text: str) -> Iterator[Needle]:
    """Return the needle of a passphrase or a token."""
    yield Needle(kind, name, text.encode())


def of_key(kind: str, name: str, pem: bytes, passphrase: bytes | None = None) -> Iterator[Needle]:
    """Return the needles of a private key: its secret number, its DER, and each line of the file that holds it."""
    key = load_pem_private_key(pem, passphrase)
    if isinstance(key, Ed25519PrivateKey):
        yield from of_seed(kind, name, key.private_bytes_raw())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        yield Needle(kind, name, key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8))
    else:
        raise TypeError(f"{name}: keys of {type(key).__name__} are not looked for")
    yield Needle(kind, f"{name} (DER)", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    for line in pem.split(b"\n"):
        if len(line) >= LEAST and not line.startswith(b"-----"):
            yield Needle(kind, f"{name} (a line of its file)", line)


def of_seed(kind: str, name: str, seed: bytes) -> Iterator[Needle]:
    """Return the needle of a raw ed25519 key."""
    yield Needle(kind, name, seed)


def spellings(needles: Iterable[Needle]) -> list[Spelling]:
    """Return every spelling of every needle, each text once."""
    found: dict[bytes, Spelling] = {}
    for needle in needles:
        for how, text in _spelled(needle.secret):
            if len(text) >= LEAST:
                found.setdefault(text, Spelling(needle, how, text))
    return list(found.values())


def hits(content: bytes, wanted: Iterable[Spelling]) -> list[Spelling]:
    """Return the spellings that stand in some bytes."""
    return [spelling for spelling in wanted if spelling.text in content]


def _spelled(secret: bytes) -> Iterator[tuple[str, bytes]]:
    yield "as it is", secret
    yield "hexadecimal", secret.hex().encode()
    yield "HEXADECIMAL", secret.hex().upper().encode()
    yield "colons", secret.hex(":").encode()
    yield "escaped", urllib.parse.quote_from_bytes(secret).encode()
    yield "as Python shows it", repr(secret)[2:-1].encode()
    for offset in range(3):
        for how, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            yield f"{how} at {offset}", _inner(encode(b"\0" * offset + secret), offset, len(secret))


def _inner(encoded: bytes, offset: int, length: int) -> bytes:
    """Cut away the characters that depend on what stands before and behind the secret."""
    first = (offset * 8 + 5) // 6
    last = (offset + length) * 8 // 6
    return encoded[first:last]
