"""What is worth nothing to a thief after a ban has ended, and what a stolen operator or etcd cannot leave behind."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from edict.clock import SystemClock
from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.pki.reenrol import Claim, prove
from edict_hub import listening, server
from edict_hub.archive import Archive
from edict_hub.archiver import Archiver
from edict_hub.bans import Bans
from edict_hub.services.admin import MAX_TTL
from edict_hub.store import EtcdStore, Put, keys
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Agent, Credentials, Hub, Running, cluster, replica, token

pytestmark = pytest.mark.parts
C1 = ClusterName("c1")
BAN = pb.BanRequest(cluster="c1", reason="its backup was found on a public share")
UNBAN = pb.UnbanRequest(cluster="c1")


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1")))
    return running


async def refusal(call: Any) -> str:
    try:
        await asyncio.wait_for(call, 10)
    except grpc.aio.AioRpcError as error:
        return str(error.details())
    return ""


class Thief:
    """Has what a cluster had: its certificate and key, one that expired, and a token that nobody used."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.held = hub.agent("c1")
        self.expired = hub.agent("c1", timedelta(minutes=2), ended=timedelta(minutes=1))
        self.secret, self.digest = token()

    async def has_a_token(self, running: Running) -> None:
        expires = int(time.time() + 600)
        await running.admin().CreateToken(
            pb.CreateTokenRequest(cluster="c1", secret_sha256=self.digest, expires_unix=expires)
        )

    async def tries(self, running: Running) -> dict[str, str]:
        """Return how each call ends; empty for one that is answered."""
        federation = stub(self.hub, running, self.held)
        request = make_csr(new_private_key(), cluster_id(DOMAIN, "c1"))
        claims = {
            name: (Claim(held.cert, request, int(datetime.now(UTC).timestamp())), held.key)
            for name, held in (("Reenrol", self.held), ("Reenrol, expired", self.expired))
        }
        first = [pb.AgentMessage(have=pb.Have(root_version=1))]
        calls = {
            "Hello": federation.Hello(pb.HelloRequest()),
            "Sync": federation.Sync(iter(first)).read(),
            "Renew": federation.Renew(pb.RenewRequest(csr_pem=request)),
            "Enrol": running.enrolment().Enrol(enrolment(self.hub, self.secret, request)),
            **{name: running.enrolment().Reenrol(self._claimed(*made)) for name, made in claims.items()},
        }
        return {name: await refusal(call) for name, call in calls.items()}

    def _claimed(self, claim: Claim, key: bytes) -> pb.ReenrolRequest:
        return pb.ReenrolRequest(
            certificate_pem=claim.certificate_pem,
            csr_pem=claim.csr_pem,
            at_unix=claim.at_unix,
            proof=prove(claim, key),
            root_sha256=digest_of(self.hub.pinned),
        )


def stub(hub: Hub, running: Running, held: Credentials) -> Any:
    return rpc.FederationStub(hub.channel(running.addresses.mtls, held))


def enrolment(hub: Hub, secret: bytes, request: bytes) -> pb.EnrolRequest:
    return pb.EnrolRequest(
        cluster="c1",
        token_secret=secret,
        csr_pem=request,
        receipt_public_key=b"r" * 32,
        root_sha256=digest_of(hub.pinned),
    )


async def enrolled(hub: Hub, running: Running) -> Credentials:
    """Return what the cluster's own agent gets for a new token."""
    secret, digest = token()
    expires = int(time.time() + 600)
    made = pb.CreateTokenRequest(cluster="c1", secret_sha256=digest, expires_unix=expires)
    await running.admin().CreateToken(made)
    key = new_private_key()
    answer = await running.enrolment().Enrol(enrolment(hub, secret, make_csr(key, cluster_id(DOMAIN, "c1"))))
    return Credentials(answer.certificate_pem, key)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a state of the replica, not an event
            await asyncio.sleep(0.01)


async def test_the_end_of_a_ban_lets_no_copy_of_what_was_issued_before_back_in(
    hub: Hub, etcd: Etcd, listed: Running
) -> None:
    thief = Thief(hub)
    await thief.has_a_token(listed)
    before = Thief(hub)
    await before.has_a_token(listed)
    assert set((await before.tries(listed)).values()) == {""}, "the control: before the ban it works"
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(UNBAN)
    async with replica(hub, etcd.endpoint, replica="two") as two:
        for running in (listed, two):
            for call, said in (await thief.tries(running)).items():
                assert "EDICT0347" in said, call
                assert "edict cluster reenrol c1" in said
            own = await enrolled(hub, running)
            assert await refusal(stub(hub, running, own).Hello(pb.HelloRequest())) == ""
            request = make_csr(new_private_key(), cluster_id(DOMAIN, "c1"))
            assert await refusal(stub(hub, running, own).Renew(pb.RenewRequest(csr_pem=request))) == ""


async def test_without_the_moment_of_its_end_a_ban_lets_the_copy_back_in(
    hub: Hub, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    thief = Thief(hub)
    await thief.has_a_token(listed)
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(UNBAN)
    monkeypatch.setattr(Bans, "counts_from", lambda _self, _cluster: datetime.fromtimestamp(0, UTC))
    assert set((await thief.tries(listed)).values()) == {""}


async def test_a_cluster_that_was_banned_by_mistake_goes_on_with_its_own_keys(hub: Hub, listed: Running) -> None:
    held = Thief(hub)
    await held.has_a_token(listed)
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(pb.UnbanRequest(cluster="c1", same_keys=True))
    assert set((await held.tries(listed)).values()) == {""}


async def test_what_an_earlier_ban_has_ended_does_not_come_back_with_a_later_one(hub: Hub, listed: Running) -> None:
    thief = Thief(hub)
    await thief.has_a_token(listed)
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(UNBAN)
    own = await enrolled(hub, listed)
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(pb.UnbanRequest(cluster="c1", same_keys=True))
    assert await refusal(stub(hub, listed, own).Hello(pb.HelloRequest())) == ""
    assert all("EDICT0347" in said for said in (await thief.tries(listed)).values())


async def test_a_token_that_the_thief_used_before_the_ban_gives_nothing_again(hub: Hub, listed: Running) -> None:
    thief = Thief(hub)
    await thief.has_a_token(listed)
    request = enrolment(hub, thief.secret, make_csr(new_private_key(), cluster_id(DOMAIN, "c1")))
    for _ in range(2):
        assert await refusal(listed.enrolment().Enrol(request)) == "", "the control: it may be asked again"
    await listed.admin().Ban(BAN)
    await listed.admin().Unban(UNBAN)
    assert "EDICT0347" in await refusal(listed.enrolment().Enrol(request))


async def test_a_replica_that_heard_neither_the_ban_nor_its_end_ends_the_stream_when_it_hears(
    hub: Hub, etcd: Etcd, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(hub, etcd.endpoint, replica="two") as two:
        agent = Agent(two.federation("c1"))
        await agent.have()
        await agent.release()
        late: list[Any] = []
        deaf = two.replica.status.bans
        monkeypatch.setattr(deaf, "apply", lambda *said: late.append(said))
        await listed.admin().Ban(BAN)
        await listed.admin().Unban(UNBAN)
        await until(lambda: len(late) == 2)
        monkeypatch.undo()
        assert await agent.hears_nothing()
        deaf.apply(*late[-1])
        await until(lambda: not two.replica.fanout.sessions)


async def test_a_stolen_operator_cannot_leave_a_token_behind_for_longer_than_a_week(listed: Running) -> None:
    def asked(seconds: float) -> pb.CreateTokenRequest:
        expires = int(time.time() + seconds)
        return pb.CreateTokenRequest(cluster="c1", secret_sha256=token()[1], expires_unix=expires)

    assert await refusal(listed.admin().CreateToken(asked(MAX_TTL.total_seconds() - 60))) == ""
    assert "EDICT0411" in await refusal(listed.admin().CreateToken(asked(MAX_TTL.total_seconds() + 600)))
    assert "EDICT0411" in await refusal(listed.admin().CreateToken(asked(10.0**9)))


def written(folder: Path) -> list[str]:
    """Return the folders that hold archived objects."""
    return [path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.jsonl")]


@pytest.mark.parametrize("name", ["../../outside", "a/b", "..", "A", "x\u0660"])
async def test_a_name_in_etcd_that_no_cluster_can_have_leads_out_of_no_archive(
    store: EtcdStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("edict_hub.archiver.BATCH", 2)
    monkeypatch.setattr("edict_hub.archiver.BATCH_SECONDS", 0.0)
    archive = Archive(f"file://{tmp_path}/deep/archive")
    archiver = Archiver(store, archive, SystemClock(), random.Random(1))
    head = b'{"sequence":1000,"base":1000,"digest":""}'
    for each in (name, "c1"):
        planted = ClusterName(each)
        puts = [Put(keys.receipt(planted, sequence), b"x") for sequence in (1, 2)]
        await store.commit([], [Put(keys.receipt_head(planted), head), *puts])
    assert await archiver.sweep() == 2
    assert written(tmp_path) == ["deep/archive/c1"]


async def test_who_has_no_certificate_is_not_told_where_etcd_is(hub: Hub, tmp_path: Path) -> None:
    with Etcd.start(tmp_path / "own") as etcd:
        async with replica(hub, etcd.endpoint) as one:
            await one.admin().Publish(hub.request(cluster("c1")))
            etcd.kill()
            request = enrolment(hub, b"s" * 32, make_csr(new_private_key(), cluster_id(DOMAIN, "c1")))
            said = await refusal(one.enrolment().Enrol(request))
            assert "EDICT0401" in said
            assert etcd.endpoint.removeprefix("http://") not in said
            assert "127.0.0.1" not in said
            operator = await refusal(one.admin().State(pb.StateRequest()))
            assert etcd.endpoint in operator, "the control: an operator is told"
            await asyncio.to_thread(etcd.restart)


async def test_a_status_that_nobody_can_read_stops_no_enrolment(hub: Hub, listed: Running, store: EtcdStore) -> None:
    await store.commit([], [Put(keys.status(C1), b"\xff\xff")])
    assert (await enrolled(hub, listed)).cert


async def unfinished(hub: Hub, running: Running, connections: int, calls: int) -> list[Any]:
    """Begin calls on the enrolment port whose requests never come."""

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    begun = []
    for _ in range(connections):
        channel = hub.channel(running.addresses.enrol, None)
        method = channel.stream_unary("/edict.federation.v1.Enrolment/Enrol")
        begun += [method(never()) for _ in range(calls)]
        await channel.channel_ready()
    return begun


async def kept_out(running: Running) -> bool:
    """Tell whether there is no room on the enrolment port for one more call."""
    channel = running.enrolment()
    try:
        await channel.Enrol(pb.EnrolRequest(), timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return False


@pytest.mark.parametrize("age", [500, 60_000])
async def test_calls_that_never_end_keep_nobody_out_of_enrolment_for_long(
    hub: Hub, etcd: Etcd, monkeypatch: pytest.MonkeyPatch, age: int
) -> None:
    """The control is the longer age: so long they would keep others out."""
    monkeypatch.setattr(server, "MAX_ENROLMENTS", 4)
    monkeypatch.setattr(listening, "SHORT_AGE_MS", age)
    async with replica(hub, etcd.endpoint) as one:
        begun = await unfinished(hub, one, 1, 4)
        async with asyncio.timeout(10):
            while not await kept_out(one):  # noqa: ASYNC110 - a state of the port, not an event
                await asyncio.sleep(0.05)
        if age < 1000:
            async with asyncio.timeout(10):
                while await kept_out(one):  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.05)
        else:
            await asyncio.sleep(2)
            assert await kept_out(one)
        for call in begun:
            call.cancel()


@pytest.mark.parametrize("streams", [listening.SHORT_STREAMS, 128])
async def test_one_connection_alone_keeps_nobody_out_of_enrolment(
    hub: Hub, etcd: Etcd, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    """The control is the greater number."""
    monkeypatch.setattr(server, "MAX_ENROLMENTS", 16)
    monkeypatch.setattr(listening, "SHORT_STREAMS", streams)
    async with replica(hub, etcd.endpoint) as one:
        begun = await unfinished(hub, one, 1, 16)
        await asyncio.sleep(1)
        assert await kept_out(one) is (streams == 128)
        for call in begun:
            call.cancel()


@pytest.mark.parametrize("unforeseen", [TrustError(201, "no snapshot"), RuntimeError("nobody foresaw this")])
async def test_a_timestamp_that_cannot_be_signed_does_not_end_the_hub(
    hub: Hub, etcd: Etcd, unforeseen: Exception
) -> None:
    async with replica(hub, etcd.endpoint, timestampLifetime="1s") as one:
        tried = asyncio.Event()

        async def refresh() -> bool:
            tried.set()
            raise unforeseen

        one.replica.publisher.refresh = refresh  # type: ignore[method-assign]
        async with asyncio.timeout(20):
            await tried.wait()
        await asyncio.sleep(0.1)
        assert not one.serving.done()
        assert await refusal(one.admin().State(pb.StateRequest())) == ""
