"""The table of cases: what the reference says, what each dialect makes of it, and what its engine says of that."""

from __future__ import annotations

import pytest

from edict_agent.translate import Dialect
from tests.engines.cases.judge import faults, faults_of_departure, faults_of_reference, faults_of_specification
from tests.engines.cases.table import Case, Departure, cases, departures, must_be_exact
from tests.engines.conftest import EngineOf
from tests.engines.rows import ROWS, Row

MAY_REFUSE = {Dialect.CLUSTER_NETWORK_POLICY, Dialect.NETWORK_POLICY}
"""Upstream's kinds have no networks at ingress, and NetworkPolicies no order."""


def test_the_table_is_large() -> None:
    assert len(cases()) >= 120


@pytest.mark.parametrize("case", must_be_exact(), ids=lambda case: case.name)
def test_what_people_write_is_exact(case: Case) -> None:
    assert not (case.refused.keys() | case.stricter.keys()) - MAY_REFUSE


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_reference_says_what_is_written(case: Case) -> None:
    assert list(faults_of_reference(case)) == []


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_the_engine_says_what_is_written(row: Row, case: Case, engine_of: EngineOf) -> None:
    assert list(faults(case, row, engine_of(row.part))) == []


@pytest.mark.parametrize("one", departures(), ids=lambda one: one.name)
def test_the_plugin_departs_from_the_specification(one: Departure, engine_of: EngineOf) -> None:
    assert one.means in {case.name for case in cases()}
    assert one.plugin != one.specification
    assert list(faults_of_departure(one, engine_of(one.part))) == []
    assert list(faults_of_specification(one, engine_of("network-policies-engine"))) == []
