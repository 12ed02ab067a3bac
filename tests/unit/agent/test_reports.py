from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from edict.errors import AgentError
from edict.ids import Digest
from edict.policy.lockout import WAY_OUT_ID
from edict.trust.receipts import PolicyReport, PolicyState
from edict_agent.conformance.acceptance import acceptance, together
from edict_agent.conformance.reports import reports
from edict_agent.desired import Desired, PolicyOutcome
from edict_agent.kube import Live
from edict_agent.kube.resources import CILIUM_POLICY, GLOBAL_NETWORK_POLICY, TIER
from edict_agent.reconcile.reflector import Key
from edict_agent.reconcile.wanted import Progress, Wanted
from edict_agent.sync.judge import Placed
from edict_agent.translate import Dialect, Plan

OLD, NEW = Digest("0" * 64), Digest("1" * 64)
POLICY = Placed("payments", "a", NEW, None)


def condition(kind: str, status: str, message: str = "") -> Live:
    return {"status": {"conditions": [{"type": kind, "status": status, "message": message}]}}


class Standing:
    """One object of the policy and one of the way out, as far as they have come."""

    def __init__(self, live: Live | None = None) -> None:
        body: dict[str, Any] = {"metadata": {"name": "own"}}
        self.own = Wanted(CILIUM_POLICY, body, POLICY.id)
        self.shared = Wanted(CILIUM_POLICY, {"metadata": {"name": "way-out"}}, WAY_OUT_ID)
        self._progress = {each.key: Progress(settled=each.body, reverted=2) for each in (self.own, self.shared)}
        self._live = live

    @property
    def wanted(self) -> Mapping[Key, Wanted]:
        return {each.key: each for each in (self.own, self.shared)}

    def progress(self, key: Key) -> Progress:
        return self._progress[key]

    def live(self, key: Key) -> Live | None:
        return self._live if key == self.own.key else None


def desired(*, document: Digest = NEW, refused: bool = False) -> Desired:
    outcome = PolicyOutcome(refused=refused, code="EDICT0515" if refused else "", reason="no log" if refused else "")
    return Desired(Plan(Dialect.CILIUM, (), ()), {POLICY.id: document}, {POLICY.id: outcome})


def report(standing: Standing | None, plan: Desired | None, **more: Any) -> PolicyReport:
    options: dict[str, Any] = {"problem": None, "floor_lost": ""} | more
    return reports([POLICY], plan, standing, **options)[POLICY.id]


def failing(code: int, *, shared: bool = False) -> Standing:
    standing = Standing()
    wanted = standing.shared if shared else standing.own
    standing.progress(wanted.key).error = AgentError(code, "it fails")
    return standing


def unsettled() -> Standing:
    standing = Standing()
    standing.progress(standing.own.key).settled = None
    return standing


@pytest.mark.parametrize(
    ("found", "state", "code"),
    [
        pytest.param(report(Standing(), desired()), "Compliant", "", id="it stands"),
        pytest.param(report(None, None), "Pending", "EDICT0561", id="nothing is planned yet"),
        pytest.param(report(Standing(), desired(document=OLD)), "Pending", "EDICT0561", id="an older plan"),
        pytest.param(report(unsettled(), desired()), "Pending", "EDICT0561", id="an object is missing"),
        pytest.param(report(Standing(), desired(refused=True)), "Degraded", "EDICT0515", id="refused"),
        pytest.param(report(failing(552), desired()), "Degraded", "EDICT0552", id="an object fails"),
        pytest.param(report(failing(556), desired()), "Drifted", "EDICT0556", id="a tug of war"),
        pytest.param(report(failing(552, shared=True), desired()), "Degraded", "EDICT0552", id="the way out fails"),
        pytest.param(
            report(Standing(condition("Valid", "False", "bad rule")), desired()),
            "Degraded",
            "EDICT0555",
            id="the plugin refuses it",
        ),
        pytest.param(
            report(None, None, problem=AgentError(501, "no plugin")), "Degraded", "EDICT0501", id="no dialect"
        ),
        pytest.param(
            report(Standing(), desired(), floor_lost="2026-01-01T00:00:00Z"), "Degraded", "EDICT0557", id="floor lost"
        ),
    ],
)
def test_the_state_of_a_policy(found: PolicyReport, state: str, code: str) -> None:
    assert (found.state, found.code) == (PolicyState(state), code)
    assert found.document == NEW
    assert bool(found.reason) == (state != "Compliant")


def test_reverts_and_objects_are_the_policys_own() -> None:
    found = report(Standing(condition("Valid", "True")), desired())
    assert (found.objects, found.reverts, found.accepted) == (1, 2, "yes")


@pytest.mark.parametrize(
    ("resource", "live", "answer"),
    [
        (CILIUM_POLICY, condition("Valid", "True"), "yes"),
        (CILIUM_POLICY, condition("Valid", "False"), "no"),
        (CILIUM_POLICY, condition("Ready", "False"), "unobservable"),
        (CILIUM_POLICY, {}, "unobservable"),
        (CILIUM_POLICY, None, "unobservable"),
        (TIER, condition("Ready", "True"), "yes"),
        (GLOBAL_NETWORK_POLICY, condition("Ready", "True"), "unobservable"),
    ],
)
def test_acceptance_is_read_from_the_kinds_own_condition(resource: Any, live: Live | None, answer: str) -> None:
    assert acceptance(resource, live)[0] == answer


def test_one_no_decides_and_silence_is_never_yes() -> None:
    assert together(["yes", "yes"]) == "yes"
    assert together(["yes", "unobservable"]) == "unobservable"
    assert together(["yes", "unobservable", "no"]) == "no"
    assert together([]) == "unobservable"
