"""Which dialect a cluster speaks: the pure part, from what discovery and the plugin's configuration say."""

from __future__ import annotations

from collections.abc import Mapping

from edict.errors import AgentError
from edict_agent.translate.codes import Reason
from edict_agent.translate.dialect import Dialect

CILIUM_GROUP = "cilium.io"
CALICO_GROUP = "projectcalico.org"
CALICO_STORAGE_GROUP = "crd.projectcalico.org"


def choose_dialect(api_groups: frozenset[str], cilium_config: Mapping[str, str] | None) -> Dialect:
    """Return the dialect.

    Args:
        api_groups: names of the API groups that the cluster serves.
        cilium_config: the data of Cilium's ConfigMap; None when there is none. It tells a running Cilium from
            definitions that an uninstalled one left behind.

    Raises:
        AgentError: EDICT0501; neither plugin can be driven.
    """
    if CILIUM_GROUP in api_groups and cilium_config is not None:
        return Dialect.CILIUM
    if CALICO_GROUP in api_groups:
        return Dialect.CALICO
    if CILIUM_GROUP in api_groups:
        what = "Cilium's definitions are there and its configuration is not"
        remedy = "let the agent read the ConfigMap cilium-config, or finish installing Cilium"
    elif CALICO_STORAGE_GROUP in api_groups:
        what = "Calico is there and its API server is not"
        remedy = "install Calico's API server, so that projectcalico.org/v3 is served"
    else:
        what = "the cluster has no network plugin that Edict can translate for"
        remedy = "install Cilium, or Calico with its API server"
    raise AgentError(Reason.NO_PLUGIN, what, remedy=remedy)
