r"""What a rule matches as boxes, subject by peer by protocols, with their differences.

(S2, P2, Q2) without (S1, P1, Q1) is (S2\S1, P2, Q2), (S2&S1, P2\P1, Q2) and (S2&S1, P2&P1, Q2\Q1): disjoint boxes,
so that boxes which a later difference does not meet stay whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import UNSET, Struct
from msgspec.structs import replace

from edict.policy.model import EgressPeer, IngressPeer, LabelSelector, NamespacedPod, Protocol, Subject
from edict.policy.space.labels import EVERY_POD, Labels, labels_of
from edict.policy.space.peers import (
    ANYONE,
    Anyone,
    Ground,
    Nodes,
    Outside,
    Peer,
    Pods,
    Remote,
    UnknowableError,
    both,
    meet,
    minus,
    peers_of,
)
from edict.policy.space.protocols import Spoken, spoken_of

MAX_BOXES = 64
"""As many boxes as one rule may become: differences may double them, and nobody could read the result."""


class TooManyBoxesError(Exception):
    """A difference of more than :data:`MAX_BOXES` boxes."""


class Box(Struct, frozen=True, gc=False):
    """Connections of pods in ``subject`` with ``peer`` by ``spoken``, in one direction that the caller knows."""

    subject: Labels
    peer: Peer
    spoken: Spoken

    def meets(self, other: Box, ground: Ground) -> bool:
        """Tell whether a connection may be in both; False only when certainly none is."""
        return (
            self.subject.meets(other.subject)
            and self.spoken.meets(other.spoken)
            and meet(self.peer, other.peer, ground)
        )

    def minus(self, other: Box, ground: Ground) -> Iterator[Box]:
        """Yield disjoint boxes that together are this one without the other: as many as the other has labels, or more.

        Raises:
            UnknowableError: it cannot be said, for nobody knows who has which address, or what a port's name means.
        """
        if not self.meets(other, ground):
            yield self
            return
        for part in self.subject - other.subject:
            yield replace(self, subject=part)
        inside = replace(self, subject=self.subject & other.subject)
        for peer in minus(self.peer, other.peer, ground):
            yield replace(inside, peer=peer)
        left = _left_of(self.spoken, other.spoken)
        if left:
            yield replace(inside, peer=both(self.peer, other.peer), spoken=left)


def _left_of(spoken: Spoken, other: Spoken) -> Spoken:
    unclear = (spoken.names - other.names and not other.holds_every_port) or (other.names and spoken.has_ports)
    if unclear and spoken.meets(other):
        raise UnknowableError
    return spoken - other


def subject_labels(subject: Subject) -> Labels:
    """Return the pods that a policy is about; none where the subject is of an unknown kind."""
    if subject.pods is not UNSET:
        return labels_of(subject.pods)
    if subject.namespaces is not UNSET:
        return labels_of(NamespacedPod(pod_selector=LabelSelector(), namespace_selector=subject.namespaces))
    return EVERY_POD


def boxes_of(
    subject: Subject, peers: Iterable[IngressPeer | EgressPeer], protocols: Iterable[Protocol], ground: Ground
) -> list[Box]:
    """Return the boxes of a rule, one for each kind of peer; http narrows none of them."""
    return boxes_about(subject_labels(subject), peers, protocols, ground)


def boxes_about(
    whose: Labels, peers: Iterable[IngressPeer | EgressPeer], protocols: Iterable[Protocol], ground: Ground
) -> list[Box]:
    """Return the boxes of a rule, as :func:`boxes_of` does, by the labels of its subject."""
    if not whose:
        return []
    spoken = spoken_of(protocols)
    return [Box(whose, peer, spoken) for peer in peers_of(peers, ground) if not _is_empty(peer)]


def difference(boxes: Iterable[Box], others: Iterable[Box], ground: Ground, most: int = MAX_BOXES) -> list[Box]:
    """Return disjoint pieces of the boxes that no other box meets.

    Raises:
        UnknowableError: it cannot be said.
        TooManyBoxesError: there would be more than ``most`` boxes.
    """
    left = list(boxes)
    for other in others:
        left = list(islice((piece for box in left for piece in box.minus(other, ground)), most + 1))
        if len(left) > most:
            raise TooManyBoxesError
    return left


def uncovered(boxes: Iterable[Box], others: Iterable[Box], ground: Ground) -> list[Box]:
    """Return what is left of the boxes, and perhaps more: what cannot be said to be covered counts as left."""
    left = list(boxes)
    for other in others:
        left = [piece for box in left for piece in _at_most(box, other, ground)]
        if len(left) > MAX_BOXES:
            return left
    return left


def _at_most(box: Box, other: Box, ground: Ground) -> list[Box]:
    try:
        pieces = list(islice(box.minus(other, ground), MAX_BOXES + 1))
    except UnknowableError:
        return [box]
    return pieces if len(pieces) <= MAX_BOXES else [box]


def joined(boxes: Sequence[Box]) -> list[Box]:
    """Return fewer boxes that are the same together, in a stable order: protocols, then addresses, are united."""
    if len(boxes) <= 1:
        return list(boxes)
    by_peer: dict[tuple[Labels, Peer], Spoken] = {}
    for box in boxes:
        key = (box.subject, box.peer)
        by_peer[key] = by_peer[key] | box.spoken if key in by_peer else box.spoken
    by_spoken: dict[tuple[Labels, Spoken], list[Peer]] = {}
    for (subject, peer), spoken in by_peer.items():
        by_spoken.setdefault((subject, spoken), []).append(peer)
    return [
        Box(subject, peer, spoken) for (subject, spoken), peers in by_spoken.items() for peer in _joined_peers(peers)
    ]


def _joined_peers(peers: Iterable[Peer]) -> Iterator[Peer]:
    outside = None
    for peer in peers:
        if isinstance(peer, Anyone):
            yield ANYONE
            return
        if isinstance(peer, Outside):
            outside = peer if outside is None else Outside(outside.addresses | peer.addresses)
        else:
            yield peer
    if outside is not None:
        yield outside


def _is_empty(peer: Peer) -> bool:
    return isinstance(peer, Pods | Remote | Nodes) and peer.labels is not None and not peer.labels
