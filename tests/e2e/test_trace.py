"""A publish is one trace: from the command through the hub to `accepted` at each agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.collector import Collector, Seen
from tests.e2e.conftest import EXAMPLES, PARTS
from tests.e2e.federation import Federation
from tests.env.fixtures import require_parts

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(180)]


def test_one_publish_is_one_trace(tmp_path: Path) -> None:
    require_parts(*PARTS)
    with (
        Collector() as collector,
        Federation.start(
            tmp_path, hubs=1, clusters={"one": "cilium", "two": "calico"}, collector=collector.endpoint
        ) as federation,
    ):
        federation.await_release(federation.sign_and_publish(EXAMPLES / "deny-cloud-metadata.yaml"))

        def complete(spans: list[Seen]) -> bool:
            return any({"one", "two"} <= accepted(spans, root) for root in publishes(spans))

        spans = collector.wait_for(complete, timeout=30)
    roots = [root for root in publishes(spans) if {"one", "two"} <= accepted(spans, root)]
    assert roots, sorted({(span.service, span.instance, span.name) for span in spans})
    within = [span for span in spans if span.trace == roots[-1].trace]
    assert {"edict", "edict-hub", "edict-agent"} <= {span.service for span in within}
    ids = {span.span for span in within}
    assert all(span.parent in ids for span in within if span.parent), "no span hangs in the air"


def publishes(spans: list[Seen]) -> list[Seen]:
    """Return the spans that begin a publish."""
    return [span for span in spans if span.name == "publish" and not span.parent]


def accepted(spans: list[Seen], root: Seen) -> set[str]:
    """Return the clusters whose `accepted` belongs to the trace of a publish."""
    return {
        span.instance
        for span in spans
        if span.trace == root.trace and span.name == "accepted" and span.service == "edict-agent"
    }
