"""What translation must know about a cluster, read by the agent or given to the CLI by ``--facts``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct, field

from edict.policy.space import Ground
from edict.policy.space.addresses import EVERY_ADDRESS, Addresses, addresses_in

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


class Facts(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Facts about one cluster. ``None`` and the empty string mean unknown, which never makes a rule exact.

    In a file they are named ``plugin``, ``cniVersion``, ``podCIDRs``, ``nodeCIDRs``, ``options``, ``clusterName``,
    ``egressPeers`` and ``namespaces``.

    Attributes:
        plugin: the network plugin's name, such as ``cilium`` or ``calico``.
        plugin_version: its version, such as ``1.20.2``.
        pod_cidrs: every network that a pod may have an address of, those of meshed clusters included.
        node_cidrs: networks that hold every address of every node (internal, external, of its bridges).
        options: the plugin's own configuration as it was read; a key that is absent has the plugin's default.
        cluster_name: the name of the cluster in the plugin's mesh; empty when unknown.
        egress_peers: the fields that an egress peer has in the served definition of ClusterNetworkPolicy.
        namespaces: the labels of every namespace that stays (one that is being deleted is left out), by its name.
    """

    plugin: str = ""
    plugin_version: str = field(default="", name="cniVersion")
    pod_cidrs: tuple[str, ...] | None = field(default=None, name="podCIDRs")
    node_cidrs: tuple[str, ...] | None = field(default=None, name="nodeCIDRs")
    options: Mapping[str, str] = field(default_factory=dict)
    cluster_name: str = ""
    egress_peers: tuple[str, ...] | None = None
    namespaces: Mapping[str, Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        """Check the networks. A decoder turns the error into one that names the field.

        Raises:
            ValueError: a CIDR is none.
        """
        for cidr in (*(self.pod_cidrs or ()), *(self.node_cidrs or ())):
            ipaddress.ip_network(cidr, strict=False)

    @property
    def version(self) -> tuple[int, int] | None:
        """The plugin's major and minor version, or None when unknown."""
        return _version(self.plugin_version)

    def enabled(self, option: str, *, default: bool) -> bool:
        """Return a boolean option of the plugin's configuration."""
        value = self.options.get(option, "").strip().lower()
        return default if not value else value == "true"


@lru_cache(maxsize=64)
def _version(text: str) -> tuple[int, int] | None:
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2])) if found else None


def ground_of(facts: Facts, every: Addresses = EVERY_ADDRESS) -> Ground:
    """Return what is known of the addresses of pods and nodes; ``every`` are those of the families in use."""
    return Ground(
        pods=None if facts.pod_cidrs is None else addresses_in(facts.pod_cidrs),
        nodes=None if facts.node_cidrs is None else addresses_in(facts.node_cidrs),
        every=every,
    )
