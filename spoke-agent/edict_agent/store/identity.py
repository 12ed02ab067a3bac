"""The identity Secret: keys that never leave the cluster, the certificate, and the pins that came with the token.

It is written before the agent enrols, so that a crash between leaves the key that the hub will know, and enrolling
again with it is the same request. An agent that has an identity and is given another token keeps the keys for it
beside the present ones, which go on until the hub has taken the token.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki import csr
from edict.pki.token import Token
from edict_agent.codes import IdentityCode
from edict_agent.kube import Kube, Live
from edict_agent.kube.resources import SECRET

NAME = "edict-agent-identity"
_PINS, _KEY, _CERTIFICATE, _RECEIPT_KEY, _ROOT = "pins.json", "tls.key", "tls.crt", "receipt.key", "root.json"
_TOKEN, _NEXT = "token.sha256", "next.json"


class Pins(msgspec.Struct, frozen=True):
    """What the token said, without its secret. ``root_version`` is that of the root that its author knew."""

    cluster: ClusterName
    hub: str
    enrol: str
    trust_domain: str
    ca_pem: str
    root_sha256: str
    root_version: int = 0

    @classmethod
    def of(cls, token: Token) -> Pins:
        """Return a token's pins."""
        return cls(
            cluster=token.cluster,
            hub=token.hub,
            enrol=token.enrol,
            trust_domain=token.trust_domain,
            ca_pem=token.ca_pem,
            root_sha256=token.root_sha256,
            root_version=token.root_version,
        )


class Next(msgspec.Struct, frozen=True):
    """The keys for a token that the hub has not taken yet, by the token's digest, hexadecimal."""

    token: str
    key_pem: bytes
    receipt_key: bytes

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"Next(token={self.token!r})"


class Identity(msgspec.Struct, frozen=True):
    """Who this agent is.

    Attributes:
        pins: what the token said.
        key_pem: private key of the certificate.
        receipt_key: raw private key of the receipts.
        certificate: PEM; empty until it has enrolled.
        root: the trust root that it began with; empty until it has enrolled.
        token: digest of the token that it enrolled with, hexadecimal; empty until it has.
        next: for another token.
    """

    pins: Pins
    key_pem: bytes
    receipt_key: bytes
    certificate: bytes = b""
    root: bytes = b""
    token: str = ""
    next: Next | None = None

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"Identity(cluster={self.pins.cluster!r}, enrolled={self.enrolled})"

    @property
    def enrolled(self) -> bool:
        """Whether the hub has issued a certificate."""
        return bool(self.certificate)

    @property
    def signer(self) -> Ed25519PrivateKey:
        """The key that signs receipts."""
        return Ed25519PrivateKey.from_private_bytes(self.receipt_key)


def new_identity(token: Token) -> Identity:
    """Make both keys."""
    return Identity(Pins.of(token), csr.new_private_key(), _new_receipt_key())


def next_keys(identity: Identity, token: Token) -> Next:
    """Make a key for another token; the receipt key stays, unless the token asks for another."""
    receipt_key = _new_receipt_key() if token.new_receipt_key else identity.receipt_key
    return Next(token.secret_sha256.hex(), csr.new_private_key(), receipt_key)


class IdentityStore:
    """Reads and writes the identity Secret."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._where = f"Secret {namespace}/{NAME}"

    async def load(self) -> Identity | None:
        """Return the stored identity, or None before the first start.

        Raises:
            IdentityError: EDICT0324 when the Secret cannot be read.
        """
        secret = await self._kube.get(SECRET, NAME, self._namespace)
        return None if secret is None else self._read(secret)

    async def create(self, identity: Identity) -> None:
        """Write an identity that must not exist yet."""
        await self._kube.create(SECRET, self._body(identity))

    async def save(self, identity: Identity) -> None:
        """Write the identity in place of the stored one."""
        await self._kube.apply(SECRET, self._body(identity))

    def _body(self, identity: Identity) -> dict[str, Any]:
        data = {
            _PINS: msgspec.json.encode(identity.pins),
            _KEY: identity.key_pem,
            _RECEIPT_KEY: identity.receipt_key,
            _CERTIFICATE: identity.certificate,
            _ROOT: identity.root,
            _TOKEN: identity.token.encode(),
            _NEXT: msgspec.json.encode(identity.next) if identity.next else b"",
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": NAME, "namespace": self._namespace},
            "type": "Opaque",
            "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
        }

    def _read(self, secret: Live) -> Identity:
        try:
            data = {name: base64.b64decode(value) for name, value in (secret.get("data") or {}).items()}
            identity = Identity(
                pins=msgspec.json.decode(data[_PINS], type=Pins),
                key_pem=data[_KEY],
                receipt_key=data[_RECEIPT_KEY],
                certificate=data.get(_CERTIFICATE, b""),
                root=data.get(_ROOT, b""),
                token=data.get(_TOKEN, b"").decode(),
                next=msgspec.json.decode(data[_NEXT], type=Next) if data.get(_NEXT) else None,
            )
            for held in (identity, identity.next or identity):
                csr.load_private_key(held.key_pem)
                Ed25519PrivateKey.from_private_bytes(held.receipt_key)
        except (
            KeyError,
            ValueError,
            msgspec.MsgspecError,
            UnsupportedAlgorithm,
            IdentityError,
        ) as error:
            raise IdentityError(
                IdentityCode.BAD_SECRET,
                f"the identity cannot be read: {type(error).__name__}",
                where=self._where,
                remedy="restore the Secret from a backup, or delete it and start again with a new token",
            ) from None
        return identity


def _new_receipt_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()
