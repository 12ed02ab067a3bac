"""The engines say what they do not take, and our programs say what they cannot answer."""

from __future__ import annotations

import pytest

from edict_agent.translate import Dialect
from tests.engines.engine import Engine, Flow, Scene
from tests.property.world import Place, Spoken

POD = Place("10.244.0.1", {"kubernetes.io/metadata.name": "x"}, {})
FLOW = Flow(POD, Place("192.0.2.1"), Spoken("tcp", 80))
FAULTY = {
    Dialect.CILIUM: {
        "kind": "CiliumClusterwideNetworkPolicy",
        "metadata": {"name": "empty"},
        "spec": {"endpointSelector": {}, "egress": []},
    },
    Dialect.CALICO: {
        "kind": "GlobalNetworkPolicy",
        "metadata": {"name": "empty"},
        "spec": {"selector": "all()", "egress": [{"action": "Deny", "destination": {"ports": [80]}}]},
    },
}
REASONS = {
    Dialect.CILIUM: "rule must have at least one of Ingress, IngressDeny, Egress, EgressDeny",
    Dialect.CALICO: "rules that specify ports must set protocol",
}


def test_a_faulty_object_is_rejected_with_the_reason_of_the_plugin(dialect: Dialect, engine: Engine) -> None:
    answer = engine.judge(Scene((POD,), [FAULTY[dialect]]), [FLOW])
    assert [one.name for one in answer.rejected] == ["empty"]
    assert REASONS[dialect] in answer.rejected[0].reason
    assert answer.verdicts[0].egress is True


def test_a_verdict_is_for_pods_alone(engine: Engine) -> None:
    answer = engine.judge(Scene((POD,), []), [Flow(FLOW.destination, FLOW.destination, FLOW.spoken)])
    assert (answer.verdicts[0].egress, answer.verdicts[0].ingress) == (None, None)


def test_what_cannot_be_asked_is_an_error_not_a_verdict(engine: Engine) -> None:
    with pytest.raises(AssertionError, match="nowhere"):
        engine.judge(Scene((POD,), []), [Flow(POD, Place("nowhere"), FLOW.spoken)])
    assert engine.judge(Scene((POD,), []), [FLOW]).verdicts[0].egress is True
