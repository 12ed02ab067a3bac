"""Every object of the cases and of the default random run is taken by the real API server, and kept as it was sent.

Only a dry run of server-side apply: the same name comes with many specs, and none has to wait for another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from edict_agent.translate import Dialect
from tests.engines.cases.judge import plan_of
from tests.engines.cases.table import cases
from tests.engines.fuzz.translated import objects_of
from tests.engines.rows import ROWS, Row
from tests.env import Cluster
from tests.env.clients import dynamic_client, server_side_apply
from tests.env.fixtures import MakeCluster

pytestmark = [pytest.mark.parts, pytest.mark.slow]

BATCHES = 7
"""As many as the default run of any dialect takes."""
WORKERS = 8


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dialect)
def test_the_api_server_takes_every_object(
    row: Row, make_cluster: MakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = objects_of(row, BATCHES, (plan_of(case, row) for case in cases()))
    cluster = make_cluster(row.kind, cnp_crd=row.channel or False)
    refused = [fault for fault in _applied(cluster, bodies) if fault]
    with capsys.disabled():
        print(f"\n{row.dialect}: {len(bodies):,} distinct objects taken by the API server")
    assert refused == []
    assert len(bodies) > (20 if row.dialect is Dialect.NETWORK_POLICY else 200)


def _applied(cluster: Cluster, bodies: list[dict[str, Any]]) -> list[str]:
    """Return for each object why it is not taken, the empty string where it is."""
    client = dynamic_client(cluster.kubeconfig)
    for name in sorted({body["metadata"]["namespace"] for body in bodies if "namespace" in body["metadata"]}):
        server_side_apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for body in bodies:
        if body["kind"] == "Tier":  # policies are refused where their tier is not there
            server_side_apply(client, body)

    def apply(body: dict[str, Any]) -> str:
        try:
            stored = server_side_apply(client, body, manager="edict-agent", dry_run=True).to_dict()
        except Exception as error:  # noqa: BLE001 - whatever the server says
            return f"{body}: {error}"
        lost = [key for key in body if key != "metadata" and stored.get(key) != body[key]]
        return f"{body}: kept as {stored}" if lost else ""

    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(apply, bodies))
