"""Somebody on the network between agents, operators and a real hub. They have no key that anybody believes."""

from __future__ import annotations

import pytest

from tests.integration.hub.conftest import etcd, hub, running, shared_etcd
from tests.integration.hub.hubs import Hub, Running, cluster

__all__ = ["etcd", "hub", "running", "shared_etcd"]


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    """A hub whose inventory has cluster c1."""
    await running.admin().Publish(hub.request(cluster("c1"), cluster("c2")))
    return running
