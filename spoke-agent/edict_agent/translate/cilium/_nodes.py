"""Nodes by their labels, as Cilium's endpoint selectors.

``toNodes`` knows the other nodes alone (``parseToCiliumEgressCommonRule`` asks for ``reserved:remote-node``), and the
pod's own node is a node like any other. So both are selected by the reserved labels that Cilium gives to them, as it
reads the nodes of a ClusterNetworkPolicy itself (``kcnpProcessNodeSelector``).
"""

from __future__ import annotations

from edict.policy.space.labels import Labels, Owner, Values
from edict_agent.translate.cilium._labels import CLUSTER
from edict_agent.translate.cilium._selectors import exists, expression, own_name
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

OPTION = "enable-node-selector-labels"
_OWN_NODE = "reserved:host"
_OTHER_NODE = "reserved:remote-node"
_FILTERS = ("node-labels", "exclude-node-label-patterns")
_SINCE = (1, 20)


def node_selectors(nodes: Labels, facts: Facts) -> list[Body]:
    """Return the selectors of nodes of this cluster: of the pod's own, and of the others.

    Raises:
        InexactError: nodes have no labels in Cilium, or some of theirs are left out.
    """
    asked: list[Body] = []
    if nodes.terms:
        _check_labels(facts)
        keys = sorted(key for key in nodes.terms if key.owner is Owner.NODE)
        asked = [expression(f"node:{key.name}", one) for key in keys for one in nodes.requirements(key)]
    own = _own_cluster(facts)
    return [{"matchExpressions": [exists(base), *asked, *own]} for base in (_OWN_NODE, _OTHER_NODE)]


def other_nodes(facts: Facts) -> Body:
    """Return the selector of the nodes of other clusters of the mesh.

    Raises:
        InexactError: nodes have no labels in Cilium.
    """
    _check_labels(facts)
    others = Values(frozenset({own_name(facts)}), others=True, absent=False)
    return {
        "matchExpressions": [exists(_OTHER_NODE), *(expression(CLUSTER, one) for one in others.requirements(CLUSTER))]
    }


def others_are_there(facts: Facts) -> bool:
    """Tell whether there may be nodes of other clusters: unless it is known that the cluster is in no mesh."""
    return facts.options.get("cluster-id", "").strip() != "0"


def _own_cluster(facts: Facts) -> list[Body]:
    """Return what tells the cluster's own nodes from others; nothing where there are no others."""
    if not others_are_there(facts):
        return []
    _check_labels(facts)
    mine = Values(frozenset({own_name(facts)}), others=False, absent=False)
    return [expression(CLUSTER, one) for one in mine.requirements(CLUSTER)]


def _check_labels(facts: Facts) -> None:
    if not facts.enabled(OPTION, default=False):
        raise InexactError(
            Reason.PEER,
            "Cilium tells nodes apart only by an option that is off by default",
            f"set {OPTION}: true in Cilium",
        )
    if facts.version is None or facts.version < _SINCE:
        raise InexactError(
            Reason.PLUGIN_VERSION,
            "nodes, the pod's own among them, are known to have labels in Cilium from 1.20 on",
            "upgrade Cilium, or give the fact cniVersion",
        )
    for option in _FILTERS:
        if facts.options.get(option, "").strip():
            raise InexactError(
                Reason.PLUGIN_OPTION,
                f"Cilium's option {option} decides which labels of nodes count, and some may be left out",
                f"unset {option} in Cilium",
            )
