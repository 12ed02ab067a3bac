"""What a run has seen so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from edict.policy.fidelity import Fidelity
from edict.policy.model import PolicySpec, Tier
from edict.policy.rules import rules_of
from edict_agent.translate import Plan
from tests.engines.fuzz.drawing import Drawn
from tests.engines.fuzz.parts import Kind


@dataclass
class Tally:
    """Sums; those of Admin policies are of common ones, those of rules of policies that are kept."""

    worlds: int = 0
    verdicts: int = 0
    allowed: int = 0
    admin: int = 0
    admin_exact: int = 0
    rules: int = 0
    rules_deciding: int = 0
    stricter: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def shares(self) -> dict[str, float]:
        """Return the shares that a run owes."""
        return {
            "exact": self.admin_exact / max(self.admin, 1),
            "deciding": self.rules_deciding / max(self.rules, 1),
            "allow": self.allowed / max(self.verdicts, 1),
            "deny": 1 - self.allowed / max(self.verdicts, 1),
        }

    def outcomes(self) -> str:
        """Return what became of the common policies, by code, and in how many clusters something was stricter."""
        codes = ", ".join(f"{code} {number}" for code, number in self.codes.most_common())
        return f"common policies: {codes}; clusters where a rule is stricter: {self.stricter}"

    def count_fidelity(self, one: Drawn, plan: Plan) -> None:
        """Count the common policies that are exact."""
        if one.kind is not Kind.COMMON:
            return
        outcomes = {outcome.policy: outcome for outcome in plan.policies}
        for policy in one.policies:
            outcome = outcomes[policy.id]
            exact = not outcome.refused and all(rule.fidelity is Fidelity.EXACT for rule in outcome.rules)
            self.codes[outcome.code or "exact"] += 1
            if policy.document.spec.policy.tier is Tier.ADMIN:
                self.admin += 1
                self.admin_exact += exact

    def count_rules(self, kept: Sequence[tuple[str, PolicySpec]], matched: set[tuple[str, str]]) -> None:
        """Count the rules of kept policies, and those that some flow matched."""
        places = [(policy, rule.place) for policy, spec in kept for rule in rules_of(spec)]
        self.rules += len(places)
        self.rules_deciding += sum(place in matched for place in places)
