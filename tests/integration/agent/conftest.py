"""A cluster of each kind, with an agent's namespace of its own for each test, and a federation to serve it."""

from __future__ import annotations

import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.agent.federation import Authors, Relay, managed_cluster, policy, relaying
from tests.integration.agent.harness import Site


async def _site(request: pytest.FixtureRequest, kind: str, folder: Path) -> AsyncIterator[Site]:
    site = Site(request.getfixturevalue(f"{kind}_cluster"), f"edict-{uuid.uuid4().hex[:8]}", folder)
    site.prepare()
    yield site
    for agent in site.agents:
        await agent.end(signal.SIGKILL)
    site.wipe()


@pytest.fixture(params=["cilium", "calico"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A cluster of either kind."""
    async for site in _site(request, request.param, tmp_path):
        yield site


@pytest.fixture
async def cilium_site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A Cilium cluster."""
    async for site in _site(request, "cilium", tmp_path):
        yield site


@pytest.fixture
async def upstream_site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A cluster that serves ClusterNetworkPolicies and has no plugin that anybody knows."""
    async for site in _site(request, "upstream", tmp_path):
        yield site


@pytest.fixture
async def plain_site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A cluster that has nothing but NetworkPolicies."""
    async for site in _site(request, "plain", tmp_path):
        yield site


@pytest.fixture
def authors(request: pytest.FixtureRequest) -> Authors:
    """A federation of cluster `one` with the policies `deny-a` and `deny-b`."""
    kind = "cilium"
    if "site" in request.fixturenames:
        kind = request.getfixturevalue("site").kind
    authors = Authors()
    authors.publish(
        managed_cluster("one", kind), policy("deny-a"), policy("deny-b", priority=11, cidr="198.51.100.0/24")
    )
    return authors


@pytest.fixture
async def relay(authors: Authors) -> AsyncIterator[Relay]:
    """A hub that serves it."""
    async with relaying(authors) as relay:
        yield relay


@pytest.fixture
def token(relay: Relay, tmp_path: Path) -> Path:
    """The file with the token of cluster `one`."""
    path = tmp_path / "token"
    path.write_text(relay.token("one").encode())
    return path
