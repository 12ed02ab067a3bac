"""The agent's own re-enrolment against a real hub: what it buys, for whom, and what a thief gets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of
from edict.pki import reenrol as claims
from edict.pki.csr import new_private_key, not_after
from edict.pki.token import Token
from edict.trust.roles import ROOT
from edict_agent.store.identity import Identity, Next, Pins
from edict_agent.sync.enrol import ask, enrol, reenrol
from tests.integration.hub.hubs import DOMAIN, Credentials, Hub, Running, cluster, token

pytestmark = pytest.mark.parts
ENDED = timedelta(minutes=1)


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1")))
    return running


def identity(hub: Hub, running: Running, ended: timedelta | None = ENDED) -> Identity:
    """An agent whose certificate ended a while ago; the CA is not much older."""
    held = hub.agent("c1", timedelta(minutes=2), ended=ended)
    root = hub.authors.metadata[ROOT]
    pins = Pins(
        cluster=ClusterName("c1"),
        hub=running.addresses.mtls,
        enrol=running.addresses.enrol,
        trust_domain=DOMAIN,
        ca_pem=hub.ca.certificate_pem.decode(),
        root_sha256=digest_of(root),
    )
    return Identity(pins, held.key, Ed25519PrivateKey.generate().private_bytes_raw(), held.cert, root, "used")


async def admitted(hub: Hub, running: Running, key: bytes, cert: bytes) -> bool:
    channel = hub.channel(running.addresses.mtls, Credentials(cert, key))
    try:
        return bool((await rpc.FederationStub(channel).Hello(pb.HelloRequest(), timeout=5)).admitted)
    except grpc.aio.AioRpcError:
        return False
    finally:
        await channel.close()


async def test_the_key_of_an_expired_certificate_buys_one_that_opens_the_other_port(hub: Hub, listed: Running) -> None:
    held = identity(hub, listed)
    assert not await admitted(hub, listed, held.key_pem, held.certificate)
    now = datetime.now(UTC)
    found = await reenrol(held, listed.addresses.enrol, now=now)
    assert found.key_pem != held.key_pem
    assert not_after(found.certificate) > now + timedelta(hours=23)
    assert await admitted(hub, listed, found.key_pem, found.certificate)
    assert (found.receipt_key, found.root, found.pins) == (held.receipt_key, held.root, held.pins)


async def test_an_agent_whose_clock_is_wrong_is_told_so(hub: Hub, listed: Running) -> None:
    wrong = datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(IdentityError, match=r"EDICT0323.*EDICT0311.*compare the agent's clock"):
        await reenrol(identity(hub, listed), listed.addresses.enrol, now=wrong)


async def test_a_cluster_that_left_the_inventory_does_not_come_back(hub: Hub, listed: Running) -> None:
    held = identity(hub, listed)
    await listed.admin().Publish(hub.request_without("inventory/c1"))
    with pytest.raises(IdentityError, match=r"EDICT0323.*EDICT0343"):
        await reenrol(held, listed.addresses.enrol, now=datetime.now(UTC))


class Tap:
    """Passes calls on and keeps what was asked, as somebody who reads along would."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def __call__(self, address: str, ca_pem: str, request: Any) -> pb.EnrolResponse:
        self.seen.append(request)
        return await ask(address, ca_pem, request)


async def test_who_repeats_a_request_gets_a_certificate_for_a_key_that_only_the_agent_has(
    hub: Hub, listed: Running
) -> None:
    tap = Tap()
    found = await reenrol(identity(hub, listed), listed.addresses.enrol, now=datetime.now(UTC), call=tap)
    again = await listed.enrolment().Reenrol(tap.seen[0])
    assert await admitted(hub, listed, found.key_pem, again.certificate_pem)
    assert not await admitted(hub, listed, new_private_key(), again.certificate_pem)


async def test_who_has_the_certificate_alone_gets_nothing(
    hub: Hub, listed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, stolen = identity(hub, listed), new_private_key()
    thief = Identity(held.pins, stolen, held.receipt_key, held.certificate, held.root)
    with pytest.raises(IdentityError, match="EDICT0312"):
        await reenrol(thief, listed.addresses.enrol, now=datetime.now(UTC))
    monkeypatch.setattr(claims, "_proven", lambda *_: True)
    found = await reenrol(thief, listed.addresses.enrol, now=datetime.now(UTC))
    assert await admitted(hub, listed, found.key_pem, found.certificate), "the control: without the proof it works"


async def test_a_token_for_a_new_receipt_key_brings_one_that_the_old_key_endorses(hub: Hub, listed: Running) -> None:
    held = identity(hub, listed, ended=None)
    secret, digest = token()
    expires = int(datetime.now(UTC).timestamp()) + 60
    await listed.admin().CreateToken(pb.CreateTokenRequest(cluster="c1", secret_sha256=digest, expires_unix=expires))
    pins = held.pins
    made = Token(
        pins.cluster, pins.hub, pins.enrol, DOMAIN, secret, pins.ca_pem, pins.root_sha256, new_receipt_key=True
    )
    keys = Next(digest.hex(), new_private_key(), Ed25519PrivateKey.generate().private_bytes_raw())
    tap = Tap()
    asked = Identity(pins, held.key_pem, held.receipt_key, held.certificate, held.root, held.token, keys)
    found = await enrol(asked, made, pins.enrol, now=datetime.now(UTC), call=tap)
    assert (found.key_pem, found.receipt_key) == (keys.key_pem, keys.receipt_key)
    assert (found.token, found.next) == (digest.hex(), None)
    status = (await listed.admin().Status(pb.StatusRequest(clusters=["c1"]))).clusters
    async with asyncio.timeout(10):
        while not status[0].pending_receipt_key:
            status = (await listed.admin().Status(pb.StatusRequest(clusters=["c1"]))).clusters
    assert status[0].pending_receipt_key == found.signer.public_key().public_bytes_raw()
    assert status[0].receipt_endorsement == tap.seen[0].receipt_endorsement
    assert len(status[0].receipt_endorsement) == 64
