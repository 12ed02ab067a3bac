from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edict.clock import SystemClock
from edict_hub.store import EtcdStore
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.hub.hubs import Hub, Running, replica


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """An etcd of the test's own, which it may kill."""
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


@pytest.fixture
async def store(etcd: Etcd) -> AsyncIterator[EtcdStore]:
    opened = EtcdStore([etcd.endpoint], clock=SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


@pytest.fixture
async def running(hub: Hub, etcd: Etcd) -> AsyncIterator[Running]:
    async with replica(hub, etcd.endpoint, replica="one") as one:
        yield one
