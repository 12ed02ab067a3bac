"""How each policy stands on this cluster: pure, from what was verified, planned and seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from edict.errors import EdictError
from edict.policy.fidelity import Fidelity, RuleFidelity
from edict.policy.lockout import WAY_OUT_ID
from edict.policy.rules import rules_of
from edict.trust.receipts import PolicyReport, PolicyState
from edict_agent.codes import Code
from edict_agent.conformance.acceptance import acceptance, together
from edict_agent.desired import Desired
from edict_agent.kube import Live
from edict_agent.reconcile.reflector import Key
from edict_agent.reconcile.wanted import Progress, Wanted
from edict_agent.sync.judge import Placed, PlacedWaiver


class Standing(Protocol):
    """What the keeper knows."""

    @property
    def wanted(self) -> Mapping[Key, Wanted]:
        """What should stand."""

    def progress(self, key: Key) -> Progress:
        """How far one object has come."""

    def live(self, key: Key) -> Live | None:
        """The object as it was last seen."""


def reports(
    policies: Iterable[Placed],
    desired: Desired | None,
    standing: Standing | None,
    *,
    problem: EdictError | None,
    floor_lost: str,
    waivers: Sequence[PlacedWaiver] = (),
) -> dict[str, PolicyReport]:
    """Return one report for each policy that selects this cluster.

    Args:
        policies: those of the release.
        desired: the plan; None before there is one.
        standing: the keeper; None when there is no plan.
        problem: why there is no plan at all.
        floor_lost: when the floors were lost, or empty.
        waivers: those of the release: a plan that was made with others for a policy says nothing of it.
    """
    found: dict[str, PolicyReport] = {}
    for policy in policies:
        if problem is not None:
            found[policy.id] = _degraded(policy, problem.code, problem.what)
        elif desired is None or standing is None or not _is_planned(policy, desired, waivers):
            found[policy.id] = PolicyReport(
                policy.id, policy.digest, PolicyState.PENDING, code=_code(Code.PENDING), reason="not planned yet"
            )
        else:
            found[policy.id] = _report(policy, desired, standing)
        if floor_lost and found[policy.id].state in {PolicyState.COMPLIANT, PolicyState.WAIVED}:
            lost = f"FloorLost: what was verified before {floor_lost} is gone; an older release could be offered unseen"
            waived = found[policy.id].reason
            found[policy.id] = _also(
                _with(found[policy.id], PolicyState.DEGRADED, _code(Code.FLOOR_LOST), lost), "", waived
            )
    return found


def _is_planned(policy: Placed, desired: Desired, waivers: Sequence[PlacedWaiver]) -> bool:
    """Tell whether the plan was made for this version of a policy, under the waivers of now."""
    return desired.documents.get(policy.id) == policy.digest and desired.waived.was_given(policy.id, waivers)


def _report(policy: Placed, desired: Desired, standing: Standing) -> PolicyReport:
    """Say that a policy is waived, wholly or in part, beside what else there is to say; never that it is Compliant."""
    waived = desired.waived
    if policy.id in waived.whole:
        _, reason = waived.whole[policy.id]
        rules = rules_of(policy.document.spec.policy) if policy.document else ()
        gone = tuple(RuleFidelity(rule.place, Fidelity.WAIVED) for rule in rules)
        return PolicyReport(policy.id, policy.digest, PolicyState.WAIVED, reason=reason, rules=gone)
    report = _enforced(policy, desired, standing)
    part = waived.parts.get(policy.id)
    if part is not None:
        state = PolicyState.WAIVED if report.state is PolicyState.COMPLIANT else report.state
        report = replace(report, rules=part.rules(report.rules), reason=part.placed(report.reason), state=state)
        report = _also(report, "", part.reason)
    for note in waived.notes.get(policy.id, ()):
        report = _also(report, note.code, note.text)
    return report


def _enforced(policy: Placed, desired: Desired, standing: Standing) -> PolicyReport:
    outcome = desired.outcomes[policy.id]
    own = [each for each in standing.wanted.values() if each.policy == policy.id]
    shared = [each for each in standing.wanted.values() if each.policy == WAY_OUT_ID]
    answers = [acceptance(each.resource, standing.live(each.key)) for each in own]
    report = PolicyReport(
        policy=policy.id,
        document=policy.digest,
        state=PolicyState.COMPLIANT,
        accepted=together(answer for answer, _ in answers),
        objects=len(own),
        reverts=sum(standing.progress(each.key).reverted for each in own),
        rules=outcome.rules,
    )
    if outcome.refused:
        return _with(report, PolicyState.DEGRADED, outcome.code or _code(Code.REFUSED), outcome.reason)
    for each in (*own, *shared):
        error = standing.progress(each.key).error
        if error is not None:
            contended = error.code == _code(Code.CONTENDED)
            state = PolicyState.DRIFTED if contended else PolicyState.DEGRADED
            return _with(report, state, error.code, f"{each.title}: {error.what}")
    if any(standing.progress(each.key).settled != each.body for each in (*own, *shared)):
        return _with(report, PolicyState.PENDING, _code(Code.PENDING), "not every object stands yet")
    if report.accepted == "no":
        words = next(words for answer, words in answers if answer == "no")
        return _with(report, PolicyState.DEGRADED, _code(Code.NOT_ACCEPTED), f"the plugin refuses it: {words}")
    return report


def _degraded(policy: Placed, code: str, reason: str) -> PolicyReport:
    return PolicyReport(policy.id, policy.digest, PolicyState.DEGRADED, code=code, reason=reason)


def _with(report: PolicyReport, state: PolicyState, code: str, reason: str) -> PolicyReport:
    return replace(report, state=state, code=code, reason=reason)


def _also(report: PolicyReport, code: str, reason: str) -> PolicyReport:
    """Say one thing more, behind what is said already."""
    return replace(report, code=report.code or code, reason="; ".join(filter(None, (report.reason, reason))))


def _code(number: Code) -> str:
    return f"EDICT{number:04d}"
