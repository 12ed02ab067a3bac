"""Why a rule or a policy is not exact on a cluster: one code each, with its title."""

from __future__ import annotations

import enum
from types import MappingProxyType


class Reason(enum.IntEnum):
    """Printed as ``EDICT05xx``; titles are in :data:`TITLES`."""

    NO_PLUGIN = 501
    OBSERVE = 510
    TIE = 511
    PEER = 512
    PROTOCOL = 513
    HTTP = 514
    LOG = 515
    LABEL = 516
    NETWORK_MEETS_PODS = 517
    INGRESS_NETWORK = 518
    DOMAIN_NAMES = 519
    ORDER = 520
    BASELINE = 521
    TOO_LARGE = 522
    PLUGIN_VERSION = 523
    PLUGIN_OPTION = 524

    @property
    def code(self) -> str:
        """The printed code."""
        return f"EDICT{self.value:04d}"


TITLES = MappingProxyType(
    {
        Reason.NO_PLUGIN: "the cluster has no network plugin that Edict can translate for",
        Reason.OBSERVE: "the dialect cannot observe without enforcing",
        Reason.TIE: "two policies of one tier and priority can match one connection",
        Reason.PEER: "the dialect has no such peer",
        Reason.PROTOCOL: "the dialect cannot match this protocol or port",
        Reason.HTTP: "the dialect cannot match HTTP requests",
        Reason.LOG: "the dialect cannot log a rule",
        Reason.LABEL: "the plugin does not know this label",
        Reason.NETWORK_MEETS_PODS: "the plugin's networks do not match pods and nodes",
        Reason.INGRESS_NETWORK: "the source address of ingress may be translated on its way",
        Reason.DOMAIN_NAMES: "the dialect cannot match these domain names",
        Reason.ORDER: "the plugin does not keep the order of these rules",
        Reason.BASELINE: "the plugin has no Baseline tier",
        Reason.TOO_LARGE: "the rule does not fit the plugin's limits",
        Reason.PLUGIN_VERSION: "the plugin's version is unknown or too old",
        Reason.PLUGIN_OPTION: "the plugin is configured against it",
    }
)
