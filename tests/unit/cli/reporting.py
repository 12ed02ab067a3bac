"""A cluster in memory that signs receipts as an agent does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Release
from edict.trust.receipts import (
    PolicyReport,
    ReceiptBody,
    delta,
    envelope_digest,
    sign_receipt,
    state_digest,
)


class ReportingCluster:
    """Signs a chain of receipts; the first is a base."""

    def __init__(self, name: str, key: Ed25519PrivateKey | None = None) -> None:
        self.name = ClusterName(name)
        self.key = key or Ed25519PrivateKey.generate()
        self.chain: list[pb.Receipt] = []
        self._before: Mapping[str, PolicyReport] = {}

    @property
    def public(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def report(
        self, *reports: PolicyReport, release: int, time: datetime, root_version: int = 1, **fields: Any
    ) -> None:
        """Sign a receipt; ``fields`` are set as they are given."""
        current = {report.policy: report for report in reports}
        changed, removed = delta({} if fields.get("base") else self._before, current)
        body = ReceiptBody(
            cluster=self.name,
            sequence=len(self.chain) + 1,
            previous=envelope_digest(self.chain[-1].envelope) if self.chain else "",
            release=Release(release),
            time=time,
            agent_version="1",
            dialect="cilium",
            plugin_version="1.20.2",
            base=not self.chain,
            policies=changed,
            removed=removed,
            state_digest=state_digest(current),
            root_version=root_version,
        )
        body = msgspec.structs.replace(body, **fields)
        self.chain.append(pb.Receipt(sequence=body.sequence, envelope=sign_receipt(body, self.key)))
        self._before = current

    def said(self) -> pb.ClusterStatus:
        return pb.ClusterStatus(name=self.name, connected=True, last_seen_unix=1, receipts=self.chain)
