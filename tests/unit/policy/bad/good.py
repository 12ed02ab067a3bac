"""Good documents with every construct in them, and what a wrong one is made of: one edit."""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.policy.documents import CLUSTER, UPSTREAM, changed

GOOD = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata:
  name: full
  labels: {team: net}
  annotations: {owner: network}
spec:
  placement:
    clusterSelector:
      matchLabels: {env: prod}
      matchExpressions: [{key: region, operator: In, values: [eu, us]}]
  mode: Enforce
  onInexact: Refuse
  controls: [CIS:5.3.2]
  policy:
    tier: Admin
    priority: 10
    subject:
      pods:
        namespaceSelector: {matchLabels: {tenant: a}}
        podSelector: {matchLabels: {app: web}}
    ingress:
      - name: in
        action: Accept
        from:
          - namespaces: {matchLabels: {tenant: b}}
          - pods: {podSelector: {matchLabels: {app: api}}}
          - networks: [192.0.2.0/24]
          - serviceAccounts: {names: [builder], namespaceSelector: {}}
          - clusters: {names: [fra1], pods: {podSelector: {}}}
        protocols:
          - tcp: {destinationPort: {number: 80}}
          - destinationNamedPort: web
        http: [{methods: [GET], paths: [/healthz], hosts: [a.example]}]
        log: true
    egress:
      - name: names
        action: Accept
        to:
          - domainNames: [a.example, "*.b.example"]
        protocols:
          - udp: {destinationPort: {range: {start: 5000, end: 6000}}}
          - sctp: {destinationPort: {number: 3868}}
      - name: out
        action: Deny
        to:
          - networks: [10.0.0.0/8, {cidr: 172.16.0.0/12, except: [172.18.0.0/16]}]
          - nodes: {matchExpressions: [{key: pool, operator: NotIn, values: [gpu]}]}
        protocols:
          - icmp: {family: IPv4, type: 8, code: 0}
"""
METADATA = GOOD[GOOD.index("metadata:") : GOOD.index("spec:")]
PLACEMENT = GOOD[GOOD.index("  placement:") : GOOD.index("  mode:")]
SUBJECT = GOOD[GOOD.index("      pods:") : GOOD.index("    ingress:")]
LAST_RULE = GOOD[GOOD.index("      - name: out") :]
KEY = "a" * 64
GOOD_CLUSTER = f'{CLUSTER}  owner: platform\n  receiptKey: {{public: "{KEY}"}}\n'
GOOD_UPSTREAM = UPSTREAM
GOOD_WAIVER = """\
apiVersion: federation.edict.dev/v1alpha1
kind: Waiver
metadata:
  name: hotfix
spec:
  policy: net/deny
  rule: {direction: egress, name: out}
  clusters: {}
  reason: a hotfix
  approver: Ann Other
  expires: "2026-12-31T18:00:00Z"
"""


@dataclass(frozen=True)
class Bad:
    """A wrong document: a good one with one part replaced, and what must be said of it.

    ``at`` is the field as its author wrote it, ``line`` where an editor should open the file; ``remedy`` is a part.
    """

    old: str
    new: str
    code: int
    at: str
    line: int
    remedy: str
    base: str = GOOD

    @property
    def text(self) -> str:
        return changed(self.old, self.new, self.base)


def many(item: str, count: int = 26) -> str:
    """Return items of a flow list; ``#`` in the item is its number."""
    return ", ".join(item.replace("#", str(number)) for number in range(count))
