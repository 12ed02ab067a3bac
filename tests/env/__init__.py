"""The real parts of the test environment: etcd, kube-apiserver, Calico's API server, helm and the plugins' CRDs.

``python -m tests.env --help`` builds and runs them by hand; `tests.env.fixtures` gives them to pytest. Everything
that is started here listens on 127.0.0.1 only and ends with the process that started it, however that ends.

    with Etcd.start(folder) as etcd, Cluster.start("cilium", etcd, folder, name="one") as cluster:
        use(cluster.kubeconfig)

Tests, benchmarks and the demo may import this; nothing that is shipped may.
"""

from __future__ import annotations

from tests.env._build import ensure_parts
from tests.env._certificates import Authority, Pair
from tests.env._cluster import Cluster
from tests.env._errors import EnvError
from tests.env._etcd import Etcd, ServerTls
from tests.env._kinds import Channel, Kind
from tests.env._parts import PARTS, GoBinary, Inherit, Module, ModuleFiles, Part
from tests.env._process import Process

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
