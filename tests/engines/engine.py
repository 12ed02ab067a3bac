"""A plugin's own policy engine as a process of ours: worlds in, verdicts out (the contract is `contract.go`)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from tests.property.world import Place, Spoken

_PROTOCOLS = {"icmp4": 1, "tcp": 6, "udp": 17, "gre": 47, "icmp6": 58, "sctp": 132}


class Flow(Struct, frozen=True):
    """A new connection from one place to another."""

    source: Place
    destination: Place
    spoken: Spoken

    def __str__(self) -> str:
        return f"{self.source.address} -> {self.destination.address} {self.spoken.name} {self.spoken.number}"


class Verdict(Struct, frozen=True):
    """Whether a flow is allowed in each direction; None where that end is no pod."""

    egress: bool | None
    ingress: bool | None


class Rejected(Struct, frozen=True):
    """An object that the plugin does not take."""

    name: str
    reason: str


class Answer(Struct, frozen=True):
    """What the engine says of one world; ``error`` is our program's own, and no verdict then counts."""

    verdicts: tuple[Verdict, ...]
    rejected: tuple[Rejected, ...]
    error: str = ""


class Scene(Struct, frozen=True):
    """What stands in a cluster and around it. ``names`` are the domain names of addresses outside."""

    places: tuple[Place, ...]
    objects: Sequence[dict[str, Any]]
    network_policies: Sequence[dict[str, Any]] = ()
    names: Mapping[str, Sequence[str]] = {}

    def ask(self, flows: Sequence[Flow]) -> dict[str, Any]:
        """Return the line that asks an engine about flows in this scene."""
        namespaces: dict[str, dict[str, str]] = {}
        pods: list[dict[str, Any]] = []
        for place in self.places:
            if place.namespace is None or place.pod is None:
                continue
            name = place.namespace["kubernetes.io/metadata.name"]
            namespaces[name] = place.namespace
            pods.append({"namespace": name, "name": f"pod-{len(pods)}", "labels": place.pod, "ip": place.address})
        return {
            "objects": self.objects,
            "networkPolicies": self.network_policies,
            "namespaces": [{"name": name, "labels": labels} for name, labels in namespaces.items()],
            "pods": pods,
            "nodes": [place.address for place in self.places if place.is_node],
            "names": self.names,
            "flows": [_flow(flow) for flow in flows],
        }


class Engine:
    """A running engine; use it in a ``with``."""

    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def judge(self, scene: Scene, flows: Sequence[Flow]) -> Answer:
        """Return the engine's answer, one verdict for each flow."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(scene.ask(flows)) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the engine ended; its last words are on standard error"
        answer = msgspec.json.decode(line, type=Answer)
        assert not answer.error, answer.error
        assert len(answer.verdicts) == len(flows)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def _flow(flow: Flow) -> dict[str, Any]:
    """Write a flow; a protocol without ports gets one, since Cilium cannot look up port 0."""
    return {
        "from": flow.source.address,
        "to": flow.destination.address,
        "protocol": _PROTOCOLS[flow.spoken.name],
        "port": 1 if flow.spoken.name == "gre" else flow.spoken.number,
    }
