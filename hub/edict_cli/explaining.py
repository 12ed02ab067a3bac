"""What becomes of one connection, walked by the reference semantics at both of its ends. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


class Explanation(Struct, frozen=True, rename={"source": "from", "destination": "to"}):
    """What ``-o json`` prints; it is accepted when no end denies it."""

    source: Place
    destination: Place
    protocol: str
    port: int
    verdict: Action
    ends: tuple[SeenEnd, ...]


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
        UsageError: EDICT0626; none of the ends that are asked is one.
    """
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
    return Explanation(*ends, flow.protocol, flow.port, verdict, tuple(seen))


def sheet(explained: Explanation) -> Sheet:
    """Return a row for each step, at each end in the order of the walk."""
    rows = [
        [
            f"{end.direction} of {end.pod}",
            step.tier.value,
            step.policy or "-",
            f"{step.rule} {step.name}".strip() or "-",
            _result(step, last=step is end.steps[-1]),
            _why(step.why, end, explained),
        ]
        for end in explained.ends
        for step in end.steps
    ]
    return Sheet(["end", "tier", "policy", "rule", "result", "why"], rows)


def headline(explained: Explanation) -> Iterator[str]:
    """Yield who decided at each end, and what that makes of the connection."""
    for end in explained.ends:
        by = " ".join(part for part in (end.policy, end.rule) if part) or "the default"
        yield f"{end.direction} of {end.pod}: {end.verdict} by {by} ({end.tier})."
    spoken = f"{explained.protocol} {explained.port}" if explained.port else explained.protocol
    yield f"{explained.verdict}: {explained.source.name} to {explained.destination.name}, {spoken}."


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
    spoken = f"{explained.protocol}/{explained.port}" if explained.port else explained.protocol
    return {
        Why.MATCHED: "matches",
        Why.NOT_SUBJECT: f"does not select {end.pod}",
        Why.NO_PEER: f"{other.name} is no peer of it",
        Why.NO_PROTOCOL: f"{spoken} is none of its protocols",
        Why.NO_REQUEST: "no HTTP request that it accepts",
        Why.NOT_UNDERSTOOD: "not understood, so it fails closed",
        Why.NOT_ALLOWED: f"{end.pod} is isolated, and no rule allows it",
        Why.NOBODY_DECIDED: "no tier decided",
    }[why]
