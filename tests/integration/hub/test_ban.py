"""A ban cuts a cluster off on every replica, whatever it tries; only the end of the ban lets it back."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import Role, cluster_id
from edict.pki.reenrol import Claim, prove
from edict.trust.roles import ROOT
from edict_hub.gate import banned
from edict_hub.services._requests import MAX_REASON
from edict_hub.session import Session
from edict_hub.store import EtcdStore, Put, keys
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Agent, Hub, Running, cluster, policy, replica, token

pytestmark = pytest.mark.parts
C1 = ClusterName("c1")
BAN = pb.BanRequest(cluster="c1", reason="its laptop was stolen")
UNBAN = pb.UnbanRequest(cluster="c1")


@pytest.fixture
async def both(hub: Hub, etcd: Etcd, running: Running) -> AsyncIterator[tuple[Running, Running]]:
    """Two replicas of a hub whose inventory has c1 and c2."""
    await running.admin().Publish(hub.request(cluster("c1"), cluster("c2")))
    async with replica(hub, etcd.endpoint, replica="two") as two:
        yield running, two


async def served(running: Running, name: str) -> Agent:
    """Return an agent whose stream is open and that has the release."""
    agent = Agent(running.federation(name))
    await agent.have()
    await agent.ack(await agent.release(), pb.ACK_STAGE_VERIFIED)
    return agent


async def refusal(call: Any) -> str:
    try:
        await asyncio.wait_for(call, 10)
    except grpc.aio.AioRpcError as error:
        return str(error.details())
    return ""


async def until(condition: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a state of the replica, not an event
            await asyncio.sleep(0.01)


async def banned_at(agent: Agent) -> float:
    """Wait until a stream is ended by a ban, and return when that was."""
    assert "EDICT0344" in (await agent.ended(30))[1]
    return time.monotonic()


async def latencies(agents: list[Agent], ban: Any) -> list[float]:
    """Ban, and return how many seconds after the call's return each stream ended: below 0 where it was before."""
    ending = [asyncio.ensure_future(banned_at(agent)) for agent in agents]
    await ban
    returned = time.monotonic()
    return [at - returned for at in await asyncio.gather(*ending)]


def milliseconds(late: list[float]) -> str:
    return ", ".join(f"{seconds * 1000:.0f} ms" for seconds in late)


async def test_a_ban_ends_the_streams_on_both_replicas_within_two_seconds(both: tuple[Running, Running]) -> None:
    one, two = both
    agents = [await served(one, "c1"), await served(two, "c1")]
    other = await served(two, "c2")
    late = await latencies(agents, one.admin().Ban(BAN))
    print(
        f"after the ban's return, the streams on the replica that was asked and the other ended by {milliseconds(late)}"
    )
    assert max(late) < 2
    assert await other.hears_nothing()


async def test_without_its_ear_for_bans_a_replica_goes_on_serving_a_banned_cluster(
    hub: Hub, both: tuple[Running, Running]
) -> None:
    """The control: it is this that ends the stream."""
    one, two = both
    two.replica.status.bans.on_ban = lambda _cluster: None
    first, second = await served(one, "c1"), await served(two, "c1")
    await one.admin().Ban(BAN)
    await first.ended()
    await until(lambda: C1 in two.replica.status.bans)
    await one.admin().Publish(hub.request(policy("secret")))
    assert (await second.release()).release == 3


async def everything(hub: Hub, running: Running) -> dict[str, str]:
    """Return how each call that a cluster can make ends; empty for one that is answered."""
    federation, enrolment = running.federation("c1"), running.enrolment()
    key, expired = new_private_key(), hub.agent("c1", timedelta(minutes=2), ended=timedelta(minutes=1))
    secret, digest = token()
    made = pb.CreateTokenRequest(cluster="c1", secret_sha256=digest, expires_unix=int(time.time() + 60))
    await running.admin().CreateToken(made)
    request = make_csr(key, cluster_id(DOMAIN, "c1"))
    root = digest_of(hub.authors.metadata[ROOT])
    claim = Claim(expired.cert, request, int(datetime.now(UTC).timestamp()))
    calls = {
        "Hello": federation.Hello(pb.HelloRequest()),
        "Sync": federation.Sync(iter([pb.AgentMessage(have=pb.Have(root_version=1))])).read(),
        "Renew": federation.Renew(pb.RenewRequest(csr_pem=request)),
        "Enrol": enrolment.Enrol(
            pb.EnrolRequest(
                cluster="c1", token_secret=secret, csr_pem=request, receipt_public_key=b"r" * 32, root_sha256=root
            )
        ),
        "Reenrol": enrolment.Reenrol(
            pb.ReenrolRequest(
                certificate_pem=claim.certificate_pem,
                csr_pem=request,
                at_unix=claim.at_unix,
                proof=prove(claim, expired.key),
                root_sha256=root,
            )
        ),
    }
    return {name: await refusal(call) for name, call in calls.items()}


async def test_a_banned_cluster_is_refused_everything_everywhere_until_the_ban_ends(
    hub: Hub, both: tuple[Running, Running]
) -> None:
    one, two = both
    await two.admin().Ban(BAN)
    await until(lambda: C1 in one.replica.status.bans)
    for running in both:
        for call, details in (await everything(hub, running)).items():
            assert "EDICT0344" in details, call
    await one.admin().Unban(pb.UnbanRequest(cluster="c1", same_keys=True))
    await until(lambda: C1 not in two.replica.status.bans)
    for running in both:
        assert set((await everything(hub, running)).values()) == {""}


async def test_both_replicas_show_the_ban_with_its_reason_and_whose_it_is(both: tuple[Running, Running]) -> None:
    one, two = both
    watch = two.admin().WatchStatus(pb.StatusRequest())
    assert [status.banned for status in (await watch.read()).clusters] == []
    await one.admin().Ban(BAN)
    shown = await asyncio.wait_for(watch.read(), 10)
    watch.cancel()
    for status in (shown.clusters[0], (await one.admin(Role.VIEWER).Status(pb.StatusRequest())).clusters[0]):
        assert (status.name, status.banned) == ("c1", True)
        assert status.ban_reason.startswith("its laptop was stolen (olga, 20")
    again = pb.BanRequest(cluster="c1", reason="and sold")
    await one.admin().Ban(again)
    assert (await one.admin().Status(pb.StatusRequest())).clusters[0].ban_reason.startswith("and sold (olga, ")
    await one.admin().Unban(UNBAN)
    status = (await one.admin().Status(pb.StatusRequest(clusters=["c1"]))).clusters[0]
    assert (status.banned, status.ban_reason) == (False, "")


async def test_a_ban_that_nobody_can_read_is_a_ban(both: tuple[Running, Running], store: EtcdStore) -> None:
    agent = await served(both[1], "c1")
    await store.commit([], [Put(keys.ban(C1), b"\xff")])
    assert "EDICT0344" in (await agent.ended())[1]
    status = (await both[1].admin().Status(pb.StatusRequest())).clusters[0]
    assert (status.banned, status.ban_reason) == (True, "")


async def test_what_an_operator_mistypes_bans_nobody_and_says_so(both: tuple[Running, Running]) -> None:
    admin = both[0].admin()
    for request, code in (
        (pb.BanRequest(cluster="c9", reason="why"), "EDICT0343"),
        (pb.BanRequest(cluster="c1", reason="  "), "EDICT0411"),
        (pb.BanRequest(cluster="c1", reason="x" * (MAX_REASON + 1)), "EDICT0411"),
        (pb.BanRequest(cluster="c1/../c2", reason="why"), "EDICT0411"),
    ):
        assert code in await refusal(admin.Ban(request))
    assert "EDICT0346" in await refusal(admin.Unban(UNBAN))
    assert not both[0].replica.status.bans.names()


async def test_a_stream_that_is_just_opening_does_not_slip_past_a_ban(both: tuple[Running, Running]) -> None:
    one, two = both
    rng = random.Random(3)
    federations, admin = [one.federation("c1"), two.federation("c1")], one.admin()
    for _ in range(25):
        opening = [asyncio.ensure_future(_open(federation, rng.uniform(0, 0.006))) for federation in federations]
        await asyncio.sleep(rng.uniform(0, 0.006))
        await admin.Ban(BAN)
        returned = time.monotonic()
        for agent in await asyncio.gather(*opening):
            assert (await agent.ended(30))[0] is not grpc.StatusCode.OK
            assert time.monotonic() - returned < 2
        for running in both:
            await until(lambda running=running: not running.replica.fanout.sessions, 2)
        await admin.Unban(UNBAN)
        await until(lambda: C1 not in two.replica.status.bans)


async def test_a_ban_during_the_first_write_ends_the_stream_too(
    both: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """grpcio sends headers with the first message; a status that came before they are out would be lost."""
    one, _ = both
    send = Session._send

    async def banned_meanwhile(self: Session, *args: Any) -> None:
        asyncio.get_running_loop().call_soon(self.close, banned(self.cluster))
        await send(self, *args)

    monkeypatch.setattr(Session, "_send", banned_meanwhile)
    for _ in range(10):
        agent = Agent(one.federation("c1"))
        await agent.have()
        with contextlib.suppress(grpc.aio.AioRpcError):
            await agent.next(2)
        assert "EDICT0344" in (await agent.ended(2))[1]


async def _open(federation: Any, wait: float) -> Agent:
    await asyncio.sleep(wait)
    agent = Agent(federation)
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await agent.have()
        await agent.call.read()
    return agent


async def persistent(call: Any) -> None:
    while "EDICT0401" in await refusal(call()):
        pass


async def test_a_replica_whose_watch_is_just_coming_back_hears_of_the_ban_in_time(hub: Hub, tmp_path: Path) -> None:
    """etcd was away for some seconds, and the ban is the first thing that happens after."""
    with Etcd.start(tmp_path / "own") as etcd:
        async with replica(hub, etcd.endpoint, replica="one") as one, replica(hub, etcd.endpoint, replica="two") as two:
            await one.admin().Publish(hub.request(cluster("c1")))
            agents = [await served(one, "c1"), await served(two, "c1")]
            etcd.kill()
            await asyncio.sleep(4)  # the watches' pauses between attempts have grown
            await asyncio.to_thread(etcd.restart)
            late = await latencies(agents, persistent(lambda: one.admin().Ban(BAN)))
    print(f"after an outage, by {milliseconds(late)}")
    assert max(late) < 2
