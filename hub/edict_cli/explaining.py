"""What becomes of one connection, walked by the reference semantics at both of its ends. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import Struct

from edict.errors import UsageError
from edict.policy.checks import PolicySource
from edict.policy.manifests import Observed
from edict.policy.model import Action, Mode
from edict.policy.rules import Direction, rules_of
from edict.policy.semantics import Stage, Step, Why, walk
from edict.policy.world import Flow
from edict_cli.codes import Code
from edict_cli.output import Sheet

_FEW = 3
"""As many policies as are named one by one though they do not select the pod."""


class Place(Struct, frozen=True):
    """One end: ``name`` is ``namespace/pod``, a domain name, or the address again."""

    name: str
    address: str


class SeenStep(Struct, frozen=True):
    """One step of the walk; ``name`` is the rule's own, ``action`` what it does if it ``matched``."""

    tier: Stage
    policy: str
    rule: str
    name: str
    action: Action | None
    matched: bool
    why: Why


class SeenEnd(Struct, frozen=True):
    """What one pod says, by which rule, after which steps; the last of them decided."""

    direction: Direction
    pod: str
    verdict: Action
    tier: Stage
    policy: str
    rule: str
    steps: tuple[SeenStep, ...]


class Explanation(
    Struct,
    frozen=True,
    rename={"source": "from", "destination": "to", "icmp_type": "icmpType", "icmp_code": "icmpCode"},
):
    """What ``-o json`` prints; it is accepted when no end denies it. Type and code are null where it is no ICMP."""

    source: Place
    destination: Place
    protocol: str
    port: int
    verdict: Action
    ends: tuple[SeenEnd, ...]
    icmp_type: int | None = None
    icmp_code: int | None = None

    @property
    def spoken(self) -> str:
        """What is spoken, as ``--port`` takes it."""
        if self.icmp_type is not None:
            return f"icmp/{self.icmp_type}/{self.icmp_code}" if self.icmp_code else f"icmp/{self.icmp_type}"
        return f"{self.port}/{self.protocol.upper()}" if self.port else self.protocol


def explain(  # noqa: PLR0917 - what the walk takes
    observed: Observed,
    policies: Sequence[PolicySource],
    ends: tuple[Place, Place],
    flow: Flow,
    directions: Sequence[Direction],
    agent_namespace: str,
) -> Explanation:
    """Walk the ends that are pods of the cluster.

    Raises:
        UsageError: EDICT0626; none of the ends that are asked is one, or both are.
    """
    if ends[0].address == ends[1].address:
        raise UsageError(
            Code.CONNECTION,
            f"{ends[0].name} would speak to itself, which no policy is asked about",
            where="--from, --to",
            remedy="give two ends",
        )
    named = [(one.id, one.document.spec.policy) for one in policies if one.document.spec.mode is Mode.ENFORCE]
    names = {(policy, rule.place): rule.rule.name for policy, spec in named for rule in rules_of(spec)}
    seen = []
    for direction in directions:
        steps = list(walk(named, observed.network_policies, observed.world, direction, flow, agent_namespace))
        if steps:
            seen.append(_end(direction, ends[direction is Direction.INGRESS].name, steps, names))
    if not seen:
        raise UsageError(
            Code.CONNECTION,
            f"no policy speaks of {ends[0].name} to {ends[1].name}: no end asked is a pod with an address of its own",
            where="--from, --to, --direction",
            remedy="give a pod that is not host-networked, or its address",
        )
    denied = any(end.verdict is Action.DENY for end in seen)
    verdict = Action.DENY if denied else Action.ACCEPT
    return Explanation(
        *ends, flow.protocol, flow.port, verdict, tuple(seen), icmp_type=flow.icmp_type, icmp_code=flow.icmp_code
    )


def sheet(explained: Explanation, *, wide: bool = False) -> Sheet:
    """Return a row for each step, at each end in the order of the walk.

    Where more than a few policies after each other do not select the pod, they are one row, unless it is ``wide``.
    """
    rows = []
    for end in explained.ends:
        whose = f"{end.direction} of {end.pod}"
        for (why, tier), group in groupby(end.steps, key=lambda step: (step.why, step.tier)):
            steps = list(group)
            if why is Why.NOT_SUBJECT and len(steps) > _FEW and not wide:
                rows.append([whose, tier.value, f"{len(steps)} policies", "-", "-", f"do not select {end.pod}"])
                continue
            rows += [
                [
                    whose,
                    tier.value,
                    step.policy or "-",
                    f"{step.rule} {step.name}".strip() or "-",
                    _result(step, last=step is end.steps[-1]),
                    _why(why, end, explained),
                ]
                for step in steps
            ]
    return Sheet(["end", "tier", "policy", "rule", "result", "why"], rows)


def headline(explained: Explanation) -> Iterator[str]:
    """Yield who decided at each end, and what that makes of the connection."""
    for end in explained.ends:
        by = " ".join(part for part in (end.policy, end.rule) if part) or "the default"
        yield f"{end.direction} of {end.pod}: {end.verdict} by {by} ({end.tier})."
    yield f"{explained.verdict}: {explained.source.name} to {explained.destination.name}, {explained.spoken}."


def _end(direction: Direction, pod: str, steps: Sequence[Step], names: dict[tuple[str, str], str]) -> SeenEnd:
    seen = tuple(
        SeenStep(
            step.stage,
            step.policy,
            step.rule,
            "" if step.stage is Stage.NETWORK_POLICY else names.get((step.policy, step.rule), ""),
            step.action,
            step.matched,
            step.why,
        )
        for step in steps
    )
    last = seen[-1]
    verdict = Action.ACCEPT if last.action is Action.ACCEPT else Action.DENY
    return SeenEnd(direction, pod, verdict, last.tier, last.policy, last.rule, seen)


def _result(step: SeenStep, *, last: bool) -> str:
    if last and step.action is not None:
        return f"{step.action}, decides"
    return "Pass, leaves the tier" if step.matched else "-"


def _why(why: Why, end: SeenEnd, explained: Explanation) -> str:
    other = explained.destination if end.direction is Direction.EGRESS else explained.source
    return {
        Why.MATCHED: "matches",
        Why.NOT_SUBJECT: f"does not select {end.pod}",
        Why.NO_PEER: f"{other.name} is no peer of it",
        Why.NO_PROTOCOL: f"{explained.spoken} is none of its protocols",
        Why.NO_REQUEST: "no HTTP request that it accepts",
        Why.NOT_UNDERSTOOD: "not understood, so it fails closed",
        Why.NOT_ALLOWED: f"{end.pod} is isolated, and no rule allows it",
        Why.NOBODY_DECIDED: "no tier decided",
    }[why]
