"""A pytest plugin that gives tests the real parts; a test is skipped with the reason when a part cannot be had.

Add ``pytest_plugins = ["tests.env.fixtures"]`` to the conftest at the root of the tests. The clusters are shared by a
whole session: a test uses names of its own and cleans up cluster-scoped objects. A test that kills or reconfigures
something starts its own with `make_etcd` and `make_cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.env._build import ensure_parts
from tests.env._cluster import Cluster
from tests.env._errors import EnvError
from tests.env._etcd import Etcd, ServerTls
from tests.env._kinds import Channel, Kind, parts_for

Parts = Callable[..., dict[str, Path]]
"""``parts("etcd", "helm")`` returns name → path, building what is missing, or skips the test."""


class MakeEtcd(Protocol):
    """Starts an etcd for one test; see `Etcd.start`."""

    def __call__(self, *, name: str = ..., port: int | None = ..., tls: ServerTls | None = ...) -> Etcd:
        """Return a running etcd, stopped at the end of the test."""


class MakeCluster(Protocol):
    """Starts a cluster for one test; see `Cluster.start`."""

    def __call__(
        self,
        kind: Kind,
        *,
        name: str = ...,
        etcd: Etcd | None = ...,
        cnp_crd: bool | Channel = ...,
        cilium_config: dict[str, str] | None = ...,
    ) -> Cluster:
        """Return a running cluster, stopped at the end of the test, on an etcd of its own unless `etcd` is given."""


def require_parts(*names: str) -> dict[str, Path]:
    """Return name → path of parts, building what is missing; skip the test when one cannot be had."""
    try:
        return ensure_parts(names)
    except EnvError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def parts() -> Parts:
    """Return `require_parts`."""
    return require_parts


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """Return an etcd shared by the session."""
    require_parts("etcd")
    with Etcd.start(tmp_path_factory.mktemp("etcd")) as running:
        yield running


def _shared(kind: Kind, etcd: Etcd, factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    require_parts(*parts_for(kind))
    with Cluster.start(kind, etcd, factory.mktemp("clusters"), name=f"shared-{kind}") as running:
        yield running


@pytest.fixture(scope="session")
def cilium_cluster(etcd: Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a Cilium cluster shared by the session."""
    yield from _shared("cilium", etcd, tmp_path_factory)


@pytest.fixture(scope="session")
def calico_cluster(etcd: Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a Calico cluster shared by the session."""
    yield from _shared("calico", etcd, tmp_path_factory)


@pytest.fixture(scope="session")
def upstream_cluster(etcd: Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster that serves ClusterNetworkPolicies, shared by the session."""
    yield from _shared("upstream", etcd, tmp_path_factory)


@pytest.fixture(scope="session")
def plain_cluster(etcd: Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster that has nothing but NetworkPolicies, shared by the session."""
    yield from _shared("plain", etcd, tmp_path_factory)


@pytest.fixture
def make_etcd(tmp_path: Path) -> Iterator[MakeEtcd]:
    """Return a factory of etcds that end with the test."""
    require_parts("etcd")
    with ExitStack() as stack:

        def make(*, name: str = "etcd", port: int | None = None, tls: ServerTls | None = None) -> Etcd:
            return stack.enter_context(Etcd.start(tmp_path, name=name, port=port, tls=tls))

        yield make


@pytest.fixture
def make_cluster(tmp_path: Path, make_etcd: MakeEtcd) -> Iterator[MakeCluster]:
    """Return a factory of clusters that end with the test."""
    with ExitStack() as stack:

        def make(
            kind: Kind,
            *,
            name: str = "test",
            etcd: Etcd | None = None,
            cnp_crd: bool | Channel = False,
            cilium_config: dict[str, str] | None = None,
        ) -> Cluster:
            require_parts(*parts_for(kind, cnp_crd=cnp_crd))
            on = etcd or make_etcd(name=f"{name}-etcd")
            cluster = Cluster.start(kind, on, tmp_path, name=name, cnp_crd=cnp_crd, cilium_config=cilium_config)
            return stack.enter_context(cluster)

        yield make
