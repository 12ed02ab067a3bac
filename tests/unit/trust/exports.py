"""A federation's whole evidence in memory, as an export has it, and the ways to damage it. No files, no network."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Metadata, Root

from edict.ids import ClusterName, digest_of
from edict.trust.audit.chain import Asked
from edict.trust.audit.history import Trusted
from edict.trust.audit.lines import DocumentLine, Header, Line, MetadataLine, ReceiptLine, Writer, read
from edict.trust.audit.report import Report
from edict.trust.audit.verifier import Audit
from edict.trust.receipts import (
    PolicyReport,
    PolicyState,
    ReceiptBody,
    delta,
    envelope_digest,
    sign_receipt,
    state_digest,
)
from edict.trust.roles import ROOT, SNAPSHOT
from tests.unit.trust.federation import NOW, Federation, policy


def inventory(name: str, key: Ed25519PrivateKey | None, labels: str = "{env: prod}") -> bytes:
    """An inventory document with a pinned receipt key."""
    pinned = f", receiptKey: {{public: {key.public_key().public_bytes_raw().hex()}}}" if key else ""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: ManagedCluster
metadata: {{name: {name}, labels: {labels}}}
spec: {{plugin: cilium{pinned}}}
""".encode()


@dataclass
class Reporter:
    """One cluster's agent: signs a chain."""

    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    bodies: list[ReceiptBody] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
    told: dict[str, PolicyReport] = field(default_factory=dict)

    def say(
        self, release: int, time: datetime, *reports: PolicyReport, base: bool = False, **changes: object
    ) -> ReceiptBody:
        """Sign the next receipt. ``changes`` replace fields of its body."""
        base = base or not self.bodies
        now = {report.policy: report for report in reports}
        changed, removed = delta({} if base else self.told, now)
        body = ReceiptBody(
            cluster=ClusterName(self.name),
            sequence=self.bodies[-1].sequence + 1 if self.bodies else 1,
            previous=envelope_digest(self.envelopes[-1]) if self.envelopes else "",
            release=release,
            time=time,
            agent_version="1",
            dialect="cilium",
            plugin_version="1.20.2",
            base=base,
            policies=changed,
            removed=removed,
            state_digest=state_digest(now),
        )
        body = msgspec.structs.replace(body, **changes)
        self.told = now
        self.bodies.append(body)
        self.envelopes.append(sign_receipt(body, self.key))
        return body

    def lines(self) -> list[ReceiptLine]:
        return [
            ReceiptLine(self.name, body.sequence, envelope)
            for body, envelope in zip(self.bodies, self.envelopes, strict=True)
        ]


def compliant(document: bytes, name: str = "deny") -> PolicyReport:
    return PolicyReport(f"net/{name}", digest_of(document), PolicyState.COMPLIANT, accepted="yes", objects=1)


@dataclass
class Story:
    """A federation and what it left behind."""

    fed: Federation = field(default_factory=Federation)
    clusters: dict[str, Reporter] = field(default_factory=dict)
    history: list[Line] = field(default_factory=list)
    _written: dict[str, bytes] = field(default_factory=dict)
    _documents: set[str] = field(default_factory=set)

    @property
    def root(self) -> bytes:
        first = next(line for line in self.history if isinstance(line, MetadataLine))
        assert first.role == ROOT
        return first.content

    def publish(self, *documents: bytes) -> int:
        """Publish documents as the next release; returns its number."""
        self.fed.put(*documents)
        self.fed.publish()
        metadata = self.fed.metadata
        if not self.history:
            self.history.append(MetadataLine(ROOT, 1, metadata[ROOT]))
        for role, data in sorted(metadata.items()):
            if role not in {ROOT, SNAPSHOT} and self._written.get(role) != data:
                self.history.append(MetadataLine(role, _version(data), data))
                self._written[role] = data
        self.history.append(MetadataLine(SNAPSHOT, self.fed.release, metadata[SNAPSHOT]))
        for digest, content in sorted(self.fed.blobs.items()):
            if digest not in self._documents:
                self.history.append(DocumentLine(digest, content))
                self._documents.add(digest)
        return self.fed.release

    def receipts(self) -> list[Line]:
        return [line for _, cluster in sorted(self.clusters.items()) for line in cluster.lines()]

    def lines(self) -> list[Line]:
        return [Header(), *self.history, *self.receipts()]


def _version(data: bytes) -> int:
    version: int = msgspec.json.decode(data)["signed"]["version"]
    return version


DENY = policy("deny", selector="{matchLabels: {env: prod}}")
DENY_2 = policy("deny", selector="{matchLabels: {env: prod}}", priority=11)
TEST_ONLY = policy("other", selector="{matchLabels: {env: test}}")


def story() -> Story:
    """Two clusters, three releases, a change of a policy and of nothing else; every receipt in order."""
    made = Story()
    for name in ("a", "b"):
        made.clusters[name] = Reporter(name)
    first = made.publish(*(inventory(name, each.key) for name, each in made.clusters.items()), DENY, TEST_ONLY)
    times = {name: NOW + timedelta(minutes=1) for name in made.clusters}

    def tell(release: int, *reports: PolicyReport) -> None:
        for name, each in made.clusters.items():
            each.say(release, times[name], *reports)
            times[name] += timedelta(minutes=10)

    tell(first)
    tell(first, compliant(DENY))
    second = made.publish(DENY_2)
    tell(second, compliant(DENY_2))
    third = made.publish()
    tell(third, compliant(DENY_2))
    tell(third, compliant(DENY_2))
    return made


def rotated(fed: Federation, **keys: Any) -> bytes:
    """Sign the next root, with other keys."""
    metadata: Metadata[Root] = Metadata.from_bytes(fed.metadata[ROOT])
    root = metadata.signed
    root.version += 1
    for role, key in keys.items():
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        root.add_key(key.public_key, role)
    old = fed.keys.root
    fed.keys = replace(fed.keys, **keys)
    metadata.signatures.clear()
    metadata.sign(old)
    metadata.sign(fed.keys.root, append=True)
    fed.metadata[ROOT] = metadata.to_bytes()
    return fed.metadata[ROOT]


def written(lines: Iterable[Line]) -> bytes:
    """Return an export of these lines."""
    sink = io.BytesIO()
    writer = Writer(sink)
    for line in lines:
        writer.write(line)
    writer.end()
    return sink.getvalue()


def judged(data: bytes | Sequence[Line], root: bytes, **asked: object) -> Report:
    """Judge an export."""
    audit = Audit(Trusted.file(root), Asked(**asked))  # type: ignore[arg-type]
    for line in read(io.BytesIO(data if isinstance(data, bytes) else written(data))):
        audit.take(line)
    return audit.report()


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}
