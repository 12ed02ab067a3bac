"""A real agent is banned and let back, and changes the key of its receipts, while its cluster stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES
from tests.e2e.federation import Federation
from tests.env._wait import await_true
from tests.env.fixtures import require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two replicas and one cluster, of this module's own."""
    require_parts("etcd", "kube-apiserver", "cilium-crds", "helm")
    with Federation.start(tmp_path_factory.mktemp("fleet"), hubs=2, clusters={"one": "cilium"}) as running:
        yield running


@pytest.fixture
def standing(fleet: Federation) -> int:
    """A policy that the cluster enforces; returns the release."""
    release = fleet.sign_and_publish(EXAMPLES / "allow-dns.yaml")
    assert fleet.await_release(release)["one"]["state"] == "Compliant"
    return release


def says(fleet: Federation, text: str, times: int = 1) -> None:
    """Wait until the agent has said something so often."""
    agent = fleet.agents["one"]
    await_true(lambda: agent.output().count(text) >= times, subject="the agent", what=text, timeout=90)


def test_a_banned_agent_hears_nothing_enforces_on_and_comes_back_by_a_token(fleet: Federation, standing: int) -> None:
    fleet.edict("cluster", "ban", "one", "--reason", "stolen", "--yes")
    says(fleet, "EDICT0344")
    missed = fleet.json("publish", "--refresh", "--yes")["release"]
    row = fleet.status()["one"]
    assert (row["banned"], row["connected"], row["release"]) == (True, False, standing)
    assert "stolen" in row["banReason"]
    assert fleet.agents["one"].running
    fleet.edict("cluster", "unban", "one")
    says(fleet, "EDICT0347")
    token = Path(fleet.directory / "agents" / "one" / "token")
    token.write_text(fleet.edict("cluster", "reenrol", "one").stdout.strip())
    fleet.agents["one"].stop()
    fleet.agents["one"].launch()
    row = fleet.await_release(missed, timeout=90)["one"]
    assert (row["banned"], row["state"]) == (False, "Compliant")


def test_an_agent_changes_the_key_of_its_receipts_and_its_chain_goes_on(fleet: Federation, standing: int) -> None:
    before = fleet.status()["one"]["sequence"]
    key = fleet.json("get", "clusters")[0]["receiptKey"]
    token = Path(fleet.directory / "agents" / "one" / "token")
    token.write_text(fleet.edict("cluster", "reenrol", "one", "--new-receipt-key").stdout.strip())
    enrolled = fleet.agents["one"].output().count("enrolled ")
    fleet.agents["one"].stop()
    fleet.agents["one"].launch()
    says(fleet, "enrolled ", enrolled + 1)
    approved = fleet.edict("cluster", "approve", "one", "--yes")
    assert "endorsed by the pinned key" in approved.stderr
    release = fleet.publish()
    assert release > standing
    row = fleet.await_release(release, timeout=60)["one"]
    assert (row["state"], row["sequence"] > before) == ("Compliant", True)
    assert fleet.json("get", "clusters")[0]["receiptKey"] != key
