"""The kinds of cluster and the parts that each needs."""

from __future__ import annotations

from typing import Literal, assert_never

Kind = Literal["cilium", "calico", "upstream", "plain"]
"""Which plugin the cluster looks like; `upstream` has one that nobody knows and that serves ClusterNetworkPolicies,
`plain` has none, or one that reads NetworkPolicies alone."""
Channel = Literal["standard", "experimental"]
"""Which channel of the ClusterNetworkPolicy CRD; the standard one drops `nodes` and `domainNames` peers in silence."""


def parts_for(kind: Kind, *, cnp_crd: bool | Channel = False) -> list[str]:
    """Return the names of the parts that a cluster of `kind` needs, its etcd included."""
    names = ["etcd", "kube-apiserver"]
    match kind:
        case "cilium":
            names += ["cilium-crds"]
        case "calico":
            names += ["calico-manifests", "calico-apiserver"]
        case "upstream":
            cnp_crd = cnp_crd or True
        case "plain":
            pass
        case _:
            assert_never(kind)
    if cnp_crd:
        names += ["cluster-network-policy-crds"]
    return names
