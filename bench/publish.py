"""Publish to applied: from the call that publishes one changed policy until watches on both clusters see its object.

The peer does by hand what Edict does for a fleet: the official client server-side applies the same two objects, one
to each cluster, and the same watches see them. It signs, verifies, translates and distributes nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from urllib3.exceptions import HTTPError

from bench.author import Author
from bench.result import Result, Sample
from demo.objects import objects_of
from tests.e2e.federation import PASSPHRASE, Federation
from tests.env import Kind
from tests.env.clients import dynamic_client, server_side_apply

PUBLISHES = 100
CLUSTERS: dict[str, Kind] = {"one": "cilium", "two": "calico"}
KINDS = {
    "one": ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
    "two": ("projectcalico.org/v3", "GlobalNetworkPolicy"),
}
DIGEST = "federation.edict.dev/document"
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: bench}}
spec:
  placement: {{clusterSelector: {{}}}}
  policy:
    tier: Admin
    priority: 7
    subject: {{namespaces: {{}}}}
    egress:
      - {{action: Deny, to: [{{networks: [203.0.113.{host}/32]}}]}}
"""


class Sight:
    """When each cluster was last seen with which document, by a watch of the official client."""

    def __init__(self, apis: dict[str, Any]) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self._changed = Condition()
        for name, api in apis.items():
            Thread(target=self._watch, args=(name, api), daemon=True).start()

    def _watch(self, cluster: str, api: Any) -> None:
        version, kind = KINDS[cluster]
        resource = api.resources.get(api_version=version, kind=kind)
        with suppress(HTTPError):  # the cluster has ended, and the measurement with it
            while True:
                for event in resource.watch():
                    digest = (event["object"].metadata.annotations or {}).get(DIGEST, "")
                    with self._changed:
                        self._seen.setdefault((cluster, digest), time.monotonic())
                        self._changed.notify_all()

    def on_all(self, value: str, timeout: float = 20) -> float:
        """Wait until every cluster was seen with a document; returns when the last was, as monotonic time."""
        keys = [(cluster, value) for cluster in KINDS]
        with self._changed:
            if not self._changed.wait_for(lambda: all(key in self._seen for key in keys), timeout):
                raise TimeoutError(f"{value} did not reach every cluster within {timeout:.0f} s")
            return max(self._seen[key] for key in keys)


def run() -> Result:
    """Measure; alternates Edict and the peer so that a drift of the machine touches both."""
    with tempfile.TemporaryDirectory(prefix="edict-bench-") as folder:
        federation = Federation.start(Path(folder), hubs=2, clusters=CLUSTERS)
        with federation:
            apis = {name: dynamic_client(cluster.kubeconfig) for name, cluster in federation.clusters.items()}
            sight = Sight(apis)
            author = Author(federation.workspace, _address(federation), "platform", PASSPHRASE.encode())
            _timed(_publishing(author, 255), sight)  # the first makes the objects
            applying = _peer(apis)
            edict, peer = [], []
            for index in range(PUBLISHES):
                edict.append(_timed(_publishing(author, index), sight))
                peer.append(_timed(partial(applying, index), sight))
    return Result(
        name="publish",
        what="one changed policy, published to applied on a Cilium and a Calico cluster",
        unit="s",
        edict=Sample.of(edict),
        peer_name="two server-side applies by the official client",
        peer=Sample.of(peer),
        target="p99 at most 1 s",
    )


def _address(federation: Federation) -> str:
    return f"127.0.0.1:{federation.ports[0][0]}"


def _timed(act: Callable[[], str], sight: Sight) -> float:
    started = time.monotonic()
    return sight.on_all(act()) - started


def _publishing(author: Author, host: int) -> Callable[[], str]:
    request, digest = author.prepare(POLICY.format(host=host).encode())

    def publish() -> str:
        author.publish(request)
        return f"sha256:{digest}"

    return publish


def _peer(apis: dict[str, Any]) -> Callable[[int], str]:
    """Return a function that applies copies of both objects, of another name, as a person without Edict would."""
    bodies = {name: objects_of(api, CLUSTERS[name], "platform/bench")[0] for name, api in apis.items()}

    def apply(index: int) -> str:
        value = f"peer-{index}"
        for name, body in bodies.items():
            meta = {"name": body["metadata"]["name"] + "-peer", "annotations": {DIGEST: value}}
            server_side_apply(apis[name], {**body, "metadata": meta}, manager="bench")
        return value

    return apply
