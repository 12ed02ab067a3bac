"""One rule of ours as upstream rules: one, or several in a row where its peers do not fit into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body
from edict_agent.translate.upstream._peers import MAX_ITEMS, Fields, in_batches, upstream_peers
from edict_agent.translate.upstream._protocols import upstream_protocols

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def upstream_rule(rule: PlacedRule, known: Fields, leeway: Leeway) -> Iterator[Body]:
    """Yield the rules, all of one action: any of them matches where ours does, so that they mean the same in a row.

    Raises:
        InexactError: the rule cannot be said exactly, and has no leeway for it.
    """
    if rule.rule.http:
        raise InexactError(Reason.HTTP, "a ClusterNetworkPolicy does not match HTTP", "match the port instead")
    if rule.rule.log:
        raise InexactError(Reason.LOG, "a ClusterNetworkPolicy does not log its rules", "remove log")
    head: Body = {"name": rule.rule.name} if rule.rule.name else {}
    head["action"] = str(rule.action)
    protocols = upstream_protocols(rule.protocols, leeway)
    tail: Body = {"protocols": protocols} if protocols else {}
    for some in in_batches(upstream_peers(rule, known, leeway)):
        yield head | {_PEERS[rule.direction]: some} | tail


def fitting(bodies: Iterable[Body], there: Sequence[Body]) -> list[Body]:
    """Return the rules as far as they fit into an object beside those that are there, and one more, which shows.

    The rest are not even made: the exceptions of one network can leave millions of networks.
    """
    return list(islice(bodies, max(MAX_ITEMS + 1 - len(there), 0)))
