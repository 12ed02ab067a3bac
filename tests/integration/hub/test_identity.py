"""Who may call what on which port; every refusal beside a call that works."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from edict.clock import SystemClock
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.pki.ca import CLIENT, CertificateAuthority
from edict.pki.csr import make_csr, new_private_key, not_after
from edict.pki.names import Role, cluster_id, hub_id
from edict_hub.gate import ROLES
from tests.integration.hub.hubs import DOMAIN, Agent, Credentials, Hub, Running, cluster, policy

pytestmark = pytest.mark.parts

SERVICES = pb.DESCRIPTOR.services_by_name
ADMIN = SERVICES["Admin"].methods_by_name
FEDERATION = SERVICES["Federation"].methods_by_name


async def asked(stub: Any, method: Any) -> tuple[grpc.StatusCode, str]:
    """Call a method of the contract with an empty request, and return how the call ended, or began to answer."""
    request = getattr(pb, method.input_type.name)()
    call = getattr(stub, method.name)
    if method.client_streaming:
        return await outcome(call(iter([request])).read())
    answer = call(request)
    return await outcome(answer.read() if method.server_streaming else answer)


class Stopped(SystemClock):
    """A clock that stands where it was made: to it no certificate expires."""

    def __init__(self) -> None:
        self._now = super().now()

    def now(self) -> datetime:
        return self._now


async def outcome(call: Any) -> tuple[grpc.StatusCode, str]:
    try:
        await asyncio.wait_for(call, 10)
    except grpc.aio.AioRpcError as error:
        return error.code(), str(error.details())
    return grpc.StatusCode.OK, ""


async def hello(running: Running, credentials: Credentials | None) -> tuple[grpc.StatusCode, str]:
    channel = running.hub.channel(running.addresses.mtls, credentials)
    try:
        return await outcome(rpc.FederationStub(channel).Hello(pb.HelloRequest()))
    finally:
        await channel.close()


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    """A hub whose inventory has c1."""
    await running.admin().Publish(hub.request(cluster("c1")))
    return running


async def test_a_cluster_of_the_inventory_is_let_in(hub: Hub, listed: Running) -> None:
    assert await hello(listed, hub.agent("c1")) == (grpc.StatusCode.OK, "")


async def test_without_a_client_certificate_there_is_no_connection(listed: Running) -> None:
    code, details = await hello(listed, None)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "EDICT" not in details


async def test_a_certificate_of_another_ca_is_no_certificate(hub: Hub, listed: Running) -> None:
    foreign = CertificateAuthority.create(DOMAIN, hub.now)
    key = new_private_key()
    cert = foreign.issue_cluster(make_csr(key, cluster_id(DOMAIN, "c1")), "c1", hub.now)  # type: ignore[arg-type]
    assert (await hello(listed, Credentials(cert, key)))[0] is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_is_no_certificate(hub: Hub, listed: Running) -> None:
    assert (await hello(listed, hub.agent("c1", ended=timedelta(seconds=1))))[0] is grpc.StatusCode.UNAVAILABLE


async def test_a_cluster_outside_the_inventory_is_refused(hub: Hub, listed: Running) -> None:
    code, details = await hello(listed, hub.agent("c2"))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "EDICT0343" in details


async def test_nobody_is_let_in_before_the_first_release(hub: Hub, running: Running) -> None:
    assert "EDICT0343" in (await hello(running, hub.agent("c1")))[1]


async def test_operators_are_no_clusters_and_clusters_no_operators(hub: Hub, listed: Running) -> None:
    operator = rpc.FederationStub(hub.channel(listed.addresses.mtls, hub.operator()))
    agent = rpc.AdminStub(hub.channel(listed.addresses.mtls, hub.agent("c1")))
    for stub, methods in ((operator, FEDERATION), (agent, ADMIN)):
        for method in methods.values():
            code, details = await asked(stub, method)
            assert (code, "EDICT0341" in details) == (grpc.StatusCode.PERMISSION_DENIED, True), (method.name, details)


async def test_a_hub_s_own_certificate_calls_nothing(hub: Hub, listed: Running) -> None:
    """It is for serving; TLS refuses it, and so do the methods where a certificate says that it is for both."""
    key = new_private_key()
    request = make_csr(key, hub_id(DOMAIN))
    serving = Credentials(hub.ca.issue_hub(request, ["localhost"], hub.now), key)
    calling = Credentials(hub.ca._issue(request, hub_id(DOMAIN), hub.now, timedelta(days=1), CLIENT), key)
    for credentials, expected in ((serving, grpc.StatusCode.UNAVAILABLE), (calling, grpc.StatusCode.PERMISSION_DENIED)):
        channel = hub.channel(listed.addresses.mtls, credentials)
        for stub, methods in ((rpc.AdminStub(channel), ADMIN), (rpc.FederationStub(channel), FEDERATION)):
            for method in methods.values():
                code, details = await asked(stub, method)
                assert code is expected, (method.name, details)
        await channel.close()


async def test_a_renewal_is_for_the_caller_s_own_name_alone(listed: Running) -> None:
    stub = listed.federation("c1")
    key = new_private_key()
    renewed = await stub.Renew(pb.RenewRequest(csr_pem=make_csr(key, cluster_id(DOMAIN, "c1"))))
    assert await hello(listed, Credentials(renewed.certificate_pem, key)) == (grpc.StatusCode.OK, "")
    other = pb.RenewRequest(csr_pem=make_csr(key, cluster_id(DOMAIN, "c2")))
    assert "EDICT0306" in (await outcome(stub.Renew(other)))[1]


def test_every_method_of_the_contract_has_its_role_and_no_other_has_one() -> None:
    assert set(ROLES) == set(ADMIN)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_opens_exactly_the_methods_of_the_table(running: Running, role: Role) -> None:
    admin = running.admin(role)
    for method in ADMIN.values():
        _, details = await asked(admin, method)
        assert ("EDICT0342" in details) is not role.includes(ROLES[method.name]), (method.name, details)


async def test_a_stream_ends_within_two_seconds_of_its_certificate(hub: Hub, listed: Running) -> None:
    agent, end = await expiring(hub, listed)
    code, details = await agent.ended()
    late = (datetime.now(UTC) - end).total_seconds()
    print(f"the stream ended {late:.2f} s after its certificate")
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "EDICT0345" in details
    assert 0 <= late < 2


async def test_a_stream_outlives_its_certificate_where_nobody_looks_at_the_time(
    hub: Hub, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: neither TLS nor grpc ends it."""
    monkeypatch.setattr(listed.replica.fanout, "_clock", Stopped())
    agent, end = await expiring(hub, listed)
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds() + 2)  # what is waited for is time itself
    await listed.admin().Publish(hub.request(policy("p")))
    assert (await agent.release()).release == 3


async def expiring(hub: Hub, running: Running) -> tuple[Agent, datetime]:
    """Return an agent that has the release, and when its certificate ends: soon."""
    credentials = hub.agent("c1", timedelta(seconds=3))
    agent = Agent(rpc.FederationStub(hub.channel(running.addresses.mtls, credentials)))
    await agent.have()
    await agent.ack(await agent.release(), pb.ACK_STAGE_VERIFIED)
    return agent, not_after(credentials.cert)


async def test_what_nobody_foresaw_reaches_the_caller_as_a_code_and_nothing_else(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.replica.admin, "_relay", None)
    code, details = await outcome(running.admin().State(pb.StateRequest()))
    assert code is grpc.StatusCode.INTERNAL
    assert details.startswith("Error [EDICT0499]")
    assert "NoneType" not in details


async def test_a_rotated_server_certificate_counts_for_the_next_connection(hub: Hub, running: Running) -> None:
    host, port = running.addresses.enrol.split(":")

    async def presented() -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))

    first = await presented()
    assert await presented() == first
    key = new_private_key()
    hub.write("server.key", key)
    hub.write("server.crt", hub.ca.issue_hub(make_csr(key, hub_id(DOMAIN)), ["127.0.0.1"], hub.now))
    assert await presented() != first
    hub.write("server.key", b"nonsense")
    (hub.folder / "server.crt").unlink()
    assert await presented() != first


async def test_a_certificate_that_expired_on_an_open_connection_opens_nothing_more(
    hub: Hub, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    stub = rpc.FederationStub(hub.channel(listed.addresses.mtls, hub.agent("c1", timedelta(seconds=3))))
    admin = rpc.AdminStub(hub.channel(listed.addresses.mtls, hub.operator(lifetime=soon - hub.now)))
    renewal = pb.RenewRequest(csr_pem=make_csr(new_private_key(), cluster_id(DOMAIN, "c1")))
    watch = admin.WatchStatus(pb.StatusRequest())
    assert await watch.read() is not grpc.aio.EOF
    stopped = Stopped()
    for call in (stub.Renew(renewal), admin.State(pb.StateRequest())):
        assert (await outcome(call))[0] is grpc.StatusCode.OK
    _, details = await outcome(watch.read())
    late = (datetime.now(UTC) - soon.replace(microsecond=0)).total_seconds()
    print(f"the operator's watch ended {late:.2f} s after the certificate")
    assert "EDICT0345" in details
    assert late < 2
    await asyncio.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()))  # what is waited for is time itself
    for call in (stub.Renew(renewal), stub.Hello(pb.HelloRequest()), admin.State(pb.StateRequest())):
        code, details = await outcome(call)
        assert code is grpc.StatusCode.UNAUTHENTICATED
        assert "EDICT0345" in details
    monkeypatch.setattr(listed.replica.admin._gate, "_clock", stopped)
    for call in (stub.Renew(renewal), admin.State(pb.StateRequest())):
        assert (await outcome(call))[0] is grpc.StatusCode.OK
