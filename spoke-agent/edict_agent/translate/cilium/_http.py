"""HTTP requests as rules of Cilium's proxy.

A port with such rules goes through the proxy, whoever else allows it, and there a request passes that any allow
matches: of a rule without requests, of a NetworkPolicy, or by default where nothing isolates the pod
(``ensureWildcard`` and ``appendL7WildcardRule`` in ``pkg/policy``). So all that is not matched goes on, as it should,
but for what is no HTTP: that the proxy refuses. And no Deny can have the rest of the requests: it would have them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edict.policy.model import Http
from edict.policy.space.intervals import Interval
from edict.policy.space.protocols import EVERYTHING, PORTS, Spoken
from edict_agent.translate.codes import Reason
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.plan import Body

_SPECIAL = re.compile(r"([.^$*+?()\[\]{}|\\])")
_BEHIND_A_PATH = "([?#].*)?"
_PORT_OF_A_HOST = "(:[0-9]+)?"


def proxied() -> InexactError:
    """Return why a rule that matches requests is not exact."""
    return InexactError(
        Reason.HTTP,
        "Cilium's proxy refuses whatever is no HTTP on these ports, which a later rule or a NetworkPolicy may accept",
        "say onInexact: Stricter where nothing else is spoken there, or match the port alone",
    )


def http_ports(spoken: Spoken, facts: Facts) -> tuple[Interval, ...]:
    """Return the ports of TCP whose requests are matched.

    Raises:
        InexactError: the proxy is switched off, or would get every port there is.
    """
    if not facts.enabled("enable-l7-proxy", default=True):
        raise InexactError(Reason.PLUGIN_OPTION, "Cilium's proxy is switched off", "set enable-l7-proxy in Cilium")
    if spoken == EVERYTHING or PORTS.parts[0] in spoken.tcp.parts:
        raise InexactError(
            Reason.HTTP, "Cilium matches requests on given ports alone, not on every port", "name the ports"
        )
    return tuple(spoken.tcp.parts)


def http_rules(requests: Iterable[Http]) -> list[Body]:
    """Return the rules of the proxy, of which any may match.

    Every field is a regular expression that must match the whole of a header, the path with its query.

    Raises:
        InexactError: a path that no request has.
    """
    return [_rule(one) for one in requests]


def _rule(one: Http) -> Body:
    body: Body = {}
    if one.methods:
        body["method"] = _any_of(one.methods)
    if one.paths:
        body["path"] = _any_of(map(_path, one.paths), grouped=True) + _BEHIND_A_PATH
    if one.hosts:
        body["host"] = f"(?i){_any_of(one.hosts, grouped=True)}{_PORT_OF_A_HOST}"
    return body


def _path(path: str) -> str:
    if set("?#") & set(path):
        raise InexactError(
            Reason.HTTP, f"the path {path} holds a query, and no path of a request does", "write what stands before it"
        )
    return path


def _any_of(texts: Iterable[str], *, grouped: bool = False) -> str:
    known = [_SPECIAL.sub(r"\\\1", text) for text in dict.fromkeys(texts)]
    return f"({'|'.join(known)})" if grouped and len(known) > 1 else "|".join(known)
