from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from aetcd import rpc

from edict.clock import SystemClock
from edict_hub.store import EtcdStore
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.hub.hubs import Hub, Running, replica


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    require_parts("etcd")
    with Etcd.start(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture
def etcd(shared_etcd: Etcd) -> Etcd:
    """An etcd without keys, shared by the tests that let it live; the others have a fixture of their own."""
    with grpc.insecure_channel(shared_etcd.endpoint.removeprefix("http://")) as channel:
        everything = rpc.DeleteRangeRequest(key=b"\0", range_end=b"\0")
        rpc.KVStub(channel).DeleteRange(everything, timeout=5, wait_for_ready=True)
    return shared_etcd


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
