from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edict.clock import SystemClock
from edict_hub.store import EtcdStore
from tests.env import Etcd
from tests.env.fixtures import require_parts


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    require_parts("etcd")
    with Etcd.start(tmp_path) as running:
        yield running


@pytest.fixture
async def store(etcd: Etcd) -> AsyncIterator[EtcdStore]:
    opened = EtcdStore([etcd.endpoint], clock=SystemClock())
    yield opened
    await opened.close()
