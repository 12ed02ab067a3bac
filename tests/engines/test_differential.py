"""Random policies beside random NetworkPolicies: a plugin's own engine and the reference agree on every verdict.

``EDICT_FUZZ=N`` asks N worlds of each engine instead of the default; ``--hypothesis-seed`` repeats a run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from edict.policy.model import PolicySpec
from edict.policy.rules import Direction
from edict_agent.translate import Dialect, Facts, PlacedPolicy, translate
from tests.engines.engine import Engine, Flow, Scene, Verdict
from tests.engines.local import LocalPolicy, local_policies
from tests.property.connections import Connection, interesting
from tests.property.strategies import placed_policies, plain_policies, sayable_policies
from tests.property.world import AGENT, LABELS, NODE_CIDRS, NODES, OUTSIDE, POD_CIDRS, Place, verdict

WORLDS = int(os.environ.get("EDICT_FUZZ", "500"))
FACTS = Facts(
    plugin_version="1.20.2",
    pod_cidrs=POD_CIDRS,
    node_cidrs=NODE_CIDRS,
    options={"enable-sctp": "true"},
    cluster_name="default",
)
NAMESPACES = tuple(
    {"kubernetes.io/metadata.name": name} | labels
    for name, labels in (("x", {}), ("y", {"a": "x"}), (AGENT, {"b": "y"}), ("other", {"a": "y", "b": "x"}))
)
PODS = tuple(
    Place(address.format(number), namespace, dict(labels))
    for number, (namespace, labels) in enumerate(
        ((namespace, labels) for namespace in NAMESPACES for labels in LABELS), start=1
    )
    for address in ("10.244.0.{0}", "fd00:1::{0:x}")
)
PLACES = PODS + NODES + OUTSIDE


def meant(policies: Sequence[PolicySpec], beside: Sequence[LocalPolicy], flow: Flow) -> Verdict:
    """Return the verdict of the reference."""
    read, ends = [one.read() for one in beside], (flow.source, flow.destination)
    egress, ingress = (verdict(policies, read, way, ends, flow.spoken) for way in (Direction.EGRESS, Direction.INGRESS))
    return Verdict(egress=egress, ingress=ingress)


def flow_of(connection: Connection) -> Flow:
    """Return the flow of a connection."""
    direction, subject, other, spoken = connection
    source, destination = (subject, other) if direction is Direction.EGRESS else (other, subject)
    return Flow(source, destination, spoken)


@given(
    policies=st.one_of(plain_policies(), sayable_policies(), placed_policies()),
    beside=local_policies(),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=WORLDS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_engine_and_reference_agree(
    dialect: Dialect, engine: Engine, policies: list[PlacedPolicy], beside: list[LocalPolicy], random: Random
) -> None:
    plan = translate(dialect, policies, FACTS, AGENT)
    refused = {one.policy for one in plan.policies if one.refused}
    kept = [policy for policy in policies if policy.id not in refused]
    flows = [flow_of(connection) for connection in interesting(kept, random, PLACES)]
    scene = Scene(PLACES, [one.body for one in plan.objects], [one.manifest() for one in beside])
    answer = engine.judge(scene, flows)
    assert answer.rejected == ()
    event(f"{len(kept)} kept")
    specs = [policy.document.spec.policy for policy in kept]
    for flow, made in zip(flows, answer.verdicts, strict=True):
        wanted = meant(specs, beside, flow)
        assert made == wanted, _world(flow, scene, made, wanted)


def _world(flow: Flow, scene: Scene, made: Verdict, wanted: Verdict) -> str:
    """Print what a disagreement needs to be understood, and run again by hand."""
    ends = " ".join(f"[{place.namespace} {place.pod}]" for place in (flow.source, flow.destination))
    objects = msgspec.json.encode([*scene.objects, *scene.network_policies]).decode()
    return f"{flow} {ends}\nthe engine says {made}\nthe reference   {wanted}\n{objects}"
