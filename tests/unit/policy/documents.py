"""One document to start from, and a way to break it in one place."""

from __future__ import annotations

BASE = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata:
  name: deny-egress
spec:
  placement:
    clusterSelector: {}
  policy:
    tier: Admin
    priority: 10
    subject:
      namespaces: {}
    egress:
      - name: out
        action: Deny
        to:
          - networks: [10.0.0.0/8]
        protocols:
          - tcp:
              destinationPort:
                number: 443
"""

CLUSTER = """\
apiVersion: federation.edict.dev/v1alpha1
kind: ManagedCluster
metadata:
  name: berlin-1
  labels: {env: prod}
spec:
  plugin: cilium
"""

UPSTREAM = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: from-upstream
  uid: 0b9b7d2e-1c1a-4b0a-9d6e-7f3f1c1f2a10
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    owner: network
spec:
  tier: Admin
  priority: 10
  subject:
    namespaces: {}
  egress:
    - action: Deny
      to:
        - networks: [10.0.0.0/8]
status:
  conditions: []
"""


def changed(old: str, new: str, base: str = BASE) -> str:
    """Return the document with one part replaced; the part must stand in it exactly once."""
    assert base.count(old) == 1, f"{old!r} stands {base.count(old)} times"
    return base.replace(old, new)
