"""The identity Secret: keys that never leave the cluster, the certificate, and the pins that came with the token.

It is written before the agent enrols, so that a crash between leaves the key that the hub will know, and enrolling
again with it is the same request.
"""

from __future__ import annotations

import base64
import binascii
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


class Pins(msgspec.Struct, frozen=True):
    """What the token said, without its secret."""

    cluster: ClusterName
    hub: str
    enrol: str
    trust_domain: str
    ca_pem: str
    root_sha256: str

    @classmethod
    def of(cls, token: Token) -> Pins:
        """Return a token's pins."""
        return cls(token.cluster, token.hub, token.enrol, token.trust_domain, token.ca_pem, token.root_sha256)


class Identity(msgspec.Struct, frozen=True):
    """Who this agent is. ``certificate`` and ``root`` are empty until it has enrolled."""

    pins: Pins
    key_pem: bytes
    receipt_key: bytes
    certificate: bytes = b""
    root: bytes = b""

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
    return Identity(Pins.of(token), csr.new_private_key(), Ed25519PrivateKey.generate().private_bytes_raw())


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
            )
            csr.load_private_key(identity.key_pem)
            Ed25519PrivateKey.from_private_bytes(identity.receipt_key)
        except (KeyError, ValueError, binascii.Error, msgspec.MsgspecError, UnsupportedAlgorithm) as error:
            raise IdentityError(
                IdentityCode.BAD_SECRET,
                f"the identity cannot be read: {type(error).__name__}",
                where=self._where,
                remedy="restore the Secret from a backup, or delete it and start again with a new token",
            ) from None
        return identity
