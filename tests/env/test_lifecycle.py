"""Starting, killing and restarting the real parts: what survives, what ends, and who can reach it."""

from __future__ import annotations

import base64
import json
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.env._certificates import Authority
from tests.env._cluster import Cluster
from tests.env._etcd import Etcd, ServerTls
from tests.env.clients import dynamic_client
from tests.env.fixtures import MakeCluster, MakeEtcd, require_parts
from tests.env.test_process import ended

pytest_plugins = ["tests.env.fixtures"]
pytestmark = pytest.mark.parts

ROOT = Path(__file__).parents[2]
UP = """
import sys
from pathlib import Path
from tests.env import Cluster, Etcd
folder = Path(sys.argv[1])
etcd = Etcd.start(folder)
cluster = Cluster.start("plain", etcd, folder, name="orphan")
print(etcd.pid, cluster.pid, flush=True)
sys.stdin.read()
"""


def call(etcd: Etcd, verb: str, body: dict[str, str], context: ssl.SSLContext | None = None) -> dict[str, object]:
    """Call etcd's JSON gateway; keys and values are encoded here."""
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in body.items()}
    request = urllib.request.Request(f"{etcd.endpoint}/v3/kv/{verb}", data=json.dumps(encoded).encode())  # noqa: S310 - the URL is our own etcd
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310 - same
        return dict(json.load(answer))


def listening(pid: int) -> set[str]:
    """Return the local addresses, in the kernel's hex, on which a process listens."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}


def namespaces(cluster: Cluster) -> set[str]:
    items = cluster._kube.client().get("/api/v1/namespaces")
    assert items is not None
    return {item["metadata"]["name"] for item in items["items"]}


def test_a_killed_etcd_comes_back_on_its_port_with_its_data(make_etcd: MakeEtcd) -> None:
    etcd = make_etcd()
    call(etcd, "put", {"key": "k", "value": "v"})
    endpoint, pid = etcd.endpoint, etcd.pid
    etcd.kill()
    assert ended(pid, within=0)
    etcd.restart()
    assert etcd.endpoint == endpoint
    assert call(etcd, "range", {"key": "k"})["count"] == "1"


def test_etcd_with_tls_admits_only_clients_of_its_authority(make_etcd: MakeEtcd, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki", "etcd-ca")
    pair = authority.issue("etcd", hosts=("127.0.0.1",))
    etcd = make_etcd(tls=ServerTls(pair.cert, pair.key, authority.ca_file))
    assert etcd.endpoint.startswith("https://127.0.0.1:")
    stranger = ssl.create_default_context(cafile=str(authority.ca_file))
    with pytest.raises((urllib.error.URLError, ConnectionError, ssl.SSLError)):
        call(etcd, "range", {"key": "k"}, stranger)
    friend = ssl.create_default_context(cafile=str(authority.ca_file))
    hub = authority.issue("hub")
    friend.load_cert_chain(hub.cert, hub.key)
    assert "header" in call(etcd, "range", {"key": "k"}, friend)


def test_a_killed_apiserver_comes_back_with_its_objects_and_its_tokens(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("plain")
    kubeconfig = cluster.kubeconfig_for("kept", "agent")
    server, pid = cluster.server, cluster.pid
    cluster.kill_apiserver()
    assert ended(pid, within=0)
    cluster.restart_apiserver()
    assert cluster.server == server
    assert "kept" in namespaces(cluster)
    agent = dynamic_client(kubeconfig).resources.get(api_version="authentication.k8s.io/v1", kind="SelfSubjectReview")
    assert agent.create(body={}).status.userInfo.username == "system:serviceaccount:kept:agent"


def test_a_cluster_started_again_in_its_folder_has_its_objects(make_cluster: MakeCluster, etcd: Etcd) -> None:
    first = make_cluster("plain", name="again", etcd=etcd)
    first.kubeconfig_for("kept", "agent")
    first.stop()
    assert "kept" in namespaces(make_cluster("plain", name="again", etcd=etcd))


def test_calico_serves_again_after_its_apiserver_was_killed(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("calico")
    cluster.kill_apiserver()
    cluster.restart_apiserver()
    assert cluster._kube.client().get("/apis/projectcalico.org/v3/tiers/default") is not None


def test_clusters_that_share_an_etcd_do_not_see_each_other(make_cluster: MakeCluster, etcd: Etcd) -> None:
    one, two = make_cluster("plain", name="one", etcd=etcd), make_cluster("plain", name="two", etcd=etcd)
    one.kubeconfig_for("only-in-one", "agent")
    assert "only-in-one" in namespaces(one)
    assert "only-in-one" not in namespaces(two)


def test_everything_listens_on_127_0_0_1_only(etcd: Etcd, calico_cluster: Cluster) -> None:
    assert calico_cluster._calico is not None
    assert calico_cluster._calico._process is not None
    for pid in (etcd.pid, calico_cluster.pid, calico_cluster._calico._process.pid):
        assert listening(pid) == {"0100007F"}


def test_a_killed_test_run_leaves_no_etcd_and_no_apiserver(tmp_path: Path) -> None:
    require_parts("etcd", "kube-apiserver")
    starter = subprocess.Popen(
        [sys.executable, "-c", UP, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pids = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(ended(pid, within=0) for pid in pids)
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert all(ended(pid) for pid in pids)
