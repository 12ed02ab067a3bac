"""The demo does what the README says, on its own clusters and on the caller's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from demo.objects import managed
from tests.e2e.conftest import PARTS
from tests.e2e.federation import NAMESPACE
from tests.env.clients import dynamic_client
from tests.env.fixtures import MakeCluster, MakeEtcd, require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]


def demo(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    require_parts(*PARTS)
    argv = [sys.executable, "-m", "demo", *arguments]
    return subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=200, check=False
    )


def test_it_shows_the_whole_way_and_cleans_up() -> None:
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("5 Compliant", "EDICT0519", "it was back after", "through the other replica", "has ended"):
        assert promise in done.stdout
    assert done.stderr == ""


def test_interrupting_it_leaves_nothing_running() -> None:
    require_parts(*PARTS)
    with subprocess.Popen([sys.executable, "-m", "demo", "--keep"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder = next(line.split("EDICT_WORKSPACE=")[1].split()[0] for line in run.stdout if "EDICT_WORKSPACE=" in line)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 0
    left = subprocess.run(["pgrep", "-f", str(Path(folder).parent)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
    assert not Path(folder).exists()


def test_the_caller_s_clusters_are_used_and_left_clean(
    tmp_path: Path, make_etcd: MakeEtcd, make_cluster: MakeCluster
) -> None:
    etcd = make_etcd()
    clusters = [make_cluster("cilium", name="a", etcd=etcd), make_cluster("calico", name="b", etcd=etcd)]
    files = []
    for cluster in clusters:
        plain = yaml.safe_load(cluster.kubeconfig.read_text())
        plain["contexts"][0]["name"] = plain["current-context"] = cluster.name
        plain["contexts"][0]["context"]["user"] = plain["users"][0]["name"] = f"{cluster.name}-admin"
        files.append(tmp_path / f"{cluster.name}.yaml")
        files[-1].write_text(yaml.safe_dump(plain))
    kubeconfig = ":".join(map(str, files))
    done = demo("--contexts", "a b", KUBECONFIG=kubeconfig)
    assert done.returncode == 2
    assert "YES=1" in done.stderr, "it does not write without being told to"
    done = demo("--contexts", "a b", "--yes", KUBECONFIG=kubeconfig)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"namespace {NAMESPACE}" in done.stdout
    for cluster in clusters:
        api = dynamic_client(cluster.kubeconfig)
        assert managed(api, cluster.kind) == {}
        namespace = api.resources.get(api_version="v1", kind="Namespace").get(name=NAMESPACE)
        assert namespace.metadata.deletionTimestamp, "nothing here finishes the deletion of a namespace"


def test_a_context_that_is_not_there_is_named() -> None:
    done = demo("--contexts", "nowhere", "--yes", KUBECONFIG="/dev/null")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
