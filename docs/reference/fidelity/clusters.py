"""What is known of the clusters that are asked, and what else could be: one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from msgspec.structs import replace

from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE, NAMESPACE_NAME
from edict_agent.translate import Dialect, Facts

AGENT_NAMESPACE = DEFAULT_AGENT_NAMESPACE
POD_CIDRS = ("10.244.0.0/16", "fd00:10:244::/56")
NODE_CIDRS = ("172.18.0.0/16", "fc00:f853:ccd::/64")
STANDARD_CHANNEL = ("namespaces", "pods", "networks")
EXPERIMENTAL_CHANNEL = (*STANDARD_CHANNEL, "nodes", "domainNames")
_LABELS = {"shop": {"team": "shop"}, "web": {"team": "web"}, "db": {"team": "db"}, "kube-system": {}}
_TIERS = {"enable-k8s-cluster-network-policy": "true"}

LABEL_FILTERS = ("labels", "label-prefix-file")
"""Cilium's options that decide which labels are part of identity."""
_CILIUM_OPTIONS = (
    ("enable-sctp", "true"),
    ("enable-icmp-rules", "false"),
    ("enable-l7-proxy", "false"),
    ("enable-extended-ip-protocols", "true"),
    ("enable-ipv4", "false"),
    ("enable-ipv6", "false"),
    ("cluster-id", "0"),
    ("cluster-id", "7"),
    ("enable-node-selector-labels", "true"),
    ("policy-default-local-cluster", "false"),
    ("policy-cidr-match-mode", "nodes"),
    ("labels", "k8s:app"),
    ("label-prefix-file", "/etc/labels.json"),
    ("enable-policy", "always"),
    ("allow-localhost", "policy"),
    ("policy-audit-mode", "true"),
    ("enable-non-default-deny-policies", "false"),
    ("enable-cilium-clusterwide-network-policy", "false"),
)


@dataclass(frozen=True)
class Other:
    """A cluster that differs from the standard one in one fact, said by ``what``; ``option`` where it is an option."""

    what: str
    facts: Facts
    option: str = ""


def standard(dialect: Dialect) -> Facts:
    """Return what is known of the cluster of a dialect: its networks and its plugin, whose options are the defaults."""
    known = Facts(pod_cidrs=POD_CIDRS, node_cidrs=NODE_CIDRS)
    match dialect:
        case Dialect.CILIUM:
            return _cilium(known, {})
        case Dialect.CILIUM_TIERS:
            return _cilium(known, _TIERS)
        case Dialect.CALICO:
            return replace(known, plugin="calico", plugin_version="3.31.0")
        case Dialect.CLUSTER_NETWORK_POLICY:
            return replace(known, egress_peers=STANDARD_CHANNEL)
        case Dialect.NETWORK_POLICY:
            names = {*_LABELS, AGENT_NAMESPACE}
            return replace(
                known, namespaces={name: {NAMESPACE_NAME: name} | _LABELS.get(name, {}) for name in sorted(names)}
            )
        case _:
            assert_never(dialect)


def others(dialect: Dialect) -> Iterator[Other]:
    """Yield what else could be known, or not be known, of a cluster of a dialect."""
    facts = standard(dialect)
    yield _other(facts, "`podCIDRs` unknown", pod_cidrs=None)
    yield _other(facts, "`nodeCIDRs` unknown", node_cidrs=None)
    match dialect:
        case Dialect.CILIUM | Dialect.CILIUM_TIERS:
            yield _other(facts, "`cniVersion` unknown", plugin_version="")
            for version in ("1.15.0", "1.18.0", "1.19.0", "1.21.0"):
                yield _other(facts, f"`cniVersion: {version}`", plugin_version=version)
            yield _other(facts, "`clusterName` unknown", cluster_name="")
            for option, value in _CILIUM_OPTIONS:
                yield Other(f"`{option}: {value}`", replace(facts, options={**facts.options, option: value}), option)
            for option in facts.options:
                rest = {key: value for key, value in facts.options.items() if key != option}
                yield Other(f"`{option}` not set", replace(facts, options=rest), option)
        case Dialect.CALICO:
            yield _other(facts, "`cniVersion` unknown", plugin_version="")
        case Dialect.CLUSTER_NETWORK_POLICY:
            yield _other(facts, "`egressPeers` unknown", egress_peers=None)
            yield _other(facts, "`egressPeers` of the experimental channel", egress_peers=EXPERIMENTAL_CHANNEL)
        case Dialect.NETWORK_POLICY:
            yield _other(facts, "`namespaces` unknown", namespaces=None)
        case _:
            assert_never(dialect)


def _cilium(known: Facts, options: dict[str, str]) -> Facts:
    return replace(known, plugin="cilium", plugin_version="1.20.2", cluster_name="fra1", options=options)


def _other(facts: Facts, what: str, **fields: Any) -> Other:
    return Other(what, replace(facts, **fields))
