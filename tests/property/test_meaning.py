"""A policy that is not refused means on each plugin what it means in our language, connection by connection.

The plugins are models of ours here; that these are right is for the tests with the engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from edict.policy.rules import Direction
from edict_agent.translate import Dialect, Facts, PlacedPolicy, translate
from tests.property import calico_model, cilium_model
from tests.property.connections import Connection, interesting
from tests.property.strategies import placed_policies, plain_policies, sayable_policies
from tests.property.world import (
    AGENT,
    NODE_CIDRS,
    PLACES,
    POD_CIDRS,
    PODS,
    SPOKEN,
    allowed,
    speakable,
)
from tests.unit.translate.placed import examples

MODELS: dict[Dialect, Callable[..., bool]] = {
    Dialect.CILIUM: cilium_model.allowed,
    Dialect.CALICO: calico_model.allowed,
}
FACTS = Facts(
    plugin_version="1.20.2",
    pod_cidrs=POD_CIDRS,
    node_cidrs=NODE_CIDRS,
    options={"enable-sctp": "true"},
    cluster_name="default",
)
CONNECTIONS: list[Connection] = [
    (direction, subject, other, spoken)
    for direction in Direction
    for subject in PODS
    for other in PLACES
    for spoken in SPOKEN
    if speakable(subject, other, spoken)
]
BOTH = pytest.mark.parametrize("dialect", list(MODELS))


def agree(dialect: Dialect, policies: list[PlacedPolicy], asked: Sequence[Connection]) -> int:
    """Compare the verdicts on connections; return how many policies were not refused."""
    plan = translate(dialect, policies, FACTS, AGENT)
    refused = {one.policy for one in plan.policies if one.refused}
    kept = [policy.document.spec.policy for policy in policies if policy.id not in refused]
    for connection in asked:
        for application in (None, True, False):
            meant = allowed(kept, *connection, application=application)
            made = MODELS[dialect](plan.objects, *connection, application=application)
            assert made is meant, (connection, application)
    return len(kept)


@BOTH
@given(
    policies=st.one_of(plain_policies(), sayable_policies(), placed_policies()),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=300)
def test_what_is_not_refused_is_exact(dialect: Dialect, policies: list[PlacedPolicy], random: Random) -> None:
    event(f"{dialect}: {agree(dialect, policies, interesting(policies, random, PLACES))} kept")


@BOTH
def test_the_examples_are_exact(dialect: Dialect) -> None:
    assert agree(dialect, examples(), CONNECTIONS[::37]) >= 4
