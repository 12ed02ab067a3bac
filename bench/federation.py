"""An author with all keys, and the hub's, in memory: what is verified in a benchmark without any program around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Metadata, Root, Snapshot, Targets

from edict.ids import digest_of
from edict.policy.parse import load_one
from edict.trust import authoring
from edict.trust.cosigning import encoded
from edict.trust.describing import Change, alive
from edict.trust.drafting import Base, Wish, draft
from edict.trust.roles import ROOT, SNAPSHOT, policy_path, team_role
from edict.trust.state import Bundle
from edict.trust.timestamp import sign_timestamp

TEAM = "bench"
NOW = datetime.now(UTC)
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: deny-{index}, labels: {{team: bench}}}}
spec:
  placement: {{clusterSelector: {{matchLabels: {{env: prod}}}}}}
  controls: [NSA-CISA:network-separation]
  policy:
    tier: Admin
    priority: {priority}
    subject: {{namespaces: {{matchLabels: {{app: shop-{index}}}}}}}
    egress:
      - {{name: metadata, action: Deny, to: [{{networks: [169.254.169.254/32]}}]}}
"""


class Federation:
    """An author with all keys, and the hub's: signs releases in memory."""

    def __init__(self) -> None:
        root, targets, inventory, snapshot, timestamp, team = _keys()
        self._keys = authoring.RootKeys(root, targets, inventory, snapshot, timestamp, {TEAM: team})
        first = authoring.initial(self._keys, NOW)
        self.root = first[ROOT]
        self.targets = {role: data for role, data in first.items() if role not in {ROOT, SNAPSHOT}}
        self._snapshot = first[SNAPSHOT]
        self._release = 1
        self.contents: dict[str, bytes] = {}

    def publish(self, *changed: tuple[int, int]) -> Bundle:
        """Sign policies (index, priority) into the next release; return it with only what is new."""
        changes = []
        for index, priority in changed:
            content = POLICY.format(index=index, priority=priority).encode()
            self.contents[digest_of(content)] = content
            changes.append(Change(policy_path(TEAM, f"deny-{index}"), content, load_one(content, "bench")))
        drafted = draft(Base(self.root, self.targets), Wish(changes=changes), NOW)
        new = {role: self._signed(role, metadata) for role, metadata in drafted.items()}
        self.targets = alive({**self.targets, **new})
        self._release += 1
        before = Metadata[Snapshot].from_bytes(self._snapshot).signed
        self._snapshot = authoring.snapshot(
            self.targets, self._keys.snapshot, version=self._release, now=NOW, before=before
        )
        stamp = sign_timestamp(
            self._keys.timestamp, self._snapshot, version=self._release, expires=NOW + timedelta(days=1)
        )
        return Bundle(timestamp=stamp, snapshot=self._snapshot, targets=new)

    def _signed(self, role: str, metadata: Metadata[Root] | Metadata[Targets]) -> bytes:
        key = self._keys.teams[TEAM] if role.startswith(team_role(TEAM)) else self._keys.targets
        metadata.sign(key)
        return encoded(metadata)


def _keys() -> Iterator[Signer]:
    return (CryptoSigner.generate_ed25519() for _ in range(6))
