"""Sets of connections in words a person reads: which clusters, who, whom, and what is spoken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from edict.policy.changes import EVERY_KIND, VERSIONS, About, Example, Kind, Region
from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import LabelSelectorRequirement, Operator
from edict.policy.space import Ground
from edict.policy.space.addresses import Addresses, addresses_in
from edict.policy.space.intervals import Intervals
from edict.policy.space.labels import ACCOUNT, CLUSTER, Labels, Owner
from edict.policy.space.protocols import EVERYTHING, Spoken
from edict.policy.world import LOCAL, Pod

_MANY = 8
"""As many networks as are read one by one; of more their number is told."""
_FEW = 3
_CODES = 256
_PLURAL = {Kind.POD: "pods", Kind.REMOTE: "pods of other clusters", Kind.NODE: "nodes", Kind.OUTSIDE: "outside"}


def clusters_in_words(region: Region) -> str:
    """Return the clusters, ``every`` for all."""
    return _asked(region.clusters, Owner.POD) or "every"


def subject_in_words(region: Region) -> str:
    """Return the pods that the policies are about."""
    return _pods(region.subject)


def peer_in_words(region: Region, ground: Ground) -> str:
    """Return the other end."""
    if region.kinds == {Kind.POD}:
        said = _pods(region.labels)
    elif region.kinds == {Kind.REMOTE}:
        said = f"{_pods(region.labels)} of {_clusters(region.labels)}"
    elif region.kinds == {Kind.NODE}:
        said = " ".join(["nodes", _asked(region.labels, Owner.NODE)]).rstrip()
    elif region.kinds == EVERY_KIND:
        said = "anyone"
    else:
        said = ", ".join(_PLURAL[kind] for kind in Kind if kind in region.kinds)
    at = addresses_in_words(region.addresses & ground.every, ground.every)
    names = [fact.text for fact in sorted(region.so) if fact.about is About.DOMAIN]
    others = [fact.text for fact in sorted(region.not_so) if fact.about is About.DOMAIN]
    return "".join(
        [
            said,
            f" at {at}" if at else "",
            f" called {' and '.join(names)}" if names else "",
            f" not called {' or '.join(others)}" if others else "",
        ]
    )


def addresses_in_words(addresses: Addresses, every: Addresses) -> str:
    """Return networks, or what is left out of a wider one where that is shorter; empty for every address."""
    if not every - addresses:
        return ""
    outside = _networks(every - addresses)
    inside = [text for version in VERSIONS for text in _of_family(addresses.of_family(version))]
    return f"every address but {_listed(outside)}" if len(outside) < len(inside) else _listed(inside)


def spoken_in_words(region: Region) -> str:
    """Return the protocols with ports, or what is left out where that is shorter."""
    inside, outside = list(_protocols(region.spoken)), list(_protocols(EVERYTHING - region.spoken))
    if not outside:
        said = "everything"
    else:
        said = f"all but {', '.join(outside)}" if len(outside) < len(inside) else ", ".join(inside)
    for facts, is_it in ((region.so, ""), (region.not_so, "not ")):
        for fact in sorted(facts):
            if fact.about is About.PORT:
                said += f", {is_it}the port called {fact.text}"
            elif fact.about is About.HTTP:
                said += f", {is_it}HTTP {_request(fact.text)}"
    return said


def example_in_words(example: Example) -> str:
    """Return one connection on one line, who connects first."""
    flow = example.flow
    ends = [_end(address, example) for address in (flow.source, flow.destination)]
    what = flow.protocol.upper()
    if flow.port:
        what = f"{flow.port}/{what}"
    elif flow.icmp_type is not None:
        what = f"{what} type {flow.icmp_type} code {flow.icmp_code}"
    request = f" {flow.request.method} {flow.request.host}{flow.request.path}" if flow.request is not None else ""
    on = f" on {_pairs(example.cluster)}" if example.cluster else ""
    return f"{ends[0]} to {ends[1]} {what}{request}{on}"


def _end(address: str, example: Example) -> str:
    pod = example.world.pod_at(address)
    if pod is not None:
        return _pod(pod, example)
    for node in example.world.nodes_at(address):
        return f"{address} (node {_pairs(node.labels)})" if node.labels else f"{address} (node)"
    names = ", ".join(example.world.names_of(address))
    return f"{address} ({names})" if names else address


def _pod(pod: Pod, example: Example) -> str:
    labels = {name: value for name, value in example.world.namespace_labels(pod).items() if name != NAMESPACE_NAME}
    said = [
        f"namespace {_pairs(labels)}" if labels else "",
        f"pod {_pairs(pod.labels)}" if pod.labels else "",
        f"account {pod.service_account}" if pod.service_account != "default" else "",
        f"cluster {pod.cluster}" if pod.cluster != LOCAL else "",
    ]
    listed = "; ".join(one for one in (pod.addresses[0], *said) if one)
    return f"{pod.namespace}/{pod.name} ({listed})"


def _pods(labels: Labels) -> str:
    namespaces = _asked(labels, Owner.NAMESPACE)
    account = labels.terms.get(ACCOUNT)
    said = [
        " ".join(["pods", _asked(labels, Owner.POD)]).rstrip(),
        f"in {namespaces}" if namespaces else "",
        f"running as {_asked(labels, Owner.ACCOUNT)}" if account is not None else "",
    ]
    return " ".join(one for one in said if one)


def _clusters(labels: Labels) -> str:
    return _asked(labels, Owner.CLUSTER).replace("name", "cluster", 1) if CLUSTER in labels.terms else "other clusters"


def _asked(labels: Labels, owner: Owner) -> str:
    return ", ".join(_requirement(one) for one in labels.asked(owner))


def _requirement(one: LabelSelectorRequirement) -> str:
    key = "namespace" if one.key == NAMESPACE_NAME else one.key
    values = one.values[0] if len(one.values) == 1 else f"({', '.join(one.values)})"
    match one.operator:
        case Operator.IN:
            return f"{key}={values}" if len(one.values) == 1 else f"{key} in {values}"
        case Operator.NOT_IN:
            return f"{key}!={values}" if len(one.values) == 1 else f"{key} not in {values}"
        case Operator.EXISTS:
            return f"with {key}"
        case Operator.DOES_NOT_EXIST:
            return f"without {key}"


def _protocols(spoken: Spoken) -> Iterator[str]:
    for name, word in (("tcp", "TCP"), ("udp", "UDP"), ("sctp", "SCTP")):
        ports: Intervals = getattr(spoken, name)
        if ports == getattr(EVERYTHING, name):
            yield word
        elif ports:
            yield f"{word} {' '.join(map(_interval, ports.parts))}"
    for name, word in (("icmp4", "ICMP"), ("icmp6", "ICMPv6")):
        types: Intervals = getattr(spoken, name)
        if types == getattr(EVERYTHING, name):
            yield word
        elif types:
            yield f"{word} {' '.join(map(_types, types.parts))}"
    if spoken.others:
        yield "other protocols"


def _interval(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def _types(ends: tuple[int, int]) -> str:
    (first, code), (last, last_code) = divmod(ends[0], _CODES), divmod(ends[1], _CODES)
    if (code, last_code) == (0, _CODES - 1):
        return f"type {_interval((first, last))}"
    return f"type {first} code {code}" if ends[0] == ends[1] else f"type {first} code {code} to {last} code {last_code}"


def _request(text: str) -> str:
    return " or ".join(
        " ".join(f"{name} {'|'.join(listed)}" for name, listed in one.items()) for one in msgspec.json.decode(text)
    )


def _pairs(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(dict(labels).items()))


def _of_family(addresses: Addresses) -> list[str]:
    """Return the networks of one IP version, or the one that spans them and what is left out of it."""
    networks = list(addresses.networks())
    if len(networks) < _FEW:
        return list(map(str, networks))
    whole = networks[0]
    while networks[-1].network_address not in whole:
        whole = whole.supernet()
    outside = _networks(addresses_in([str(whole)]) - addresses)
    return [f"{whole} but {' and '.join(outside)}"] if len(outside) < len(networks) else list(map(str, networks))


def _networks(addresses: Addresses) -> list[str]:
    return list(map(str, addresses.networks()))


def _listed(networks: list[str]) -> str:
    shown = networks[:_MANY]
    return ", ".join(shown) + (f" and {len(networks) - _MANY} more" if len(networks) > _MANY else "")
