"""One federation for all end-to-end tests that leave it as they found it; a test that breaks things starts its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.federation import Federation
from tests.env.fixtures import require_parts

EXAMPLES = Path(__file__).parents[2] / "examples"
PARTS = ("etcd", "kube-apiserver", "calico-apiserver", "calico-manifests", "cilium-crds", "helm")


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two hub replicas, a Cilium cluster `one` and a Calico cluster `two`, enrolled and pinned; no policy."""
    require_parts(*PARTS)
    folder = tmp_path_factory.mktemp("federation")
    with Federation.start(folder, hubs=2, clusters={"one": "cilium", "two": "calico"}) as running:
        yield running


@pytest.fixture
def empty(federation: Federation) -> Iterator[Federation]:
    """The shared federation, without policies again when the test ends."""
    yield federation
    names = federation.policies()
    if names:
        federation.await_release(federation.remove_and_publish(*names))
