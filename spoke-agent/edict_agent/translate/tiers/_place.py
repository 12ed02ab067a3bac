"""Which part of a rule is front, in a ClusterNetworkPolicy, and which is late, behind all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from edict.policy.model import Action
from edict.policy.rules import Direction
from edict.policy.space import Box
from edict.policy.space.intervals import NOTHING
from edict.policy.space.peers import Anyone, Nodes, Outside, Pods, Remote
from edict.policy.space.protocols import EVERYTHING, PORTS, Spoken
from edict_agent.translate.cilium import is_dns_alone, is_proxied
from edict_agent.translate.facts import Facts
from edict_agent.translate.standing import Matching, Standing

_EVERY_KIND: tuple[Pods | Remote | Outside | Nodes, ...] = (Pods(), Remote(), Outside(), Nodes())


@dataclass(frozen=True)
class Part(Matching):
    """A part of what a rule matches; ``proxied`` where it goes through the DNS proxy."""

    part: tuple[Box, ...]
    proxied: bool = False

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """The part."""
        return self.part


@dataclass(frozen=True)
class Placed:
    """A rule in two parts, each of several boxes."""

    front: tuple[Box, ...]
    late: tuple[Box, ...]


def late_parts(one: Standing) -> Iterator[Part]:
    """Yield what is late of a policy that has been judged, in the order of its rules."""
    for rule in one.rules:
        boxes = one.late.get(rule.rule.place)
        if boxes:
            yield late_part(rule, one, boxes)


def late_part(rule: Matching, own: Standing, boxes: tuple[Box, ...]) -> Part:
    """Return the late part of a rule."""
    return Part(rule.policy, rule.rule, rule.ground, rule.subject, boxes, is_proxied(rule, own))


def place(rule: Matching, own: Standing, earlier: Sequence[Part], facts: Facts) -> Placed:
    """Return a rule's parts, given what of earlier rules is late.

    A rule that goes through the DNS proxy is late as a whole: a ClusterNetworkPolicy would let it past the proxy. So is
    every other that accepts DNS alone, which would let the questions of later policies with domain names past it, and
    every rule that accepts requests, which a ClusterNetworkPolicy cannot tell apart.
    """
    if rule.rule.rule.http or is_proxied(rule, own) or is_dns_alone(rule.rule):
        return Placed((), rule.boxes)
    others = [one for one in earlier if one.rule.direction is rule.rule.direction and _conflict(one, rule.rule.action)]
    front: list[Box] = []
    late: list[Box] = []
    for whole in rule.boxes:
        for piece in pieces(whole):
            ahead, behind = _parted(piece, rule.rule.direction, others, facts)
            front += ahead
            late += behind
    return Placed(tuple(front), tuple(late))


def pieces(box: Box) -> Iterator[Box]:
    """Yield a box by kinds of peers, and there what a ClusterNetworkPolicy has a name for apart from the rest."""
    kinds = _EVERY_KIND if isinstance(box.peer, Anyone) else (box.peer,)
    for peer in kinds:
        if box.spoken == EVERYTHING:
            yield replace(box, peer=peer)
            continue
        for spoken in _by_name(box.spoken):
            yield Box(box.subject, peer, spoken)


def is_sayable(box: Box, direction: Direction) -> bool:
    """Tell whether a ClusterNetworkPolicy has words for a piece, as Cilium reads them."""
    match box.peer:
        case Pods() | Remote():
            known = True
        case Outside():
            known = direction is Direction.EGRESS
        case _:
            known = False
    return known and (box.spoken == EVERYTHING or not _has_rest(box.spoken))


def _conflict(late: Part, action: Action) -> bool:
    """Tell whether a later rule must not decide before a late one: not where it passes on, nor where it says the same.

    An Accept in front of one that goes through the DNS proxy would let it past the proxy.
    """
    return action is not Action.PASS and (late.rule.action is not action or late.proxied)


def _parted(
    piece: Box, direction: Direction, others: Sequence[Part], facts: Facts
) -> tuple[Sequence[Box], Sequence[Box]]:
    """Return what is front of a piece and what is late.

    Where everything that is spoken meets something late, that may be for what has no name alone; the ports are front
    then, but for SCTP where Cilium drops it anyhow.
    """
    if not is_sayable(piece, direction):
        return (), (piece,)
    if not _meets(piece, others):
        return (piece,), ()
    if piece.spoken == EVERYTHING:
        sctp = PORTS if facts.enabled("enable-sctp", default=False) else NOTHING
        named, rest = (replace(piece, spoken=spoken) for spoken in _by_name(replace(EVERYTHING, sctp=sctp)))
        if not _meets(named, others):
            return (named,), (rest,)
    return (), (piece,)


def _meets(piece: Box, others: Sequence[Part]) -> bool:
    return any(piece.meets(box, one.ground) for one in others for box in one.boxes)


def _by_name(spoken: Spoken) -> Iterator[Spoken]:
    if not _has_rest(spoken):
        yield spoken
        return
    if spoken.has_ports:
        yield Spoken(tcp=spoken.tcp, udp=spoken.udp, sctp=spoken.sctp)
    yield replace(spoken, tcp=NOTHING, udp=NOTHING, sctp=NOTHING)


def _has_rest(spoken: Spoken) -> bool:
    """Tell whether upstream has no name for a part of it as Cilium reads it: ICMP, other protocols, ports by name."""
    return bool(spoken.others or spoken.icmp4 or spoken.icmp6 or spoken.names)
