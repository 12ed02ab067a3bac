"""A hub's etcd in a thief's hands. The thief has no key of the hub: it reads, writes, deletes and swaps."""

from __future__ import annotations

import pytest

from edict_hub.store import EtcdStore
from tests.attacks.etcd.stolen import C1, Stolen
from tests.attacks.victims import Victim
from tests.env import Etcd
from tests.integration.hub.conftest import etcd, hub, shared_etcd, store
from tests.integration.hub.hubs import Hub, cluster, policy

__all__ = ["etcd", "hub", "shared_etcd", "store"]


@pytest.fixture
async def stolen(hub: Hub, etcd: Etcd, store: EtcdStore) -> Stolen:
    """A hub that has published one policy, which is placed on two clusters, and whose etcd is stolen."""
    made = Stolen(hub, etcd, store)
    await made.publish(cluster(C1, "{env: prod}"), cluster("c2"), policy("deny"))
    return made


@pytest.fixture
async def victim(hub: Hub) -> Victim:
    """The agent of cluster c1, which holds no release yet."""
    return await Victim.of(hub.authors, C1)
