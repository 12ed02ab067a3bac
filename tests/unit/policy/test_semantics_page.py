"""The example of docs/concepts/semantics.md is decided as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict.policy.model import PolicySpec
from edict.policy.rules import Direction
from edict.policy.semantics import decide
from edict.policy.world import Flow, Pod, World

PAGE = (Path(__file__).parents[3] / "docs" / "concepts" / "semantics.md").read_text()
NAMESPACES = ("shop", "web", "guests", "db", "monitoring", DEFAULT_AGENT_NAMESPACE)
TEAMS = ("shop", "web", "guests")
PODS = {name: f"10.244.0.{place}" for place, name in enumerate(NAMESPACES, start=1)}
WORLD = World(
    namespaces={name: {"team": name} if name in TEAMS else {} for name in NAMESPACES},
    pods=tuple(Pod(name, "pod", {}, (address,)) for name, address in PODS.items()),
)
MANIFESTS = list(yaml.safe_load_all(PAGE.split("```yaml\n")[1].split("```")[0]))
ROWS = re.findall(r"^\| (\S+) to (\S+) (\d+)/(\w+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_the_example_has_rows() -> None:
    assert len(ROWS) == len(PAGE.split("| connection |")[1].split("\n\n")[0].splitlines()) - 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} to {row[1]} {row[2]}")
def test_the_example_is_decided_so(row: tuple[str, ...]) -> None:
    source, destination, port, protocol, egress, ingress = row
    flow = Flow(PODS.get(source, source), PODS.get(destination, destination), protocol.lower(), int(port))
    assert _said(Direction.EGRESS, flow) == egress
    assert _said(Direction.INGRESS, flow) == ingress


def _said(direction: Direction, flow: Flow) -> str:
    own = [network_policy(one) for one in MANIFESTS if one["kind"] == NetworkPolicy.__struct_config__.tag]
    policies = [
        (one["metadata"]["name"], msgspec.convert(one["spec"], PolicySpec))
        for one in MANIFESTS
        if one["kind"] == "ClusterNetworkPolicy"
    ]
    found = decide(policies, own, WORLD, direction, flow, DEFAULT_AGENT_NAMESPACE)
    if found is None:
        return "-"
    return " ".join(word for word in (found.verdict, "by", found.tier, found.policy, found.rule) if word)
