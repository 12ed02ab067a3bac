"""A whole federation in memory: keys, metadata and documents, for tests of trust. No files, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner, Signer

from edict.ids import digest_of
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy
from edict.policy.parse import load_one
from edict.trust import authoring, verify
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, cluster_path, policy_path, team_role
from edict.trust.state import Bundle, TrustState
from edict.trust.timestamp import sign_timestamp

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def policy(name: str, *, selector: str = "{}", priority: int = 10) -> bytes:
    """A policy document that denies one network."""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: {name}}}
spec:
  placement: {{clusterSelector: {selector}}}
  policy:
    tier: Admin
    priority: {priority}
    subject: {{namespaces: {{}}}}
    egress:
      - {{action: Deny, to: [{{networks: [169.254.169.254/32]}}]}}
""".encode()


def cluster(name: str, labels: str = "{}") -> bytes:
    """An inventory document."""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: ManagedCluster
metadata: {{name: {name}, labels: {labels}}}
spec: {{plugin: cilium}}
""".encode()


def signer() -> Signer:
    """A fresh ed25519 key."""
    return CryptoSigner.generate_ed25519()


@dataclass
class Federation:
    """An author and a hub in one: signs documents, snapshots and timestamps."""

    keys: authoring.RootKeys = field(
        default_factory=lambda: authoring.RootKeys(signer(), signer(), signer(), signer(), signer(), {"net": signer()})
    )
    now: datetime = NOW
    metadata: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    release: int = 1
    timestamp_version: int = 0

    def __post_init__(self) -> None:
        self.metadata = authoring.initial(self.keys, self.now)

    @property
    def targets(self) -> dict[str, bytes]:
        return {role: data for role, data in self.metadata.items() if role not in {ROOT, SNAPSHOT}}

    def put(self, *contents: bytes, by: Signer | None = None) -> None:
        """Sign documents into their roles."""
        for content in contents:
            document: AnyDocument = load_one(content, "test.yaml")
            self.blobs[digest_of(content)] = content
            is_policy = isinstance(document, FederatedNetworkPolicy)
            name = document.metadata.name
            owner = team_role("net") if is_policy else INVENTORY
            path = policy_path("net", name) if is_policy else cluster_path(name)
            key = by or (self.keys.teams["net"] if is_policy else self.keys.inventory)
            item = authoring.Change(path, content, document)
            self.metadata.update(authoring.change(self.targets, owner, [item], key, self.now))

    def publish(self, *, lifetime: timedelta = timedelta(days=1)) -> Bundle:
        """Sign the next snapshot and timestamp and return everything."""
        self.release += 1
        self.metadata[SNAPSHOT] = authoring.snapshot(
            self.targets, self.keys.snapshot, version=self.release, now=self.now
        )
        return self.stamped(lifetime)

    def stamped(self, lifetime: timedelta = timedelta(days=1)) -> Bundle:
        """Sign the next timestamp for the present snapshot and return everything."""
        self.timestamp_version += 1
        stamp = sign_timestamp(
            self.keys.timestamp,
            self.metadata[SNAPSHOT],
            version=self.timestamp_version,
            expires=self.now + lifetime,
        )
        return Bundle(timestamp=stamp, snapshot=self.metadata[SNAPSHOT], targets=self.targets)

    def pinned(self) -> TrustState:
        return verify.pin(self.metadata[ROOT])
