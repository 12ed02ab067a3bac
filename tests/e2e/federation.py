"""A whole federation of real processes: etcd, hub replicas, clusters, agents, and an author's workspace.

Everything goes through the shipped commands (`edict`, `edict-hub`, `edict-agent`), and each agent runs under the
rights that its Helm chart gives it. Used by tests/e2e, bench/ and the demo.

    with Federation.start(folder, hubs=2, clusters={"one": "cilium", "two": "calico"}) as federation:
        federation.sign_and_publish("examples/allow-dns.yaml")
        federation.await_release("one")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.e2e.install import install_agent
from tests.env import Cluster, Etcd, Kind, Process
from tests.env._wait import await_true, free_ports

BIN = Path(sys.executable).parent
TRUST_DOMAIN = "bank.example"
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of throw-away keys
NAMESPACE = "edict-system"


class CommandError(AssertionError):
    """A shipped command ended otherwise than expected; says what it printed."""


@dataclass
class Service:
    """One shipped program as a process that can be killed and started again with the same arguments."""

    name: str
    argv: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    process: Process | None = None

    def launch(self) -> None:
        """Start it; returns before it is ready."""
        self.process = Process.start(self.argv, log=self.log, env={**os.environ, **self.env})

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after five seconds."""
        if self.process is not None:
            self.process.stop()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.exit_code() is None

    def output(self) -> str:
        """All that it printed since the first start."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@dataclass
class Federation:
    """See the module. `clusters` maps a name to its running API servers."""

    directory: Path
    etcd: Etcd
    hubs: list[Service] = field(default_factory=list)
    agents: dict[str, Service] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    ports: list[tuple[int, int]] = field(default_factory=list)
    collector: str = ""
    """Address of an OTLP collector for every shipped program."""

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        hubs: int = 2,
        clusters: Mapping[str, Kind],
        say: Callable[[str], None] = lambda _: None,
        collector: str = "",
    ) -> Federation:
        """Start everything, enrol every cluster and pin its receipt key; returns when all agents are connected."""
        federation = cls(directory, Etcd.start(directory), collector=collector)
        try:
            federation.start_clusters(clusters, say)
            federation.start_hubs(hubs, say)
            for name, kind in clusters.items():
                federation.add_cluster(name, kind)
            federation.publish()
            for name in clusters:
                say(f"enrol {name}")
                federation.start_agent(name)
            federation.pin_receipt_keys()
        except BaseException:
            federation.stop()
            raise
        return federation

    def start_clusters(self, clusters: Mapping[str, Kind], say: Callable[[str], None]) -> None:
        """Start the clusters side by side."""
        say("start the clusters' API servers")
        with ThreadPoolExecutor(len(clusters) or 1) as pool:
            made = {
                name: pool.submit(Cluster.start, kind, self.etcd, self.directory / "clusters", name=name)
                for name, kind in clusters.items()
            }
            self.clusters = {name: future.result() for name, future in made.items()}

    def start_hubs(self, count: int, say: Callable[[str], None]) -> None:
        """Make the workspace and start `count` replicas on the one etcd."""
        say("make keys, trust root and CA (edict init)")
        ports = free_ports(3 * count)
        self.ports = list(zip(ports[:count], ports[count : 2 * count], strict=True))
        self.edict(
            "init",
            str(self.workspace),
            *("--trust-domain", TRUST_DOMAIN),
            *("--hub", ",".join(f"127.0.0.1:{mtls}" for mtls, _ in self.ports)),
            *("--enrol", ",".join(f"127.0.0.1:{enrol}" for _, enrol in self.ports)),
            *("--team", "platform"),
            *("--etcd", self.etcd.endpoint),
            workspace=False,
        )
        say(f"start {count} hub replicas")
        for index, (mtls, enrol) in enumerate(self.ports):
            replica = f"hub-{index}"
            argv: list[str | Path] = [
                *(BIN / "edict-hub", "serve", "--config", self.workspace / "hub" / "hub.yaml"),
                *("--replica", replica),
                *("--mtls-listen", f"127.0.0.1:{mtls}", "--enrol-listen", f"127.0.0.1:{enrol}"),
                *("--metrics-listen", f"127.0.0.1:{ports[2 * count + index]}"),
            ]
            hub = Service(replica, argv, self.directory / "logs" / f"{replica}.log", self.telemetry)
            self.hubs.append(hub)
            hub.launch()
        for hub in self.hubs:
            self.await_hub(hub)

    def await_hub(self, hub: Service, *, starts: int = 1) -> None:
        """Wait until a replica has said that it is ready, for the `starts`-th time."""

        def ready() -> bool:
            if not hub.running:
                raise CommandError(f"{hub.name} ended:\n{hub.output()[-3000:]}")
            return hub.output().count("ready replica=") >= starts

        await_true(ready, subject=hub.name, what="readiness", timeout=20)

    def add_cluster(self, name: str, kind: Kind) -> None:
        """Sign a cluster into the inventory (not yet published)."""
        self.edict("cluster", "add", name, "--plugin", kind, "--label", f"plugin={kind}", "--owner", "demo")

    def start_agent(self, name: str, *, kubeconfig: Path | None = None) -> None:
        """Enrol a cluster with a token and start its agent, under the chart's RBAC unless a kubeconfig is given."""
        token = self.edict("cluster", "token", name).stdout.strip()
        folder = self.directory / "agents" / name
        folder.mkdir(parents=True, exist_ok=True)
        token_file = folder / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(token)
        if kubeconfig is None:
            cluster = self.clusters[name]
            install_agent(cluster)
            kubeconfig = cluster.kubeconfig_for(NAMESPACE, "edict-agent")
        metrics, health = free_ports(2)
        argv: list[str | Path] = [
            *(BIN / "edict-agent", "run", "--cluster", name, "--namespace", NAMESPACE),
            *("--kubeconfig", kubeconfig, "--token-file", token_file),
            *("--metrics-listen", f"127.0.0.1:{metrics}", "--health-listen", f"127.0.0.1:{health}"),
        ]
        agent = Service(f"agent-{name}", argv, self.directory / "logs" / f"agent-{name}.log", self.telemetry)
        self.agents[name] = agent
        agent.launch()

    def pin_receipt_keys(self) -> None:
        """Sign every enrolled cluster's receipt key in, and publish."""

        def enrolled(name: str) -> bool:
            agent = self.agents[name]
            if not agent.running:
                raise CommandError(f"{agent.name} ended:\n{agent.output()[-3000:]}")
            found = self.edict("cluster", "approve", name, "--yes", expect=None)
            return found.returncode == 0

        for name in self.agents:
            await_true(partial(enrolled, name), subject=name, what="enrolment", timeout=30)
        self.publish()

    # The author's side

    @property
    def workspace(self) -> Path:
        """The author's folder."""
        return self.directory / "workspace"

    @property
    def telemetry(self) -> dict[str, str]:
        """Environment of every shipped program."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.collector} if self.collector else {}

    def edict(self, *args: str, workspace: bool = True, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the `edict` command; raises CommandError unless it ends with `expect` (None: anything)."""
        argv = [str(BIN / "edict"), *(("-C", str(self.workspace)) if workspace else ()), *args]
        env = {**os.environ, "EDICT_PASSPHRASE": PASSPHRASE, "NO_COLOR": "1", **self.telemetry}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
        if expect is not None and done.returncode != expect:
            raise CommandError(f"edict {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sign(self, *files: Path | str) -> None:
        """Sign documents of the team `platform` into the pending release."""
        self.edict("sign", "--team", "platform", *(part for file in files for part in ("-f", str(file))))

    def publish(self) -> int:
        """Publish what is pending; returns the number of the release."""
        return int(self.json("publish", "--yes")["release"])

    def sign_and_publish(self, *files: Path | str) -> int:
        """Sign and publish; returns the number of the release."""
        self.sign(*files)
        return self.publish()

    def remove_and_publish(self, *names: str) -> int:
        """Take policies (``team/name``) out and publish; returns the number of the release."""
        self.edict("sign", *(part for name in names for part in ("--remove", name)))
        return self.publish()

    def json(self, *args: str, expect: int | None = 0) -> Any:
        """Run a command with ``-o json`` and return what it printed."""
        return json.loads(self.edict(*args, "-o", "json", expect=expect).stdout)

    def status(self) -> dict[str, Any]:
        """What `edict status` knows, by cluster."""
        return {row["cluster"]: row for row in self.json("status", expect=None)["clusters"]}

    def await_release(self, release: int, *, timeout: float = 30) -> dict[str, Any]:
        """Wait until every cluster has signed that it is at a release and done with it; returns the status."""
        seen: dict[str, Any] = {}

        def there() -> bool:
            seen.clear()
            seen.update(self.status())
            done = [int(row["release"]) >= release and row["state"] != "Pending" for row in seen.values()]
            return all(done) and len(done) == len(self.agents)

        await_true(there, subject="the fleet", what=f"release {release}", timeout=timeout)
        return seen

    def policies(self) -> dict[str, str]:
        """Return the digest of every published policy, by ``team/name``."""
        return {row["policy"]: row["digest"] for row in self.json("get", "policies")}

    # The end

    def stop(self) -> None:
        """End everything that was started; files stay."""
        for service in [*self.agents.values(), *self.hubs]:
            service.stop()
        for cluster in self.clusters.values():
            cluster.stop()
        self.etcd.stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()
