"""Why a rule or a policy is not exact on a cluster: one code each."""

from __future__ import annotations

import enum


class Reason(enum.IntEnum):
    """Printed as ``EDICT05xx``."""

    NO_PLUGIN = 501
    """The cluster has no network plugin that Edict can translate for."""
    OBSERVE = 510
    """The dialect cannot observe without enforcing."""
    TIE = 511
    """Two policies of one tier and priority can match one connection."""
    PEER = 512
    """The dialect has no such peer."""
    PROTOCOL = 513
    """The dialect cannot match this protocol or port."""
    HTTP = 514
    """The dialect cannot match HTTP requests."""
    LOG = 515
    """The dialect cannot log a rule."""
    LABEL = 516
    """The plugin does not know this label."""
    NETWORK_MEETS_PODS = 517
    """The plugin's networks do not match pods and nodes."""
    INGRESS_NETWORK = 518
    """The source address of ingress may be translated on its way."""
    DOMAIN_NAMES = 519
    """The dialect cannot match these domain names."""
    ORDER = 520
    """The plugin does not keep the order of these rules."""
    BASELINE = 521
    """The plugin has no Baseline tier."""
    TOO_LARGE = 522
    """The rule does not fit the plugin's limits."""
    PLUGIN_VERSION = 523
    """The plugin's version is unknown or too old."""
    PLUGIN_OPTION = 524
    """The plugin is configured against it."""
    ALLOWS_ONLY = 530
    """NetworkPolicies only allow: they cannot deny a part, nor stand above or below others."""
    ISOLATES = 531
    """A NetworkPolicy that allows also denies all else, which nothing asks for."""
    NAMESPACES = 532
    """The cluster's namespaces are not known."""

    @property
    def code(self) -> str:
        """The printed code."""
        return f"EDICT{self.value:04d}"
