"""Admin policies: allows and denies that turn on no default deny."""

from __future__ import annotations

from collections.abc import Iterable

from edict.policy.fidelity import RuleFidelity
from edict_agent.translate.cilium._sections import Sections, check_rule
from edict_agent.translate.facts import Facts
from edict_agent.translate.inexact import InexactError, unsupported
from edict_agent.translate.leeway import Leeway
from edict_agent.translate.plan import PlacedPolicy
from edict_agent.translate.standing import Standing
from edict_agent.translate.target import Outcome


def translate_admin(policy: PlacedPolicy, own: Standing, before: Iterable[Standing], facts: Facts) -> Outcome:
    """Translate a policy of the Admin tier to one object.

    Args:
        policy: the policy.
        own: its rules with what they match.
        before: the kept policies of the tier that stand before it and share a pod with it, in their order.
        facts: what is known of the cluster.
    """
    earlier = [rule for one in before for rule in one.rules]
    told: list[RuleFidelity] = []
    sections = Sections(facts)
    for rule in own.rules:
        leeway = Leeway(rule.rule.action)
        try:
            check_rule(rule, own, facts)
            said = sections.add(rule, own, earlier, leeway)
            if rule.boxes and leeway.taken is not None and not said:
                raise leeway.taken
            told.append(leeway.fidelity(rule.rule.place))
        except InexactError as error:
            told.append(unsupported(rule.rule.place, error))
        earlier.append(rule)
    return Outcome(rules=tuple(told), objects=sections.objects(policy))
