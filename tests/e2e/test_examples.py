"""The examples on both clusters, field by field, as the official client reads them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.objects import managed
from tests.e2e.conftest import EXAMPLES
from tests.e2e.federation import Federation
from tests.env.clients import dynamic_client

EXPECTED = Path(__file__).parents[1] / "unit" / "translate" / "golden"
MINE = {"labels", "annotations", "name"}
pytestmark = pytest.mark.parts


def stripped(item: dict[str, Any]) -> dict[str, Any]:
    """Return what an object says, without what the API server adds to every object."""
    meta = {key: value for key, value in item["metadata"].items() if key in MINE}
    return {**{key: value for key, value in item.items() if key not in {"metadata", "status"}}, "metadata": meta}


def test_both_clusters_hold_what_was_published(empty: Federation) -> None:
    files = sorted(EXAMPLES.glob("*.yaml"))
    status = empty.await_release(empty.sign_and_publish(*files))
    digests = empty.policies()
    for name, cluster in empty.clusters.items():
        found = managed(dynamic_client(cluster.kubeconfig), cluster.kind)
        expected = list(yaml.safe_load_all((EXPECTED / f"{cluster.kind}.yaml").read_text()))
        for item in expected:
            policy = item["metadata"]["labels"]["federation.edict.dev/policy"].replace(".", "/")
            if policy in digests:
                item["metadata"]["annotations"] = {"federation.edict.dev/document": f"sha256:{digests[policy]}"}
        read = {key: stripped(item) for key, item in found.items()}
        assert read == {(item["kind"], item["metadata"]["name"]): item for item in expected}, name
    assert status["one"]["state"] == "Compliant"
    states = {report["policy"]: report["state"] for report in status["two"]["policies"]}
    assert states.pop("platform/ai-egress") == "Degraded"
    assert set(states.values()) == {"Compliant"}
    assert len(states) == 4
