"""kill -9 of a hub replica, an agent or etcd at a random moment: what was acknowledged arrives, and nothing flaps."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import PARTS
from tests.e2e.federation import CommandError, Federation, Service
from tests.e2e.recorder import Recorder
from tests.env.fixtures import require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(120)]

SEEDS = range(20)
PUBLISHES = 3
POLICY = """\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata: {{name: storm}}
spec:
  placement: {{clusterSelector: {{}}}}
  policy:
    tier: Admin
    priority: 3
    subject: {{namespaces: {{}}}}
    egress:
      - {{action: Deny, name: round-{round}, to: [{{networks: [198.51.100.{octet}/32]}}]}}
"""


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation of this module's own, killed and revived from test to test."""
    require_parts(*PARTS)
    folder = tmp_path_factory.mktemp("storm")
    with Federation.start(folder, hubs=2, clusters={"one": "cilium", "two": "calico"}) as running:
        yield running


def revive(service: Service) -> None:
    """Kill a service and start it again."""
    service.kill()
    service.launch()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_acknowledged_publish_survives(storm: Federation, tmp_path: Path, seed: int) -> None:
    """Each run kills a replica, an agent and etcd, each at a moment of its own, while releases are published."""
    dice = random.Random(seed)
    replica, agent = dice.choice(storm.hubs), dice.choice(list(storm.agents.values()))
    moments = {name: dice.uniform(0.0, 4.0) for name in (replica.name, agent.name, "etcd")}
    strikes = [
        threading.Timer(moments[replica.name], revive, [replica]),
        threading.Timer(moments[agent.name], revive, [agent]),
        threading.Timer(moments["etcd"], storm.etcd.restart),
    ]
    file = tmp_path / "storm.yaml"
    acknowledged = 0
    with Recorder(storm.clusters["one"]) as one, Recorder(storm.clusters["two"]) as two:
        for strike in strikes:
            strike.start()
        for octet in range(PUBLISHES):
            file.write_text(POLICY.format(round=seed, octet=seed * PUBLISHES + octet + 1))
            storm.sign(file)
            acknowledged = publish_until_acknowledged(storm)
        for strike in strikes:
            strike.join()
        status = storm.await_release(acknowledged, timeout=60)
        states = {cluster: row["state"] for cluster, row in status.items()}
        assert states == {"one": "Compliant", "two": "Compliant"}, moments
        assert one.flaps() + two.flaps() == [], moments
        assert {sighting.name for sighting in one.seen() + two.seen()}, "the recorders saw the objects"


def publish_until_acknowledged(federation: Federation, timeout: float = 40) -> int:
    """Publish, again where the hub was away; returns the release that was acknowledged."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return federation.publish()
        except CommandError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)  # the hub says no sooner than this that it is back
