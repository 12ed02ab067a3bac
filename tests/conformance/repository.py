"""A small TUF repository of any shape, in memory: what a server would serve, and what was asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOP = ("root", "targets", "snapshot", "timestamp")


@dataclass
class Repository:
    """Signed roles are edited in ``signed`` and served after :meth:`publish`."""

    hashes: bool = False
    signed: dict[str, Any] = field(default_factory=dict)
    signers: dict[str, list[Signer]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        end = NOW + timedelta(days=30)
        self.signed = {"root": Root(expires=end), "targets": Targets(expires=end)}
        self.signed |= {"snapshot": Snapshot(expires=end), "timestamp": Timestamp(expires=end)}
        for role in TOP:
            self.add_key(role)
        self.publish(*TOP, bump=False)

    def add_key(self, role: str, signer: Signer | None = None) -> Signer:
        """Give a top-level role one more key."""
        signer = signer or CryptoSigner.generate_ed25519()
        self.signed["root"].add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        return signer

    def rotate(self, role: str) -> None:
        """Replace all keys of a top-level role."""
        for signer in self.signers.pop(role):
            self.signed["root"].revoke_key(signer.public_key.keyid, role)
        self.add_key(role)

    def delegate(
        self, delegator: str, role: str, *, paths: Sequence[str] = ("*",), terminating: bool = False
    ) -> Signer:
        """Let a role delegate to another, with a key for this delegation alone."""
        signer = CryptoSigner.generate_ed25519()
        above = self.signed[delegator]
        if above.delegations is None:
            above.delegations = Delegations({}, {})
        above.delegations.roles[role] = DelegatedRole(role, [], 1, terminating, list(paths))
        above.add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        self.signed.setdefault(role, Targets(expires=NOW + timedelta(days=30)))
        return signer

    def publish(self, *roles: str, bump: bool = True) -> None:
        """Sign and serve roles in the order that is given, each one version on."""
        for role in roles:
            signed = self.signed[role]
            signed.version += bump
            if role == "timestamp":
                signed.snapshot_meta = self._described("snapshot")
            if role == "snapshot":
                described = [name for name in self.signed if name not in {"root", "snapshot", "timestamp"}]
                signed.meta = {f"{name}.json": self._described(name) for name in described}
            self.serve(role)

    def serve(self, role: str, by: Sequence[Signer] | None = None) -> None:
        """Sign a role as it stands and serve it."""
        signed = self.signed[role]
        metadata: Metadata[Any] = Metadata(signed)
        signers = self.signers[role] if by is None else by
        if role == "root" and by is None:
            signers = self.signers.setdefault("root-all", [])
            signers += [signer for signer in self.signers["root"] if signer not in signers]
        for signer in signers:
            metadata.sign(signer, append=True)
        name = quote(role, "")
        self.files["timestamp.json" if role == "timestamp" else f"{signed.version}.{name}.json"] = metadata.to_bytes()

    def fetch(self, path: str) -> bytes | None:
        """Answer one request."""
        self.asked.append(path)
        return self.files.get(path)

    def _described(self, role: str) -> MetaFile:
        signed = self.signed[role]
        data = self.files.get(f"{signed.version}.{quote(role, '')}.json")
        if self.hashes and data is not None:
            return MetaFile.from_data(signed.version, data, ["sha256"])
        return MetaFile(signed.version)
