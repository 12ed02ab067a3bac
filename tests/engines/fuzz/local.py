"""Random NetworkPolicies of the cluster itself, as far as all plugins read them alike.

Their blocks hold neither pods nor nodes, and their ports have no names: of those upstream says less than it should.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET

from edict.policy.local import (
    API_VERSION,
    IpBlock,
    LocalEgressRule,
    LocalIngressRule,
    LocalMeta,
    LocalPeer,
    LocalPort,
    LocalSpec,
    NetworkPolicy,
)
from tests.engines.fuzz.parts import namespaces, pod_labels
from tests.engines.fuzz.worlds import NAMES

_BLOCKS = (
    IpBlock(cidr="203.0.113.0/24"),
    IpBlock(cidr="203.0.113.7/32"),
    IpBlock(cidr="203.0.113.0/24", except_=("203.0.113.128/25",)),
    IpBlock(cidr="2001:db8::/32"),
)
_peers = st.one_of(
    st.builds(LocalPeer, pod_selector=pod_labels),
    st.builds(LocalPeer, namespace_selector=namespaces),
    st.builds(LocalPeer, pod_selector=pod_labels, namespace_selector=namespaces),
    st.builds(LocalPeer, ip_block=st.sampled_from(_BLOCKS)),
)
_ports = st.builds(
    lambda protocol, ends: LocalPort(protocol=protocol, port=ends[0], end_port=ends[1]),
    st.sampled_from(("TCP", "UDP")),
    st.sampled_from(((53, UNSET), (80, UNSET), (54, 60), (1, 65535), (UNSET, UNSET))),
)
_few_peers = st.lists(_peers, min_size=1, max_size=2).map(tuple)
_some_peers = st.one_of(st.just(()), _few_peers, _few_peers, _few_peers)
_some_ports = st.lists(_ports, max_size=2).map(tuple)
_ingress = st.lists(st.builds(LocalIngressRule, from_=_some_peers, ports=_some_ports), max_size=2).map(tuple)
_egress = st.lists(st.builds(LocalEgressRule, to=_some_peers, ports=_some_ports), max_size=2).map(tuple)


_COUNTS = st.sampled_from((0, 1, 2, 2, 3, 3))
_TYPES: st.SearchStrategy[tuple[Literal["Ingress", "Egress"], ...]] = st.sampled_from(
    (("Ingress",), ("Egress",), ("Ingress", "Egress"))
)
_WHERE = st.sampled_from(NAMES)


@st.composite
def local_policies(draw: st.DrawFn) -> list[NetworkPolicy]:
    """Draw up to three NetworkPolicies, each of which isolates in some direction."""
    made = []
    for index in range(draw(_COUNTS)):
        types = draw(_TYPES)
        spec = LocalSpec(
            pod_selector=draw(pod_labels),
            policy_types=types,
            ingress=draw(_ingress) if "Ingress" in types else (),
            egress=draw(_egress) if "Egress" in types else (),
        )
        meta = LocalMeta(name=f"local-{index}", namespace=draw(_WHERE))
        made.append(NetworkPolicy(api_version=API_VERSION, metadata=meta, spec=spec))
    return made


def manifest(policy: NetworkPolicy) -> dict[str, Any]:
    """Return the manifest."""
    body: dict[str, Any] = msgspec.to_builtins(policy)
    del body["status"]
    return body
