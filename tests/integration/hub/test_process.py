"""The program itself: starts in time or says why not, ends well, dies well, and takes its own etcd along."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edict.clock import SystemClock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict_hub import config as settings
from edict_hub.embedded import find
from edict_hub.server import Replica
from edict_hub.store import EtcdStore
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.hub.hubs import Hub, cluster, policy

pytestmark = pytest.mark.parts
SERVE = [sys.executable, "-c", "from edict_hub.main import run; run()", "serve"]
READY = re.compile(r"ready replica=(\S+) mtls=(\S+) enrol=(\S+)(?: metrics=(\S+))?")


@dataclass
class Served:
    """A running hub process and what its ready line said."""

    process: asyncio.subprocess.Process
    replica: str
    mtls: str
    metrics: str | None

    def admin(self, hub: Hub) -> Any:
        return rpc.AdminStub(hub.channel(self.mtls, hub.operator()))

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 20)


@contextlib.asynccontextmanager
async def serving(hub: Hub, *flags: str) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *SERVE, "--config", str(hub.folder / "hub.yaml"), *flags, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            match = None
            while match is None:
                line = (await process.stderr.readline()).decode()
                assert line, "it ended before it was ready"
                match = READY.match(line)
        yield Served(process, match[1], match[2], match[4])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def failing(hub: Hub, *flags: str, env: dict[str, str] | None = None) -> str:
    """Run a hub that must fail within five seconds, Python's own start apart, and return what it said."""
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        "--config",
        str(hub.folder / "hub.yaml"),
        *flags,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    _, told = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 2
    assert b"Traceback" not in told
    return told.decode().strip().splitlines()[-1]


async def test_it_prints_where_it_serves_and_ends_on_sigterm(hub: Hub, etcd: Etcd) -> None:
    hub.configure(etcd.endpoint)
    async with serving(hub, "--replica", "north", "--metrics-listen", "127.0.0.1:0") as served:
        assert served.replica == "north"
        answer = await served.admin(hub).Publish(hub.request(cluster("c1"), policy("p")))
        assert answer.release == 2
        with await asyncio.to_thread(urllib.request.urlopen, f"http://{served.metrics}/metrics") as page:
            text = page.read().decode()
        assert re.search(r"^edict_hub_release(\{.*\})? 2\.0$", text, re.MULTILINE)
        assert re.search(r"^edict_hub_publishes_total(\{.*\})? 1\.0$", text, re.MULTILINE)
        assert await served.end(signal.SIGTERM) == 0


async def test_a_traceparent_of_the_publish_travels_with_the_release(hub: Hub, etcd: Etcd) -> None:
    hub.configure(etcd.endpoint)
    async with serving(hub) as served:
        request = hub.request(cluster("c1"))
        request.traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
        await served.admin(hub).Publish(request)
        stub = rpc.FederationStub(hub.channel(served.mtls, hub.agent("c1")))
        call = stub.Sync()
        await call.write(pb.AgentMessage(have=pb.Have(root_version=1)))
        message = await asyncio.wait_for(call.read(), 10)
        assert isinstance(message, pb.HubMessage)
        assert message.release.traceparent.startswith(f"00-{'a' * 32}-")
        assert "b" * 16 not in message.release.traceparent
        call.cancel()


async def test_what_was_acknowledged_survives_kill_minus_nine(hub: Hub, etcd: Etcd) -> None:
    hub.configure(etcd.endpoint)
    async with serving(hub) as served:
        await served.admin(hub).Publish(hub.request(cluster("c1")))
        await served.end(signal.SIGKILL)
    async with serving(hub) as served:
        assert (await served.admin(hub).State(pb.StateRequest())).release == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_the_embedded_etcd_ends_with_the_hub_and_its_data_stays(hub: Hub, number: signal.Signals) -> None:
    require_parts("etcd")
    hub.configure(None)
    async with serving(hub) as served:
        await served.admin(hub).Publish(hub.request(cluster("c1")))
        assert members(hub)
        await served.end(number)
    async with serving(hub) as served:
        assert (await served.admin(hub).State(pb.StateRequest())).release == 2
        assert len(members(hub)) == 1
        await served.end(signal.SIGTERM)
    assert members(hub) == []


async def test_an_embedded_etcd_that_dies_is_started_again(hub: Hub) -> None:
    require_parts("etcd")
    hub.configure(None)
    async with serving(hub) as served:
        await served.admin(hub).Publish(hub.request(cluster("c1")))
        (pid,) = members(hub)
        os.kill(pid, signal.SIGKILL)
        admin, request = served.admin(hub), hub.request(policy("p"))
        async with asyncio.timeout(30):
            while members(hub) in ([], [pid]):  # noqa: ASYNC110 - another process's start is waited for
                await asyncio.sleep(0.1)
        assert (await admin.Publish(request)).release == 3


def members(hub: Hub) -> list[int]:
    """Return the etcd processes on the hub's data folder."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            argv = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
            if f"--data-dir={hub.folder}/etcd/etcd".encode() in argv and argv[0].endswith(b"etcd"):
                found.append(int(folder.name))
    return found


async def test_start_up_errors_have_a_code(hub: Hub) -> None:
    hub.configure("http://127.0.0.1:1")
    assert "EDICT0401" in await failing(hub)
    assert "EDICT0404" in await failing(hub, "--etcd", "embedded", env={"EDICT_ETCD": "/bin/false"})


def test_what_is_missing_or_exposed_is_told_before_anything_starts(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDICT_ETCD", "/nowhere/etcd")
    with pytest.raises(HubError, match="EDICT0403"):
        find()
    config = settings.load(hub.configure("http://127.0.0.1:1"), {})
    store = EtcdStore([], clock=SystemClock())
    (hub.folder / "ca.key").chmod(0o644)
    with pytest.raises(HubError, match="EDICT0406"):
        Replica(config, store, SystemClock(), random.Random(1))
    (hub.folder / "ca.key").unlink()
    with pytest.raises(HubError, match="EDICT0407"):
        Replica(config, store, SystemClock(), random.Random(1))


async def test_a_taken_port_is_told_with_a_code(hub: Hub, etcd: Etcd) -> None:
    hub.configure(etcd.endpoint)
    async with serving(hub) as served:
        assert "EDICT0408" in await failing(hub, "--mtls-listen", served.mtls)
