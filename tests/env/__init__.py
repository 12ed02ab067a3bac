"""The real parts of the test environment: etcd, kube-apiserver, Calico's API server, helm, the plugins' CRDs.

``python -m tests.env --help`` builds and runs them by hand; `tests.env.fixtures` gives them to pytest. Everything
that is started here listens on 127.0.0.1 only and ends with the process that started it, however that ends.

    with Etcd.start(folder) as etcd, Cluster.start("cilium", etcd, folder, name="one") as cluster:
        use(cluster.kubeconfig)

Tests, benchmarks and the demo may import this; nothing that is shipped may. Each name is imported when it is first
used, because what running a cluster imports would double the time of a build that has nothing to do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.env._build import ensure_parts
    from tests.env._certificates import Authority, Pair
    from tests.env._cluster import Cluster
    from tests.env._errors import EnvError
    from tests.env._etcd import Etcd, ServerTls
    from tests.env._kinds import Channel, Kind
    from tests.env._parts import PARTS, GoBinary, Inherit, Module, ModuleFiles, Part
    from tests.env._process import Process

_HOME = {
    "PARTS": "_parts",
    "Authority": "_certificates",
    "Channel": "_kinds",
    "Cluster": "_cluster",
    "EnvError": "_errors",
    "Etcd": "_etcd",
    "GoBinary": "_parts",
    "Inherit": "_parts",
    "Kind": "_kinds",
    "Module": "_parts",
    "ModuleFiles": "_parts",
    "Pair": "_certificates",
    "Part": "_parts",
    "Process": "_process",
    "ServerTls": "_etcd",
    "ensure_parts": "_build",
}

__all__ = [
    "PARTS",
    "Authority",
    "Channel",
    "Cluster",
    "EnvError",
    "Etcd",
    "GoBinary",
    "Inherit",
    "Kind",
    "Module",
    "ModuleFiles",
    "Pair",
    "Part",
    "Process",
    "ServerTls",
    "ensure_parts",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
