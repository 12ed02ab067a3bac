"""What should stand: the new documents where they can be said exactly, what stood before where they cannot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from edict.ids import Digest
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.fidelity import RuleFidelity
from edict.policy.model import Tier
from edict_agent.sync.judge import Placed
from edict_agent.translate import Translator
from edict_agent.translate.dialect import Dialect
from edict_agent.translate.objects import policy_label
from edict_agent.translate.plan import PlacedPolicy, Plan, PolicyPlan
from edict_agent.waived import NOTHING_WAIVED, Waived

Before: TypeAlias = Callable[[str], "tuple[Digest, FederatedNetworkPolicy | None] | None"]
"""Returns the document of a policy that stands now; its digest alone where its team may no longer say it."""


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What becomes of the document that a release has for one policy."""

    refused: bool
    rules: tuple[RuleFidelity, ...] = ()
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Desired:
    """The plan of a release.

    Attributes:
        plan: what to apply.
        documents: by policy id, the digest of the release's document that the plan was made for.
        outcomes: by policy id, of the release's own documents.
        standing: by policy id, the digest of the document that the plan's objects come from.
        kept: labels of policies whose standing objects stay as they are, because neither document can be said.
        waived: what waivers left of the release when the plan was made.
    """

    plan: Plan
    documents: dict[str, Digest] = field(default_factory=dict)
    outcomes: dict[str, PolicyOutcome] = field(default_factory=dict)
    standing: dict[str, Digest] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    waived: Waived = NOTHING_WAIVED


def desire_waived(translator: Translator, waived: Waived, before: Before) -> Desired:
    """Do what :func:`desire` does with what waivers leave; what stands in a refused document's place is waived too."""

    def left_before(policy: str) -> tuple[Digest, FederatedNetworkPolicy | None] | None:
        match before(policy):
            case (digest, FederatedNetworkPolicy() as document):
                return digest, waived.without_rules(policy, document)
            case found:
                return found

    desired = desire(translator, waived.policies, left_before)
    whole = {policy: digest for policy, (digest, _) in waived.whole.items()}
    return replace(desired, documents={**desired.documents, **whole}, waived=waived)


def desire(translator: Translator, policies: Iterable[Placed], before: Before) -> Desired:
    """Translate, put the previous document in the place of each refused one, and repeat until nothing is refused.

    Each policy goes from its new document to its previous one to none, so this ends. A previous one that is beyond the
    limits of its team goes at once.

    Args:
        translator: of this cluster; one that is kept from release to release translates only what has changed.
        policies: of the release.
        before: what stands now.
    """
    documents: dict[str, Digest] = {}
    outcomes: dict[str, PolicyOutcome] = {}
    chosen: dict[str, PlacedPolicy] = {}
    kept: set[str] = set()

    def fall_back(team: str, name: str, digest: Digest) -> None:
        match before(f"{team}/{name}"):
            case (stands, FederatedNetworkPolicy() as document) if stands != digest:
                chosen[f"{team}/{name}"] = PlacedPolicy(team, name, stands, document)
            case (_, None):
                return  # authors took from the team what stands: it goes, as it would with the new document
            case _:
                kept.add(policy_label(f"{team}/{name}"))

    for policy in policies:
        documents[policy.id] = policy.digest
        if policy.document is not None:
            chosen[policy.id] = PlacedPolicy(policy.team, policy.name, policy.digest, policy.document)
        elif policy.problem is not None:
            problem = policy.problem
            outcomes[policy.id] = PolicyOutcome(refused=True, code=problem.code, reason=problem.what)
            fall_back(policy.team, policy.name, policy.digest)
    while True:
        plan = translator.translate([chosen[key] for key in sorted(chosen)])
        refused = [each for each in plan.policies if each.refused]
        outcomes |= {each.policy: _outcome(each) for each in plan.policies if each.digest == documents[each.policy]}
        if not refused:
            break
        for each in _judged_first(translator.dialect, refused, chosen):
            refused_one = chosen.pop(each.policy)
            fall_back(refused_one.team, refused_one.name, refused_one.digest)
    standing = {key: policy.digest for key, policy in chosen.items()}
    return Desired(plan, documents, outcomes, standing, frozenset(kept))


def _judged_first(
    dialect: Dialect, refused: Iterable[PolicyPlan], chosen: Mapping[str, PlacedPolicy]
) -> list[PolicyPlan]:
    """Return those of the first tier: with what stands in their place, a policy of a later tier may be exact."""
    by_tier: dict[Tier, list[PolicyPlan]] = {tier: [] for tier in dialect.tiers}
    for each in refused:
        by_tier[chosen[each.policy].document.spec.policy.tier].append(each)
    return next(some for some in by_tier.values() if some)


def _outcome(plan: PolicyPlan) -> PolicyOutcome:
    return PolicyOutcome(refused=plan.refused, rules=plan.rules, code=plan.code, reason=plan.reason)
