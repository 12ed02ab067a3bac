"""The hub's CA is replaced by the command, step by step; a step that would cut a cluster off is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from edict.pki import chains
from edict.pki.token import Token
from edict.trust import authorities
from edict_agent.sync import renewal
from edict_cli.main import run
from tests.env._wait import await_true
from tests.integration.cli.conftest import RunningHub
from tests.integration.cli.desk import PASSPHRASE, Desk, EnrolledCluster
from tests.integration.hub.rotating import LightAgent

pytestmark = pytest.mark.parts


def hub_certificates(workspace: Path, name: str) -> tuple[x509.Certificate, ...]:
    return chains.split((workspace / "hub" / name).read_bytes())


@contextmanager
def running(agent: LightAgent) -> Iterator[LightAgent]:
    """Run an agent in a thread of its own until the end of the block."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(agent.run())
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.gather(task, return_exceptions=True)))
    thread.start()
    try:
        yield agent
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


def enrolled(desk: Desk, name: str = "fra1") -> LightAgent:
    """A published cluster, and an agent that has its token."""
    desk("cluster", "add", name, "--plugin", "cilium", "--publish")
    return LightAgent(name, Token.decode(desk("cluster", "token", name).out.strip()))


def refused(desk: Desk, *step: str, code: str) -> None:
    assert code in desk("hub", "authority", *step, expect=2).err


def listed(desk: Desk) -> tuple[str, ...]:
    newest = max((desk.workspace / "metadata").glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))
    return authorities.read(newest.read_bytes())


def pems(certificates: tuple[x509.Certificate, ...]) -> tuple[str, ...]:
    return tuple(chains.pem_of(each).decode() for each in certificates)


def test_a_ca_is_replaced_with_an_agent_connected_all_the_time(
    desk: Desk, hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "SPREAD_SECONDS", 0.05)
    (old,) = hub_certificates(hub.workspace, "ca.crt")
    with running(enrolled(desk)) as agent:
        await_true(lambda: bool(agent.verified), subject="the agent", what="a release", timeout=20)
        assert listed(desk) == ()
        desk("hub", "authority", "new")
        refused(desk, "new", code="EDICT0640")
        refused(desk, "switch", code="EDICT0640")
        desk("publish")
        assert listed(desk) == pems(hub_certificates(hub.workspace, "ca.crt"))
        switched = lambda: desk("hub", "authority", "switch", expect=None).code == 0  # noqa: E731 - waited for
        await_true(switched, subject="the cluster", what="the root with both", timeout=20)

        new = hub_certificates(hub.workspace, "ca.crt")[0]
        assert new != old
        assert chains.issued(hub_certificates(hub.workspace, "server.crt")[0], new)
        desk("hub", "authority", "retire")
        desk("publish")
        assert listed(desk) == pems((new,))
        await_true(lambda: agent.is_of_certificate(new), subject="the agent", what="a certificate", timeout=20)
        refused(desk, "finish", code="EDICT0641")
        desk("hub", "authority", "finish", "--force")
        assert hub_certificates(hub.workspace, "ca.crt") == (new,)
        refused(desk, "finish", code="EDICT0640")

        release = agent.verified[-1][0] + 1
        desk("publish", "--refresh")
        await_true(lambda: agent.verified[-1][0] == release, subject="the agent", what=f"release {release}", timeout=20)
    assert [view["name"] for view in desk.json("hub", "authority", "list")] == [chains.name_of(new)]
    assert Token.decode(desk("cluster", "token", "fra1").out.strip()).ca_pem == pems((new,))[0]


def test_a_switch_waits_for_receipts_and_not_for_the_hub_s_word(desk: Desk) -> None:
    desk("cluster", "add", "fra1", "--plugin", "cilium", "--publish")
    cluster = EnrolledCluster("fra1", desk("cluster", "token", "fra1").out.strip())
    desk("cluster", "approve", "fra1", "--yes", "--publish")
    desk("hub", "authority", "new")
    release = desk.json("publish")["release"]
    refused(desk, "switch", code="EDICT0641")
    cluster.tell(release=release, root_version=1)
    refused(desk, "switch", code="EDICT0641")
    cluster.tell(release=release, root_version=2)
    desk("hub", "authority", "switch")


def test_an_old_ca_is_not_retired_while_the_hub_serves_under_it(desk: Desk, hub: RunningHub) -> None:
    desk("cluster", "add", "fra1", "--plugin", "cilium", "--publish")
    refused(desk, "retire", code="EDICT0640")
    desk("hub", "authority", "new")
    desk("publish")
    before = {name: (hub.workspace / "hub" / name).read_bytes() for name in ("ca.crt", "ca.key", "server.crt")}
    before["server.key"] = (hub.workspace / "hub" / "server.key").read_bytes()
    desk("hub", "authority", "switch")
    after = {name: (hub.workspace / "hub" / name).read_bytes() for name in before}
    for name, data in before.items():
        (hub.workspace / "hub" / name).write_bytes(data)
    (hub.workspace / "hub" / "ca.crt").write_bytes(after["ca.crt"])
    refused(desk, "retire", code="EDICT0641")
    for name, data in after.items():
        (hub.workspace / "hub" / name).write_bytes(data)
    desk("hub", "authority", "retire")


def test_a_hub_below_an_offline_root_is_known_by_it_and_gets_another_ca_below_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "edict"
    asked = ["init", str(folder), "--trust-domain", "bank.example", "--hub", "h:1", "--enrol", "h:2", "--offline-ca"]
    assert run(asked) == 0
    root = chains.split((folder / "keys" / "ca-root.crt").read_bytes())[0]
    (first,) = hub_certificates(folder, "ca.crt")
    assert chains.issued(first, root)
    assert chains.split((folder / "operator" / "ca.crt").read_bytes()) == (root,)
    assert [*hub_certificates(folder, "server.crt")][1:] == [first]
    assert b"ENCRYPTED" in (folder / "keys" / "ca-root.pem").read_bytes()
    assert not (folder / "hub" / "ca-root.pem").exists()
    desk = Desk(folder, capsys)
    monkeypatch.setenv("EDICT_PASSPHRASE", "wrong")
    refused(desk, "new", code="EDICT0303")
    monkeypatch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
    desk("hub", "authority", "new")
    _, second = hub_certificates(folder, "ca.crt")
    assert chains.issued(second, root)
    assert chains.path_length(second) == 0
    views = desk.json("hub", "authority", "list")
    assert [(view["issues"], view["hubBelieves"], view["listed"], view["pending"]) for view in views] == [
        (True, True, False, True),
        (False, True, False, True),
    ]
