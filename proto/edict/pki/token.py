"""The enrolment token: a one-time secret, and the pins that make the hub's word unnecessary.

The CLI makes it, never the hub; the hub stores the SHA-256 of the secret alone.
"""

from __future__ import annotations

import base64
import hashlib
import re

import msgspec

from edict.errors import IdentityError
from edict.ids import ClusterName, is_dns_label
from edict.pki.codes import Code

PREFIX = "edict1."
SECRET_BYTES = 32
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an agent needs for its first call.

    Attributes:
        cluster: the name of the cluster that may enrol.
        hub: addresses of the mutual TLS port, ``host:port``, separated by commas.
        enrol: addresses of the enrolment port, likewise.
        trust_domain: of the SPIFFE IDs.
        secret: 32 random bytes, used once.
        ca_pem: the hub's CA, or several: nothing else is believed on either port until a root lists others.
        root_sha256: digest of the TUF root metadata that the agent starts from.
        new_receipt_key: whether an agent that has a receipt key already makes another and endorses it with that one.
        root_version: of that root: what an agent knows from an older one does not speak against ``ca_pem``.
    """

    cluster: ClusterName
    hub: str
    enrol: str
    trust_domain: str
    secret: bytes
    ca_pem: str
    root_sha256: str
    new_receipt_key: bool = False
    root_version: int = 0

    def __repr__(self) -> str:
        """Hide the secret."""
        return f"Token(cluster={self.cluster!r}, hub={self.hub!r}, secret=…)"

    @property
    def secret_sha256(self) -> bytes:
        """The digest under which the hub stores the token; 32 bytes."""
        return hashlib.sha256(self.secret).digest()

    def encode(self) -> str:
        """Return the token as one line of text. Secret."""
        return PREFIX + base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Token:
        """Read a token.

        Raises:
            IdentityError: EDICT0307 when it is not one, or was cut when it was copied.
        """
        body = text.strip()
        try:
            if not body.startswith(PREFIX):
                raise ValueError  # noqa: TRY301 - one message for every way of being no token
            body = body.removeprefix(PREFIX)
            if not BASE64URL.fullmatch(body):
                raise ValueError  # noqa: TRY301 - same
            token = msgspec.msgpack.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=cls)
        except (ValueError, msgspec.MsgspecError):
            raise IdentityError(
                Code.TOKEN,
                "this is not an enrolment token",
                remedy="copy the whole line that `edict cluster token` printed",
            ) from None
        pinned = SHA256.fullmatch(token.root_sha256) and token.ca_pem and token.trust_domain
        addressed = all(addresses.strip(", ") for addresses in (token.hub, token.enrol))
        if not pinned or not addressed or not is_dns_label(token.cluster):
            raise IdentityError(
                Code.TOKEN,
                "the token's pins, addresses or cluster are not well formed",
                remedy="make a new token",
            )
        if len(token.secret) != SECRET_BYTES:
            raise IdentityError(Code.TOKEN, "the token's secret has a wrong length", remedy="make a new token")
        return token
