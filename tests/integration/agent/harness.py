"""The agent as a process on a real API server, and what landed there as the official client sees it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from tests.env import Cluster

BIN = Path(sys.executable).parent
SELECTOR = "app.kubernetes.io/managed-by=edict"
CILIUM = ("cilium.io", "v2", "ciliumclusterwidenetworkpolicies")
TIERS = ("projectcalico.org", "v3", "tiers")
CALICO = ("projectcalico.org", "v3", "globalnetworkpolicies")
SETS = ("projectcalico.org", "v3", "globalnetworksets")
UPSTREAM = ("policy.networking.k8s.io", "v1alpha2", "clusternetworkpolicies")
PLAIN = ("networking.k8s.io", "v1", "networkpolicies")
KINDS = {"cilium": (CILIUM,), "calico": (CALICO, SETS, TIERS), "upstream": (UPSTREAM, PLAIN), "plain": (PLAIN,)}
"""By kind of cluster what may stand there; policies are of the first."""


class Site:
    """One cluster with a namespace for one agent, seen through the official client."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.kind = cluster.kind
        self.namespace = namespace
        self.folder = folder
        api: Any = config.new_client_from_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call]
        self.core: Any = client.CoreV1Api(api)
        self.custom: Any = client.CustomObjectsApi(api)
        self.leases: Any = client.CoordinationV1Api(api)
        self.agents: list[AgentProcess] = []
        self.policies = KINDS[cluster.kind][0]

    def prepare(self) -> None:
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        self.wipe()

    def wipe(self) -> None:
        for kind in KINDS[self.kind]:
            for item in self.custom.list_cluster_custom_object(*kind, label_selector=SELECTOR)["items"]:
                self.delete(title(item), kind)

    def objects(self, kind: tuple[str, str, str] | None = None) -> dict[str, dict[str, Any]]:
        found = self.custom.list_cluster_custom_object(*(kind or self.policies), label_selector=SELECTOR)
        return {title(item): item for item in found["items"]}

    def of(self, policy: str) -> dict[str, dict[str, Any]]:
        """The objects of one policy of the team."""
        label = f"payments.{policy}"
        return {
            name: item
            for name, item in self.objects().items()
            if item["metadata"]["labels"].get("federation.edict.dev/policy") == label
        }

    def patch(self, name: str, body: dict[str, Any], kind: tuple[str, str, str] | None = None) -> None:
        """Change an object as somebody else would: by a merge patch under another field manager."""
        group, version, plural = kind or self.policies
        namespace, slash, own = name.rpartition("/")
        if slash:
            self.custom.patch_namespaced_custom_object(
                group, version, namespace, plural, own, body, field_manager="somebody"
            )
        else:
            self.custom.patch_cluster_custom_object(group, version, plural, own, body, field_manager="somebody")

    def delete(self, name: str, kind: tuple[str, str, str] | None = None) -> None:
        """Delete an object by its name, or by ``namespace/name``."""
        group, version, plural = kind or self.policies
        namespace, slash, own = name.rpartition("/")
        if slash:
            self.custom.delete_namespaced_custom_object(group, version, namespace, plural, own)
        else:
            self.custom.delete_cluster_custom_object(group, version, plural, own)

    async def agent(self, token: Path | None, *options: str) -> AgentProcess:
        argv = ["run", "--kubeconfig", str(self.cluster.kubeconfig), "--namespace", self.namespace]
        argv += ["--token-file", str(token)] if token else []
        agent = AgentProcess([*argv, *options], self.folder / f"agent-{len(self.agents)}.log")
        await agent.start()
        self.agents.append(agent)
        return agent


def title(item: dict[str, Any]) -> str:
    """Return an object's name, behind ``namespace/`` where it has one."""
    return "/".join(filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"])))


class AgentProcess:
    """One `edict-agent`."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self.argv = argv
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as out:
            environment = {key: value for key, value in os.environ.items() if not key.startswith("EDICT_")}
            self._process = await asyncio.create_subprocess_exec(
                str(BIN / "edict-agent"), *self.argv, stdout=out, stderr=out, env=environment
            )

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and return how it ended."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await self._process.wait()

    async def wait(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(30):
            return await self._process.wait()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    async def says(self, words: str, times: int = 1) -> None:
        await eventually(lambda: self.output.count(words) >= times, f"the agent says {words!r}", self)


async def eventually(
    condition: Callable[[], bool], what: str, agent: AgentProcess | None = None, seconds: float = 20
) -> None:
    """Wait until a condition of the outside world holds, which nobody announces."""
    try:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within {seconds} s: {what}\n{agent.output[-4000:] if agent else ''}")
