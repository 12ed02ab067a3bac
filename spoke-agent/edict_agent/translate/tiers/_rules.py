"""The front part of a rule as rules of a ClusterNetworkPolicy: several in a row where it does not fit into one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from edict.policy.rules import Direction
from edict.policy.space import Box
from edict.policy.space.addresses import Addresses
from edict.policy.space.intervals import Interval
from edict.policy.space.peers import Outside, Peer, Pods, Remote
from edict.policy.space.protocols import EVERYTHING, Spoken
from edict_agent.translate.cilium import every_address, protocol_groups
from edict_agent.translate.facts import Facts
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body
from edict_agent.translate.standing import Matching
from edict_agent.translate.tiers._selectors import pods_bodies
from edict_agent.translate.upstream import in_batches

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def upstream_rules(rule: Matching, boxes: Sequence[Box], facts: Facts, leeway: Leeway) -> Iterator[Body]:
    """Yield rules, all of one action, that together match the boxes, which are all of one subject.

    Raises:
        InexactError: a label or a protocol that Cilium does not know.
    """
    by_spoken: dict[Spoken, list[Peer]] = {}
    for box in boxes:
        by_spoken.setdefault(box.spoken, []).append(box.peer)
    head: Body = {"name": rule.rule.rule.name} if rule.rule.rule.name else {}
    head["action"] = str(rule.rule.action)
    for spoken, peers in by_spoken.items():
        for tail in _protocols(spoken, facts, leeway):
            for some in in_batches(peers_bodies(peers, facts)):
                yield head | {_PEERS[rule.rule.direction]: some} | tail


def peers_bodies(peers: Sequence[Peer], facts: Facts) -> Iterator[Body]:
    """Yield peers of a ClusterNetworkPolicy, of which any may match."""
    local = [peer.labels for peer in peers if isinstance(peer, Pods)]
    remote = [peer.labels for peer in peers if isinstance(peer, Remote)]
    yield from pods_bodies(local, remote, facts)
    outside = Addresses()
    for peer in peers:
        if isinstance(peer, Outside):
            outside |= peer.addresses
    if outside:
        for some in in_batches(map(str, (outside & every_address(facts)).networks())):
            yield {"networks": some}


def _protocols(spoken: Spoken, facts: Facts, leeway: Leeway) -> Iterator[Body]:
    if spoken == EVERYTHING:
        yield {}
        return
    protocol_groups(spoken, facts, leeway)  # says what Cilium does not carry
    for some in in_batches(_transports(spoken)):
        yield {"protocols": some}


@lru_cache(maxsize=4096)
def _transports(spoken: Spoken) -> tuple[Body, ...]:
    return tuple({name: {"destinationPort": _port(interval)}} for name, interval in spoken.parts())


def _port(interval: Interval) -> Body:
    first, last = interval
    return {"number": first} if first == last else {"range": {"start": first, "end": last}}
