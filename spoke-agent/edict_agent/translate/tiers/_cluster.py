"""What must hold of a cluster, so that its Cilium reads ClusterNetworkPolicies and means by them what we think."""

from __future__ import annotations

from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError

OLDEST = (1, 20)
SWITCH = "enable-k8s-cluster-network-policy"
_FILTERS = ("labels", "label-prefix-file")
_USE = "or use the dialect cilium"


def why_not(facts: Facts) -> InexactError | None:
    """Return why the dialect cannot be used on a cluster of Cilium; None where it can."""
    if facts.version is None or facts.version < OLDEST:
        return InexactError(
            Reason.PLUGIN_VERSION,
            f"Cilium {facts.plugin_version or 'of unknown version'} is not known to keep the tiers of "
            "ClusterNetworkPolicies",
            f"upgrade Cilium to {OLDEST[0]}.{OLDEST[1]} or later, give the fact cniVersion, {_USE}",
        )
    if not facts.enabled(SWITCH, default=False):
        return _option("it does not read ClusterNetworkPolicies", f"set {SWITCH}: true in Cilium")
    if facts.options.get("policy-cidr-match-mode", "").strip():
        return _option("networks may match nodes there", "unset policy-cidr-match-mode in Cilium")
    if any(facts.options.get(option, "").strip() for option in _FILTERS):
        return _option("labels of namespaces may be no part of identity", f"unset {' and '.join(_FILTERS)} in Cilium")
    meshed = facts.options.get("cluster-id", "").strip() != "0"
    if meshed and not facts.enabled("policy-default-local-cluster", default=True):
        return _option(
            "selectors match every cluster of the mesh there", "set policy-default-local-cluster: true in Cilium"
        )
    return None


def _option(meaning: str, remedy: str) -> InexactError:
    return InexactError(Reason.PLUGIN_OPTION, f"Cilium is set up so that {meaning}", f"{remedy}, {_USE}")
