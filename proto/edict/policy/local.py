"""The cluster's own NetworkPolicies (``networking.k8s.io/v1``) as the semantics reads them.

They are read from what ``kubectl get -o yaml`` prints. What a server writes into ``metadata`` and ``status`` has no
meaning here and is not looked at; anything unknown in ``spec`` is an error, since it may change what is allowed.
Defaults are those of ``pkg/apis/networking/v1/defaults.go``, limits those of ``pkg/apis/networking/validation``.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from edict.policy._convert import explain, subject_of
from edict.policy._failing import Place
from edict.policy._labels import check_selector
from edict.policy.codes import Code
from edict.policy.model import Document, LabelSelector, PortNumber
from edict.policy.origin import Origin
from edict.policy.rules import Direction

API_VERSION: Final = "networking.k8s.io/v1"
KIND: Final = "NetworkPolicy"
_NO_ORIGIN = Origin()


class IpBlock(Document, frozen=True):
    """Addresses of a network without some of its parts."""

    cidr: str
    except_: tuple[str, ...] = ()


class LocalPeer(Document, frozen=True):
    """A block, or pods: of the policy's own namespace unless namespaces are selected."""

    pod_selector: LabelSelector | UnsetType = UNSET
    namespace_selector: LabelSelector | UnsetType = UNSET
    ip_block: IpBlock | UnsetType = UNSET


class LocalPort(Document, frozen=True):
    """Destination ports of one protocol: every one, a name that the destination pod gives, a number, or a range."""

    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: PortNumber | str | UnsetType = UNSET
    end_port: PortNumber | UnsetType = UNSET


class LocalIngressRule(Document, frozen=True):
    """Allows: no peers are every peer, no ports are every protocol."""

    from_: tuple[LocalPeer, ...] = ()
    ports: tuple[LocalPort, ...] = ()


class LocalEgressRule(Document, frozen=True):
    """Allows: no peers are every peer, no ports are every protocol."""

    to: tuple[LocalPeer, ...] = ()
    ports: tuple[LocalPort, ...] = ()


class LocalSpec(Document, frozen=True):
    """Whom it isolates in which directions, and what it allows them."""

    pod_selector: LabelSelector
    policy_types: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[LocalIngressRule, ...] = ()
    egress: tuple[LocalEgressRule, ...] = ()


class LocalMeta(Struct, frozen=True):
    """The part of ``metadata`` that means something."""

    name: str
    namespace: str = "default"


class NetworkPolicy(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="kind", tag=KIND):
    """A NetworkPolicy of the cluster itself."""

    api_version: Literal["networking.k8s.io/v1"]
    metadata: LocalMeta
    spec: LocalSpec
    status: Any = None

    @property
    def id(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    def isolates(self, direction: Direction) -> bool:
        """Tell whether it is final for its pods in a direction.

        Without ``policyTypes`` it is for ingress, and for egress too where it has an egress rule.
        """
        if self.spec.policy_types:
            return direction.capitalize() in self.spec.policy_types
        return direction is Direction.INGRESS or bool(self.spec.egress)

    def rules(self, direction: Direction) -> tuple[LocalIngressRule | LocalEgressRule, ...]:
        """Return the rules of a direction."""
        return self.spec.ingress if direction is Direction.INGRESS else self.spec.egress


def peers_of(rule: LocalIngressRule | LocalEgressRule) -> tuple[LocalPeer, ...]:
    """Return whom a rule allows."""
    return rule.from_ if isinstance(rule, LocalIngressRule) else rule.to


def network_policy(manifest: dict[str, Any], origin: Origin = _NO_ORIGIN) -> NetworkPolicy:
    """Return a NetworkPolicy from its manifest as plain objects.

    Args:
        manifest: what a YAML or JSON reader returns.
        origin: where it stands; without it errors carry no file and line.

    Raises:
        DocumentError: EDICT0105 to EDICT0109, EDICT0121 to EDICT0128; the API server refuses it too, or it has a field
            that is not known here.
    """
    subject = subject_of(manifest)
    place = Place(subject, origin)
    if (manifest.get("apiVersion"), manifest.get("kind")) != (API_VERSION, KIND):
        place.child("apiVersion").fail(
            Code.UNKNOWN_KIND, f"this is no {KIND} of {API_VERSION}", f"convert it to {KIND}"
        )
    try:
        policy = msgspec.convert(manifest, NetworkPolicy, strict=True)
    except msgspec.ValidationError as error:
        raise explain(str(error), NetworkPolicy, subject, origin) from None
    _check(policy, place.child("spec"))
    return policy


def _check(policy: NetworkPolicy, place: Place) -> None:
    check_selector(policy.spec.pod_selector, place.child("podSelector"))
    for direction, word in ((Direction.INGRESS, "from"), (Direction.EGRESS, "to")):
        for index, rule in enumerate(policy.rules(direction)):
            here = place.child(direction).item(index)
            for number, peer in enumerate(peers_of(rule)):
                _check_peer(peer, here.child(word).item(number))
            for number, port in enumerate(rule.ports):
                _check_port(port, here.child("ports").item(number))


def _check_peer(peer: LocalPeer, place: Place) -> None:
    selectors = {"podSelector": peer.pod_selector, "namespaceSelector": peer.namespace_selector}
    chosen = {name: one for name, one in selectors.items() if one is not UNSET}
    for name, selector in chosen.items():
        check_selector(selector, place.child(name))
    if peer.ip_block is UNSET:
        if not chosen:
            place.exactly_one([], (*selectors, "ipBlock"))
        return
    if chosen:
        place.exactly_one([*chosen, "ipBlock"], (*selectors, "ipBlock"))
    block = place.child("ipBlock")
    whole = _network(peer.ip_block.cidr, block.child("cidr"))
    for index, text in enumerate(peer.ip_block.except_):
        here = block.child("except").item(index)
        part = _network(text, here)
        if part.version != whole.version or part.network_address not in whole or part.prefixlen <= whole.prefixlen:
            here.fail(Code.NETWORK, f"{part} is no part of {whole}", "remove it, or widen cidr")


def _check_port(port: LocalPort, place: Place) -> None:
    if isinstance(port.port, str) and port.port.isdecimal():
        place.child("port").fail(Code.PORT, f"{port.port!r} is no port name", f"write it as a number: {port.port}")
    if port.end_port is UNSET:
        return
    if not isinstance(port.port, int):
        place.child("endPort").fail(Code.COMBINATION, "endPort needs a port by number", "add port, or remove endPort")
    if port.end_port < port.port:
        place.child("endPort").fail(
            Code.PORT, f"the range {port.port} to {port.end_port} does not go up", "turn it round"
        )


def _network(text: str, place: Place) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network; Kubernetes takes one with host bits, and so do old clusters' policies."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        place.fail(Code.NETWORK, f"{text!r} is no network", "write it as a CIDR, such as 10.0.0.0/8 or fd00::/8")
