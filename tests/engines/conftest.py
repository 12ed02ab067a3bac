"""One process of each plugin's policy engine for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from edict_agent.translate import Dialect
from tests.engines.engine import Engine
from tests.env.fixtures import require_parts

EngineOf: TypeAlias = Callable[[str], Engine]
"""``engine_of("calico-engine")`` returns the running engine of a part."""


@pytest.fixture(scope="session")
def engine_of() -> Iterator[EngineOf]:
    """Return what starts an engine when it is first asked for."""
    running: dict[str, Engine] = {}
    with ExitStack() as stack:

        def start(part: str) -> Engine:
            if part not in running:
                running[part] = stack.enter_context(Engine(require_parts(part)[part]))
            return running[part]

        yield start


@pytest.fixture(scope="session", params=[Dialect.CILIUM, Dialect.CALICO])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """The dialects of the two plugins that have policies of their own."""
    return Dialect(request.param)


@pytest.fixture(scope="session")
def engine(dialect: Dialect, engine_of: EngineOf) -> Engine:
    """The policy engine of the dialect's plugin."""
    return engine_of(f"{dialect}-engine")


@pytest.fixture(scope="session")
def cilium(engine_of: EngineOf) -> Engine:
    """Cilium's policy engine, for what concerns it alone."""
    return engine_of("cilium-engine")


@pytest.fixture(scope="session")
def calico(engine_of: EngineOf) -> Engine:
    """Calico's policy engine, for what concerns it alone."""
    return engine_of("calico-engine")


@pytest.fixture(scope="session")
def upstream(engine_of: EngineOf) -> Engine:
    """The reference evaluator of NetworkPolicy and ClusterNetworkPolicy, for what concerns it alone."""
    return engine_of("network-policies-engine")
