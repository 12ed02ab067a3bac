"""Documents in memory: frozen structs by their upstream names.

``spec.policy`` is the ``spec`` of ``policy.networking.k8s.io/v1alpha2`` ClusterNetworkPolicy
(network-policy-api v0.2.0, ``apis/v1alpha2/clusternetworkpolicy_types.go``, experimental channel). Fields
marked *Edict* are ours and stand beside the upstream ones. Parsing is :mod:`edict.policy.parse`; limits that
types cannot say are :mod:`edict.policy.validate`.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

API_VERSION: Final = "federation.edict.dev/v1alpha1"
LANGUAGE_LEVEL: Final = 1
"""The language level of the constructs below; publish compares it with what each agent says in ``Hello``."""


class Document(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Base of every struct that is read from YAML: strict, frozen, camelCase outside."""


class Tier(enum.StrEnum):
    """Which of the two upstream tiers a policy stands in."""

    ADMIN = "Admin"
    BASELINE = "Baseline"


class Action(enum.StrEnum):
    """What a matching rule does."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105 - the upstream word for "leave the tier"


class Mode(enum.StrEnum):
    """Whether a policy is enforced or only observed."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class OnInexact(enum.StrEnum):
    """What a cluster does with a policy that its dialect cannot say exactly."""

    REFUSE = "Refuse"
    STRICTER = "Stricter"


class Operator(enum.StrEnum):
    """Operators of a label selector's ``matchExpressions``."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelSelectorRequirement(Document, frozen=True):
    """One requirement; all of a selector's must hold. ``NotIn`` also matches where the key is absent."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


class LabelSelector(Document, frozen=True):
    """``metav1.LabelSelector``: empty selects everything."""

    match_labels: dict[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class NamespacedPod(Document, frozen=True):
    """Pods selected by namespace labels and pod labels."""

    pod_selector: LabelSelector
    namespace_selector: LabelSelector = LabelSelector()


class Subject(Document, frozen=True):
    """Whom a policy applies to: exactly one field is set. Host-networked pods are never selected."""

    namespaces: LabelSelector | UnsetType = UNSET
    pods: NamespacedPod | UnsetType = UNSET


PortNumber: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]


class PortRange(Document, frozen=True):
    """An inclusive range with start < end."""

    start: PortNumber
    end: PortNumber


class Port(Document, frozen=True):
    """A port number or a range: exactly one."""

    number: PortNumber | UnsetType = UNSET
    range: PortRange | UnsetType = UNSET


class TransportMatch(Document, frozen=True):
    """A protocol with an optional destination port; empty is every port (*Edict*, upstream wants it)."""

    destination_port: Port | UnsetType = UNSET


class Icmp(Document, frozen=True):
    """*Edict*: ICMP of one address family; without ``type`` every type."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    type: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    code: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET


class Protocol(Document, frozen=True):
    """Exactly one field is set. ``icmp`` is *Edict*."""

    tcp: TransportMatch | UnsetType = UNSET
    udp: TransportMatch | UnsetType = UNSET
    sctp: TransportMatch | UnsetType = UNSET
    destination_named_port: str | UnsetType = UNSET
    icmp: Icmp | UnsetType = UNSET


class NetworkExcept(Document, frozen=True):
    """*Edict*: a network without some of its parts."""

    cidr: str
    except_: tuple[str, ...] = ()


Network: TypeAlias = "str | NetworkExcept"


class ServiceAccountPeer(Document, frozen=True):
    """*Edict*: pods that run as one of the named service accounts in the selected namespaces."""

    names: tuple[str, ...]
    namespace_selector: LabelSelector = LabelSelector()


class ClusterPeer(Document, frozen=True):
    """*Edict*: pods of other clusters of the mesh, by name of the cluster."""

    names: tuple[str, ...]
    pods: NamespacedPod | UnsetType = UNSET


class IngressPeer(Document, frozen=True):
    """Exactly one field is set. ``networks``, ``serviceAccounts`` and ``clusters`` are *Edict*."""

    namespaces: LabelSelector | UnsetType = UNSET
    pods: NamespacedPod | UnsetType = UNSET
    networks: tuple[Network, ...] | UnsetType = UNSET
    service_accounts: ServiceAccountPeer | UnsetType = UNSET
    clusters: ClusterPeer | UnsetType = UNSET


class EgressPeer(Document, frozen=True):
    """Exactly one field is set. ``serviceAccounts``, ``clusters``, a network's ``except`` are *Edict*."""

    namespaces: LabelSelector | UnsetType = UNSET
    pods: NamespacedPod | UnsetType = UNSET
    nodes: LabelSelector | UnsetType = UNSET
    networks: tuple[Network, ...] | UnsetType = UNSET
    domain_names: tuple[str, ...] | UnsetType = UNSET
    service_accounts: ServiceAccountPeer | UnsetType = UNSET
    clusters: ClusterPeer | UnsetType = UNSET


class Http(Document, frozen=True):
    """*Edict*: an HTTP request, for Accept only."""

    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class IngressRule(Document, frozen=True):
    """One ordered ingress rule. ``http`` and ``log`` are *Edict*."""

    action: Action
    from_: tuple[IngressPeer, ...]
    name: str = ""
    protocols: tuple[Protocol, ...] = ()
    http: tuple[Http, ...] = ()
    log: bool = False


class EgressRule(Document, frozen=True):
    """One ordered egress rule. ``http`` and ``log`` are *Edict*."""

    action: Action
    to: tuple[EgressPeer, ...]
    name: str = ""
    protocols: tuple[Protocol, ...] = ()
    http: tuple[Http, ...] = ()
    log: bool = False


class PolicySpec(Document, frozen=True):
    """The ``spec`` of an upstream ClusterNetworkPolicy."""

    tier: Tier
    priority: Annotated[int, Meta(ge=0, le=1000)]
    subject: Subject
    ingress: tuple[IngressRule, ...] = ()
    egress: tuple[EgressRule, ...] = ()
