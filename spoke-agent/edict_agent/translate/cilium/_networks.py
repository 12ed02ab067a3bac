"""Networks of a Cilium rule.

They match addresses outside the cluster alone, unless ``policy-cidr-match-mode`` says otherwise; where a network can
meet pods or nodes, or where nobody knows, it is not exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edict.policy.model import EgressPeer, IngressPeer, NetworkExcept
from edict.policy.rules import Direction, PlacedRule
from edict.policy.space.addresses import Addresses, addresses_in, network_of
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, masqueraded
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.networks import IPNetwork
from edict_agent.translate.plan import Body
from edict_agent.translate.written import as_sets


def network_rules(addresses: Addresses, rule: PlacedRule) -> list[Body]:
    """Return the items of a ``CIDRSet`` that together are the addresses, by the networks that the author wrote."""
    return [_cidr_rule(one.network, one.excepted) for one in as_sets(addresses, _written(rule.peers))]


def check_networks(mixed: Addresses, direction: Direction, facts: Facts, leeway: Leeway) -> None:
    """Refuse networks as sources, and those that may meet pods or nodes.

    Raises:
        InexactError: they are not exact, and the rule has no leeway for it.
    """
    if direction is Direction.INGRESS:
        leeway.narrow(masqueraded("both families"))
    if mixed:
        leeway.narrow(_meets_pods(mixed, facts))


def _meets_pods(mixed: Addresses, facts: Facts) -> InexactError:
    for what, cidrs in (("pod", facts.pod_cidrs), ("node", facts.node_cidrs)):
        if cidrs is None:
            return InexactError(
                Reason.NETWORK_MEETS_PODS,
                f"Cilium's networks do not match {what}s, and the {what} networks are not known",
                f"give the fact {what}CIDRs",
            )
        for cidr in cidrs:
            common = next((mixed & addresses_in([cidr])).networks(), None)
            if common is not None:
                return InexactError(
                    Reason.NETWORK_MEETS_PODS,
                    f"Cilium's networks do not match {what}s, and {common} is in the {what} network {cidr}",
                    f"except {cidr} from the networks, and select pods by their labels",
                )
    return InexactError(Reason.NETWORK_MEETS_PODS, "Cilium's networks do not match pods and nodes")


def _written(peers: Iterable[IngressPeer | EgressPeer]) -> list[IPNetwork]:
    return [
        network_of(network.cidr if isinstance(network, NetworkExcept) else network)
        for peer in peers
        if isinstance(peer.networks, tuple)
        for network in peer.networks
    ]


def _cidr_rule(network: IPNetwork, excepted: Sequence[IPNetwork]) -> Body:
    body: Body = {"cidr": str(network)}
    if excepted:
        body["except"] = [str(part) for part in excepted]
    return body
