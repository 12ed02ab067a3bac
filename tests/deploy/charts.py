"""Renders the charts with the real helm, with the least that they ask for and with everything set."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.env.fixtures import require_parts

DEPLOY = Path(__file__).parents[2] / "deploy"
VALUES = Path(__file__).with_name("values")
NAMESPACE = "deploy-test"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One chart with one set of values; `name` says which."""

    chart: str
    name: str
    settings: tuple[str, ...] = ()
    file: str = ""

    @property
    def folder(self) -> Path:
        """The chart."""
        return DEPLOY / "charts" / self.chart

    @property
    def flags(self) -> list[str]:
        """How helm is told the values."""
        sets = [part for setting in self.settings for part in ("--set", setting)]
        return [*sets, *(("--values", str(VALUES / self.file)) if self.file else ())]

    def helm(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run helm on the chart."""
        argv: list[str | Path] = [
            require_parts("helm")["helm"],
            verb,
            *arguments,
            self.folder,
            "--namespace",
            NAMESPACE,
            *self.flags,
        ]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    def render(self) -> list[Manifest]:
        """Return every object."""
        done = self.helm("template", self.chart)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]


AGENT = Case("edict-agent", "least", ("cluster=fra1",))
AGENT_CILIUM = Case("edict-agent", "cilium", ("cluster=fra1", "dialect=cilium"))
AGENT_CILIUM_TIERS = Case("edict-agent", "cilium-tiers", ("cluster=fra1", "dialect=cilium-tiers"))
AGENT_CALICO = Case("edict-agent", "calico", ("cluster=fra1", "dialect=calico"))
AGENT_CLUSTER_NETWORK_POLICY = Case(
    "edict-agent", "cluster-network-policy", ("cluster=fra1", "dialect=cluster-network-policy")
)
AGENT_NETWORK_POLICY = Case("edict-agent", "network-policy", ("cluster=fra1", "dialect=network-policy"))
AGENT_FULL = Case("edict-agent", "full", file="edict-agent.yaml")
HUB = Case("edict-hub", "least", ("existingSecret=edict-hub",))
HUB_HARD = Case("edict-hub", "hard", ("existingSecret=edict-hub", "antiAffinity=hard"))
HUB_FULL = Case("edict-hub", "full", file="edict-hub.yaml")
CASES = (
    AGENT,
    AGENT_CILIUM,
    AGENT_CILIUM_TIERS,
    AGENT_CALICO,
    AGENT_CLUSTER_NETWORK_POLICY,
    AGENT_NETWORK_POLICY,
    AGENT_FULL,
    HUB,
    HUB_HARD,
    HUB_FULL,
)


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of some kinds."""
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def one(manifests: Iterable[Manifest], kind: str) -> Manifest:
    """Return the one object of a kind."""
    (found,) = of_kind(manifests, kind)
    return found


def pod_templates(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Yield the Pod of each Deployment."""
    for manifest in of_kind(manifests, "Deployment"):
        yield manifest["spec"]["template"]


def containers(template: Manifest) -> list[Manifest]:
    """Return all containers of a Pod."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]
