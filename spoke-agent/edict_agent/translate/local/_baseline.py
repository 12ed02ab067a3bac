"""Baseline policies as isolation.

Behind Baseline everything is open. So a Baseline Accept or Pass says nothing by itself; it only keeps what it matches
from a later Deny, which can then not be the isolation of whole pods.
"""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.model import Action
from edict_agent.translate.codes import Reason
from edict_agent.translate.inexact import InexactError
from edict_agent.translate.local._peers import refuse_extras
from edict_agent.translate.standing import Matching

_REMEDY = "deny the whole direction in Baseline, and write the exceptions as Admin Accepts"


def check_baseline(rule: Matching, earlier: Iterable[Matching]) -> None:
    """Check a Baseline rule against those before it that may meet it.

    Raises:
        InexactError: it is no isolation.
    """
    refuse_extras(rule.rule)
    if rule.rule.action is not Action.DENY or not rule.boxes:
        return  # it says nothing by itself, or its subject selects nobody
    if not rule.is_everything:
        raise InexactError(
            Reason.ALLOWS_ONLY,
            "a NetworkPolicy cannot deny a part of a direction",
            f"{_REMEDY}: networks 0.0.0.0/0 and ::/0 without protocols",
        )
    for other in earlier:
        if other.rule.action is not Action.DENY and other.meets(rule):
            raise InexactError(
                Reason.ORDER,
                f"{other.policy} {other.rule.place} says {other.rule.action} before it to what it may match, and "
                "NetworkPolicies have no order",
                _REMEDY,
            )
