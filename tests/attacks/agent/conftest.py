"""A cluster's agent in a thief's hands: its certificate, its keys, perhaps its token. Hub and etcd are real."""

from __future__ import annotations

import pytest

from tests.integration.hub.conftest import etcd, hub, running, shared_etcd, store
from tests.integration.hub.hubs import Hub, Running, cluster, policy

__all__ = ["etcd", "hub", "running", "shared_etcd", "store"]


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    """A hub with the clusters c1, which the thief has, and c2; and one policy for each."""
    documents = [cluster("c1", "{env: test}"), cluster("c2", "{env: prod}")]
    documents += [
        policy("for-test", selector="{matchLabels: {env: test}}"),
        policy("for-prod", selector="{matchLabels: {env: prod}}"),
    ]
    await running.admin().Publish(hub.request(*documents))
    return running
