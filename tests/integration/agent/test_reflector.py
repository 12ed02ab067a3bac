"""The reflector against a real API server that dies, forgets, and closes its watches."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import urllib.request
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from edict.clock import SystemClock
from edict_agent.kube import connect
from edict_agent.kube.resources import CONFIG_MAP
from edict_agent.reconcile.reflector import Key, Reflector
from tests.env import Etcd
from tests.env.fixtures import MakeCluster, MakeEtcd
from tests.integration.agent.harness import Site, eventually

pytestmark = pytest.mark.parts
MINE = ("configmaps", "default")


def etcd_call(etcd: Etcd, method: str, **body: Any) -> dict[str, Any]:
    """Call etcd's JSON gateway; bytes are base64 there."""
    request = urllib.request.Request(f"{etcd.endpoint}/v3/kv/{method}", json.dumps(body).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own etcd on 127.0.0.1
        result: dict[str, Any] = json.load(answer)
    return result


def forget(etcd: Etcd, key: str) -> None:
    """Delete a key behind the API server's back and compact all history."""
    encoded = base64.b64encode(key.encode()).decode()
    deleted = etcd_call(etcd, "deleterange", key=encoded)
    assert deleted["deleted"] == "1"
    etcd_call(etcd, "compaction", revision=deleted["header"]["revision"], physical=True)


def stored_key(etcd: Etcd, end: str) -> str:
    """Return the key under which the API server keeps an object."""
    start, stop = (base64.b64encode(each).decode() for each in (b"/", b"0"))
    found = etcd_call(etcd, "range", key=start, range_end=stop, keys_only=True)["kvs"]
    return next(key for key in (base64.b64decode(each["key"]).decode() for each in found) if key.endswith(end))


async def test_what_vanished_while_the_watch_was_too_old_is_found_by_listing_again(
    make_cluster: MakeCluster, make_etcd: MakeEtcd
) -> None:
    etcd = make_etcd()
    cluster = make_cluster("cilium", etcd=etcd)
    site = Site(cluster, "default", cluster.directory)
    for name in ("stays", "vanishes"):
        site.core.create_namespaced_config_map("default", {"metadata": {"name": name}})
    kube = connect(cluster.kubeconfig)
    changed: list[Key] = []
    reflector = Reflector(
        kube,
        CONFIG_MAP,
        lambda live: live["metadata"]["namespace"] == "default" and live["metadata"]["name"] != "kube-root-ca.crt",
        clock=SystemClock(),
        rng=random.Random(1),
        on_change=changed.append,
    )
    running = asyncio.create_task(reflector.run())
    await reflector.synced.wait()
    assert set(reflector.objects) == {(*MINE, "stays"), (*MINE, "vanishes")}
    key = stored_key(etcd, "/configmaps/default/vanishes")
    await asyncio.to_thread(cluster.kill_apiserver)
    forget(etcd, key)
    changed.clear()
    with capture_logs() as said:
        await asyncio.to_thread(cluster.restart_apiserver)
        await eventually(lambda: (*MINE, "vanishes") in changed, "the reflector says that it is gone", seconds=60)
    assert set(reflector.objects) == {(*MINE, "stays")}
    assert "watch too old, listing again" in {line["event"] for line in said}
    site.core.create_namespaced_config_map("default", {"metadata": {"name": "new"}})
    await eventually(lambda: (*MINE, "new") in reflector.objects, "it watches again")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await kube.aclose()
