"""A stolen agent calls the hub: as others, for others' documents, with lies, and with more than anybody needs."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of
from edict.pki import ca
from edict.pki.csr import make_csr, new_private_key, not_after
from edict.pki.names import cluster_id, identity_of, uris_of
from edict.trust import _check, verify
from edict.trust.roles import SNAPSHOT, TIMESTAMP
from edict_hub import fanout, have, status
from edict_hub.bans import Bans
from edict_hub.candidates import Search, of_agent
from edict_hub.fanout import Fanout
from edict_hub.gate import Gate, Operator, Peer
from edict_hub.relay import Relay
from edict_hub.server import Replica
from edict_hub.services import federation
from edict_hub.services._intake import Intake
from edict_hub.session import Session
from edict_hub.tokens import Record, Tokens
from tests.attacks.harness import Off, attack
from tests.attacks.victims import message
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, SMALL_BUFFER, Agent, Running, replica, token
from tests.unit.trust.federation import Federation, policy

pytestmark = pytest.mark.parts
C1, C2 = ClusterName("c1"), ClusterName("c2")
LATER = timedelta(hours=1)


async def answered(call: Any) -> bool:
    """Tell whether the hub does what it is asked."""
    try:
        await call
    except grpc.aio.AioRpcError:
        return False
    return True


_issue = ca.CertificateAuthority._issue


def _as_asked(self: ca.CertificateAuthority, csr_pem: bytes, _spiffe_id: str, *rest: Any, **more: Any) -> bytes:
    """Issue a certificate for the name that is asked for, not for the caller's."""
    (asked,) = uris_of(x509.load_pem_x509_csr(csr_pem))
    return _issue(self, csr_pem, asked, *rest, **more)


@attack("renews its certificate as another cluster's", without=[Off(ca.CertificateAuthority, "_issue", _as_asked)])
async def test_another_cluster_s_name(listed: Running) -> bool:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, C2))
    try:
        answer = await listed.federation(C1).Renew(pb.RenewRequest(csr_pem=request))
    except grpc.aio.AioRpcError:
        return False
    return identity_of(answer.certificate_pem, DOMAIN).name == C2


def _any_operator(self: Gate, context: Any, method: str) -> Operator:
    """Take everybody for an operator."""
    del self, context, method
    return Operator("anybody", datetime.now(UTC) + LATER)


@attack("commands the hub with a cluster's certificate", without=[Off(Gate, "operator", _any_operator)])
async def test_a_cluster_is_no_operator(listed: Running) -> bool:
    stub = rpc.AdminStub(listed.hub.channel(listed.addresses.mtls, listed.hub.agent(C1)))
    return await answered(stub.State(pb.StateRequest()))


def _whoever(self: Gate, context: Any) -> Peer:
    """Take a certificate for good without asking for bans and the inventory."""
    identity, until = self._caller(context)
    return Peer(ClusterName(identity.name), until, datetime.now(UTC))


@attack("goes on after it was banned", without=[Off(Gate, "cluster", _whoever)])
async def test_a_banned_cluster(listed: Running) -> bool:
    await listed.admin().Ban(pb.BanRequest(cluster=C1, reason="stolen"))
    return await answered(listed.federation(C1).Hello(pb.HelloRequest()))


def _for_ever(self: Bans, _cluster: ClusterName) -> datetime:
    """Let everything count, whenever it was issued."""
    del self
    return datetime.fromtimestamp(0, UTC)


@attack("comes back with what it had when the ban has ended", without=[Off(Bans, "counts_from", _for_ever)])
async def test_after_the_end_of_a_ban(listed: Running) -> bool:
    stolen = listed.federation(C1)
    await listed.admin().Ban(pb.BanRequest(cluster=C1, reason="stolen"))
    await listed.admin().Unban(pb.UnbanRequest(cluster=C1))
    return await answered(stolen.Hello(pb.HelloRequest()))


@attack("gets a new certificate after it was banned", without=[Off(Gate, "cluster", _whoever)])
async def test_a_banned_cluster_s_renewal(listed: Running) -> bool:
    await listed.admin().Ban(pb.BanRequest(cluster=C1, reason="stolen"))
    request = make_csr(new_private_key(), cluster_id(DOMAIN, C1))
    return await answered(listed.federation(C1).Renew(pb.RenewRequest(csr_pem=request)))


def _session_without_end(cluster: ClusterName, not_after: datetime, until: datetime) -> Session:
    """Make a stream that outlives its certificate."""
    return Session(cluster, not_after + LATER, until)


@attack("stays on its stream after it was banned", without=[Off(Replica, "_ban", lambda _self, _cluster: None)])
async def test_a_banned_cluster_s_stream(listed: Running, etcd: Etcd) -> bool:
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        agent = Agent(two.federation(C1))
        await agent.have()
        await agent.release()
        await listed.admin().Ban(pb.BanRequest(cluster=C1, reason="stolen"))
        return await agent.hears_nothing(2)


@attack(
    "stays on its stream after its certificate has ended",
    without=[Off(federation, "Session", _session_without_end)],
)
async def test_a_stream_past_its_certificate(listed: Running) -> bool:
    shown = listed.hub.agent(C1, timedelta(seconds=3))
    agent = Agent(rpc.FederationStub(listed.hub.channel(listed.addresses.mtls, shown)))
    await agent.have()
    await agent.release()
    return await agent.hears_nothing((not_after(shown.cert) - datetime.now(UTC)).total_seconds() + 2)


@attack(
    "goes on after authors took it out of the inventory",
    without=[Off(Relay, "admits", lambda _self, _cluster: True)],
)
async def test_a_cluster_that_was_taken_out(listed: Running) -> bool:
    await listed.admin().Publish(listed.hub.request_without(f"inventory/{C1}"))
    return await answered(listed.federation(C1).Hello(pb.HelloRequest()))


@attack(
    "asks for other clusters' policies",
    without=[Off(fanout, "placed", lambda state, _cluster: tuple(state.documents.values()))],
)
async def test_other_clusters_documents(listed: Running) -> bool:
    """Metadata names every policy; what a policy says is sent to the clusters that it is for."""
    agent = Agent(listed.federation(C1))
    await agent.have()
    sent = {blob.digest for blob in (await agent.release()).blobs}
    foreign = policy("for-prod", selector="{matchLabels: {env: prod}}")
    return digest_of(foreign) in sent


def _every_have(self: Intake, said: pb.Have) -> None:
    """Make a release anew as often as it is asked for."""
    self._fanout.has(self._session, said)


@attack("says again and again that it has nothing", without=[Off(Intake, "_take_have", _every_have)])
async def test_releases_without_end(listed: Running) -> bool:
    agent = Agent(listed.federation(C1))
    await agent.have()
    await agent.release()
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await agent.have()
        return (await agent.next()).WhichOneof("kind") == "release"
    return False


@attack("says that it has a hundred thousand roles", without=[Off(have, "MAX_ROLES", 10**9)])
async def test_too_many_roles(listed: Running) -> bool:
    agent = Agent(listed.federation(C1))
    many = {f"policies/net-{index}": 1 for index in range(100_000)}
    with contextlib.suppress(grpc.aio.AioRpcError):
        await agent.have(metadata=many)
        return (await agent.call.read()) is not grpc.aio.EOF
    return False


@attack("offers a release that nobody asked for", without=[Off(Session, "offered", lambda _self, _offer: True)])
async def test_an_offer_that_nobody_asked_for(listed: Running) -> bool:
    agent = Agent(listed.federation(C1))
    await agent.have()
    await agent.release()
    await agent.call.write(pb.AgentMessage(offer=pb.Release(release=2**53)))
    return await agent.hears_nothing(1.0)


_offer = Fanout._offer


async def _waiting(self: Fanout, session: Session) -> None:
    """Write to one agent after the other."""
    await _offer(self, session)
    while session.queued or session._writing_since is not None:  # noqa: ASYNC110 - a weak hub waits
        await asyncio.sleep(0.01)


@attack("does not read, so that the hub serves nobody else", without=[Off(Fanout, "_offer", _waiting)])
async def test_a_slow_reader(listed: Running) -> bool:
    large = [policy(f"large-{index}") + b"#" + b"x" * 250_000 for index in range(64)]
    await listed.admin().Publish(listed.hub.request(*large))
    slow, other = Agent(listed.federation(C1, SMALL_BUFFER)), Agent(listed.federation(C2))
    await slow.have()
    await _offered(listed, C1)
    await other.have()
    try:
        await other.release(3)
    except TimeoutError:
        return True
    return False


async def _offered(listed: Running, cluster: ClusterName) -> None:
    """Wait until the hub has begun to write to a cluster."""
    async with asyncio.timeout(10):
        sessions = listed.replica.fanout.sessions
        while cluster not in sessions or sessions[cluster].update is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


@attack("brings a restored hub a release of its own", without=[Off(_check, "signatures", lambda *_: None)])
async def test_a_forged_offer(listed: Running) -> bool:
    """When an operator asks agents for what etcd has lost."""
    pinned = verify.pin(listed.hub.pinned)
    search = Search(pinned, listed.replica.admin._recovery._stamper)
    thief = Federation(now=listed.hub.now)
    thief.release = 2**53
    thief.put(policy("open"))
    offer = message(thief.publish(), thief.blobs)
    offer.timestamp.role, offer.snapshot.role = TIMESTAMP, SNAPSHOT
    search.consider(of_agent(C1, offer))
    return search.best is not None and search.best.release > 2**53


@attack("fills etcd with what it says of a release", without=[Off(status, "clipped_ack", lambda ack: ack)])
async def test_a_long_error(listed: Running) -> bool:
    agent = Agent(listed.federation(C1))
    await agent.have()
    release = await agent.release()
    await agent.ack(release, pb.ACK_STAGE_REJECTED, error="x" * 60_000)
    async with asyncio.timeout(10):
        with contextlib.closing(listed.replica.status.subscribe()) as changes:
            while not (said := listed.replica.status.view(C1).last_ack.error):
                await changes.take()
    return len(said) > 4096


@attack("fills etcd with what it says of itself", without=[Off(status, "clipped_hello", lambda hello: hello)])
async def test_a_long_name(listed: Running) -> bool:
    await listed.federation(C1).Hello(pb.HelloRequest(dialect="x" * 60_000))
    return len(listed.replica.status.view(C1).hello.dialect) > 64


def _any_token(self: Tokens, stored: Any, cluster: ClusterName, *more: Any) -> Record:
    """Take every token that there is for whoever shows it."""
    del self, more
    return Record(cluster=cluster, expires=2**40) if stored else Record(cluster=ClusterName(""), expires=0)


EVERY_TOKEN = Off(Tokens, "_judge", _any_token)


async def _enrols(listed: Running, secret: bytes, cluster: ClusterName) -> bool:
    """Tell whether a secret buys a new certificate for a cluster."""
    asked = pb.EnrolRequest(
        cluster=cluster,
        token_secret=secret,
        csr_pem=make_csr(new_private_key(), cluster_id(DOMAIN, cluster)),
        receipt_public_key=b"\1" * 32,
        root_sha256=digest_of(listed.hub.pinned),
    )
    try:
        answer = await listed.enrolment().Enrol(asked)
    except grpc.aio.AioRpcError:
        return False
    return bool(x509.load_pem_x509_certificate(answer.certificate_pem))


async def _token(listed: Running, *, lasts: timedelta = LATER) -> bytes:
    secret, digest = token()
    expires = int((datetime.now(UTC) + lasts).timestamp())
    await listed.admin().CreateToken(pb.CreateTokenRequest(cluster=C1, secret_sha256=digest, expires_unix=expires))
    return secret


@attack("enrols as another cluster with a token of its own", without=[EVERY_TOKEN])
async def test_a_token_is_for_one_cluster(listed: Running) -> bool:
    return await _enrols(listed, await _token(listed), C2)


@attack("uses a token that its agent has used", without=[EVERY_TOKEN])
async def test_a_token_is_used_once(listed: Running) -> bool:
    secret = await _token(listed)
    assert await _enrols(listed, secret, C1)
    return await _enrols(listed, secret, C1)


@attack("uses a token that has expired", without=[EVERY_TOKEN])
async def test_a_token_ends(listed: Running) -> bool:
    secret = await _token(listed, lasts=timedelta(seconds=2))
    await asyncio.sleep(2.1)
    return await _enrols(listed, secret, C1)
