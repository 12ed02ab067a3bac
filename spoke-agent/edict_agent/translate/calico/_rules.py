"""One rule of ours as Calico rules: its sides times its matches, in a stable order, all with the same action.

``source`` and ``destination`` are always there, for Calico's API server writes them where they are not: what is
stored is what was rendered.
"""

from __future__ import annotations

from typing import assert_never

from edict.policy.model import Action
from edict.policy.rules import Direction, PlacedRule
from edict_agent.translate.calico._peers import Side, sides
from edict_agent.translate.calico._protocols import Match, matches
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import Body

_ANNOTATION = "federation.edict.dev/rule"


def calico_rules(rule: PlacedRule, facts: Facts, leeway: Leeway) -> list[Body]:
    """Return the rules; none when it can match nothing, as ICMPv6 to an IPv4 network.

    Raises:
        InexactError: the rule cannot be said exactly, and there is no leeway for it.
    """
    if rule.rule.http:
        raise InexactError(
            Reason.HTTP,
            "HTTP needs Calico's application layer policy, which is off by default",
            "match the port instead",
        )
    found = matches(rule.protocols)
    bodies = [
        _body(rule, side, match)
        for side in sides(rule, facts, leeway)
        for match in found
        if side.version is None or match.version is None or side.version == match.version
    ]
    if rule.rule.log:
        return [logged for body in bodies for logged in ({"action": "Log"} | _without_action(body), body)]
    return bodies


def _body(rule: PlacedRule, side: Side, match: Match) -> Body:
    ports: Body = {"ports": list(match.ports)} if match.ports else {}
    if rule.direction is Direction.INGRESS:
        source, destination = side.body, ports
    else:
        source, destination = {}, side.body | ports
    return (
        {"action": _action(rule.action)}
        | match.body
        | {"source": source, "destination": destination}
        | {"metadata": {"annotations": {_ANNOTATION: rule.place}}}
    )


def _without_action(body: Body) -> Body:
    return {key: value for key, value in body.items() if key != "action"}


def _action(action: Action) -> str:
    match action:
        case Action.ACCEPT:
            return "Allow"
        case Action.DENY:
            return "Deny"
        case Action.PASS:
            return "Pass"
        case _:
            assert_never(action)
