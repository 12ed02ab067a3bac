"""The kinds of cluster and the parts that each needs."""

from __future__ import annotations

from typing import Literal, assert_never

Kind = Literal["cilium", "calico", "plain"]
"""Which plugin the cluster looks like; `plain` has none."""
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
        case "plain":
            pass
        case _:
            assert_never(kind)
    if cnp_crd:
        names += ["cluster-network-policy-crds"]
    return names
