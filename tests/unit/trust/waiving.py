"""Waivers for tests of trust: the role, and documents that it, or somebody else, signs."""

from __future__ import annotations

from datetime import datetime, timedelta

from securesystemslib.signer import Signer

from edict.ids import digest_of
from edict.policy.parse import load_one
from edict.trust import authoring
from edict.trust.cosigning import encoded
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import Holding
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.roles import ROOT, TARGETS, WAIVERS, waiver_path
from tests.unit.trust.federation import NOW, Federation, signer

LATER = NOW + timedelta(days=3)


def waiver(
    name: str, policy: str = "net/deny", *, expires: datetime = LATER, rule: str = "", clusters: str = "{}"
) -> bytes:
    """A waiver of a policy, or of one egress rule of it."""
    part = f"\n  rule: {{direction: egress, name: {rule}}}" if rule else ""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: Waiver
metadata: {{name: {name}}}
spec:
  policy: {policy}{part}
  clusters: {clusters}
  reason: the vendor's hotfix needs it
  approver: Ann Other
  expires: "{expires.isoformat()}"
""".encode()


def delegate(fed: Federation, limits: Limits = UNLIMITED, by: Signer | None = None) -> Signer:
    """Let a key sign waivers, as `edict trust delegate` does; returns it."""
    key = by or signer()
    base = Base(fed.metadata[ROOT], fed.targets)
    made = draft(base, Wish({WAIVERS: Holding((key.public_key,), 1, limits)}), fed.now)
    for role, metadata in made.items():
        metadata.sign(fed.keys.targets if role == TARGETS else key)
        fed.metadata[role] = encoded(metadata)
    return key


def waive(fed: Federation, key: Signer, *contents: bytes) -> None:
    """Sign waivers."""
    for content in contents:
        document = load_one(content, "test.yaml")
        fed.blobs[digest_of(content)] = content
        change = authoring.Change(waiver_path(document.metadata.name), content, document)
        fed.metadata.update(authoring.change(fed.targets, WAIVERS, [change], key, fed.now))
