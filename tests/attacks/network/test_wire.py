"""Somebody on the cable changes bytes, repeats them, floods the hub, or says nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc
import grpc.aio
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict_agent.sync import link
from edict_hub import server
from edict_hub.fanout import Fanout
from edict_hub.services import federation
from edict_hub.session import Session
from tests.attacks.harness import Off, attack
from tests.attacks.network.wire import C1, identity, impostor, wire
from tests.env import Etcd
from tests.integration.hub.hubs import Hub, Running, replica

pytestmark = pytest.mark.parts
FLOOD = 40
MARK, FORGED = b"1.20.2", b"6.66.6"


class Plain:
    """grpc, but for channels without TLS."""

    ssl_channel_credentials = staticmethod(grpc.ssl_channel_credentials)

    class aio:  # noqa: N801 - grpc's name
        """grpc.aio, likewise."""

        AioRpcError = grpc.aio.AioRpcError

        @staticmethod
        def secure_channel(address: str, _credentials: Any, options: Any = ()) -> Any:
            return grpc.aio.insecure_channel(address, options=options)


@attack("changes what an agent says on its way to the hub", without=[Off(link, "grpc", Plain)])
async def test_bytes_that_are_changed(hub: Hub) -> bool:
    """The one at the other end is not a hub, so that the attack also runs without TLS."""
    shown = None if vars(link)["grpc"] is Plain else _server(hub)

    def forge(data: bytes) -> bytes:
        return data.replace(MARK, FORGED)

    async with impostor(shown) as end, wire(end.address, forge) as cable:
        made = link.dial(cable.address, identity(hub, hub.agent(C1)))
        with contextlib.suppress(grpc.aio.AioRpcError):
            await made.hello(pb.HelloRequest(plugin_version=MARK.decode()))
        await made.close()
        return [said.plugin_version for said in end.heard] == [FORGED.decode()]


@attack("reads what an agent says", without=[Off(link, "grpc", Plain)])
async def test_bytes_that_are_read(hub: Hub) -> bool:
    shown, seen = None if vars(link)["grpc"] is Plain else _server(hub), []

    def listen(data: bytes) -> bytes:
        seen.append(data)
        return data

    async with impostor(shown) as end, wire(end.address, listen) as cable:
        made = link.dial(cable.address, identity(hub, hub.agent(C1)))
        with contextlib.suppress(grpc.aio.AioRpcError):
            await made.hello(pb.HelloRequest(plugin_version=MARK.decode()))
        await made.close()
        assert end.heard, "the agent got through"
        return MARK in b"".join(seen)


def _server(hub: Hub) -> Any:
    from tests.integration.hub.hubs import Credentials  # noqa: PLC0415 - a name that only this needs

    return Credentials((hub.folder / "server.crt").read_bytes(), (hub.folder / "server.key").read_bytes())


def _beside(self: Fanout, session: Session) -> None:
    """Take a stream in beside the cluster's others."""
    self.sessions[session.cluster] = session


@attack(
    "opens streams without end with one stolen certificate",
    without=[Off(federation, "MAX_STREAMS", 10_000), Off(Fanout, "add", _beside)],
)
async def test_a_storm_of_streams(listed: Running) -> bool:
    async with listed.hub.channel(listed.addresses.mtls, listed.hub.agent(C1)) as channel:
        stub, most = rpc.FederationStub(channel), 0
        calls = [stub.Sync() for _ in range(FLOOD)]
        await asyncio.gather(*map(_opened, calls))
        for _ in range(20):
            most = max(most, listed.replica.federation._streams[C1])
            await asyncio.sleep(0.05)
        return most == FLOOD


async def _opened(call: Any) -> None:
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(pb.AgentMessage(have=pb.Have(root_version=1)))
        await call.wait_for_connection()


@attack("sends the enrolment port a message of many megabytes", without=[Off(server, "ENROLMENT_BYTES", 2**30)])
async def test_a_message_that_is_too_long(listed: Running, etcd: Etcd) -> bool:
    """It is dropped before anything is read of it: a hub that looked at it would say what is wrong with it."""
    async with (
        replica(listed.hub, etcd.endpoint, replica="two") as two,
        listed.hub.channel(two.addresses.enrol, None) as channel,
    ):
        try:
            await rpc.EnrolmentStub(channel).Enrol(pb.EnrolRequest(cluster="x" * 2**22), timeout=20)
        except grpc.aio.AioRpcError as error:
            return error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED
        return True


KEEPALIVE = ("grpc.keepalive_t", "grpc.http2.ping_timeout")


def _kept_alive(options: Any, milliseconds: int) -> Any:
    return [(name, milliseconds if name.startswith(KEEPALIVE) else value) for name, value in options]


@attack(
    "cuts the cable in silence, so that an agent waits for ever at a dead hub",
    without=[Off(link, "_OPTIONS", _kept_alive(link._OPTIONS, 10**8))],
)
async def test_a_half_open_link(listed: Running, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With its keepalive, here a hundred times faster, the agent notices."""
    fast = _kept_alive(link._OPTIONS, 1000)
    if all(value < 10**6 for name, value in link._OPTIONS if name.startswith(KEEPALIVE)):
        monkeypatch.setattr(link, "_OPTIONS", [*fast, ("grpc.http2.max_pings_without_data", 0)])
    async with wire(listed.addresses.mtls, lambda data: data) as cable:
        made = link.dial(cable.address, identity(listed.hub, listed.hub.agent(C1)))
        assert (await made.hello(pb.HelloRequest())).admitted
        async with made.sync() as stream:
            await stream.send(pb.AgentMessage(have=pb.Have(root_version=1)))
            assert await stream.receive() is not None
            cable.cut.set()
            waiting = asyncio.ensure_future(stream.receive())
            done, _ = await asyncio.wait({waiting}, timeout=8)
            waiting.cancel()
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
                await waiting
        await made.close()
        return not done
