"""One process of each plugin's policy engine for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edict_agent.translate import Dialect
from tests.engines.engine import Engine
from tests.env.fixtures import require_parts

_PARTS = {Dialect.CILIUM: "cilium-engine", Dialect.CALICO: "calico-engine"}


@pytest.fixture(scope="session", params=list(_PARTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each dialect that has an engine."""
    return Dialect(request.param)


@pytest.fixture(scope="session")
def engine(dialect: Dialect) -> Iterator[Engine]:
    """The policy engine of the dialect's plugin."""
    part = _PARTS[dialect]
    with Engine(require_parts(part)[part]) as running:
        yield running


@pytest.fixture(scope="session")
def cilium() -> Iterator[Engine]:
    """Cilium's policy engine, for what concerns it alone."""
    with Engine(require_parts("cilium-engine")["cilium-engine"]) as running:
        yield running


@pytest.fixture(scope="session")
def calico() -> Iterator[Engine]:
    """Calico's policy engine, for what concerns it alone."""
    with Engine(require_parts("calico-engine")["calico-engine"]) as running:
        yield running


@pytest.fixture(scope="session")
def upstream() -> Iterator[Engine]:
    """The reference evaluator of NetworkPolicy and ClusterNetworkPolicy, for what concerns it alone."""
    with Engine(require_parts("network-policies-engine")["network-policies-engine"]) as running:
        yield running
