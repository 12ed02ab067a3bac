"""A token is used once, by one key, in time, for its cluster; each refusal beside the enrolment that works."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import digest_of
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.trust.roles import ROOT
from edict_hub.store import EtcdStore, keys
from edict_hub.tokens import Tokens
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Credentials, Hub, Running, cluster, replica, token

pytestmark = pytest.mark.parts
RECEIPT_KEY = b"r" * 32


def enrolment(hub: Hub, secret: bytes, key: bytes, **fields: Any) -> pb.EnrolRequest:
    request = pb.EnrolRequest(
        cluster="c1",
        token_secret=secret,
        csr_pem=make_csr(key, cluster_id(DOMAIN, "c1")),
        receipt_public_key=RECEIPT_KEY,
        root_sha256=digest_of(hub.authors.metadata[ROOT]),
    )
    request.MergeFrom(pb.EnrolRequest(**fields))
    return request


async def made(running: Running, seconds: float = 60, name: str = "c1") -> bytes:
    secret, digest = token()
    request = pb.CreateTokenRequest(cluster=name, secret_sha256=digest, expires_unix=int(time.time() + seconds))
    await running.admin().CreateToken(request)
    return secret


async def code_of(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return str(caught.value.details())


@pytest.fixture
async def listed(hub: Hub, running: Running) -> Running:
    await running.admin().Publish(hub.request(cluster("c1")))
    return running


async def test_a_token_buys_a_certificate_that_opens_the_other_port(
    hub: Hub, listed: Running, store: EtcdStore
) -> None:
    secret, key = await made(listed), new_private_key()
    answer = await listed.enrolment().Enrol(enrolment(hub, secret, key))
    assert answer.root == hub.authors.metadata[ROOT]
    assert answer.certificate_pem.endswith(hub.ca.certificate_pem)
    channel = hub.channel(listed.addresses.mtls, Credentials(answer.certificate_pem, key))
    assert (await rpc.FederationStub(channel).Hello(pb.HelloRequest())).admitted
    status = await listed.admin().Status(pb.StatusRequest(clusters=["c1"]))
    assert status.clusters[0].pending_receipt_key == RECEIPT_KEY
    stored = (await store.range(f"{keys.ROOT}enrolment/")).items
    assert secret not in stored[0].value
    assert secret.hex() not in stored[0].key


async def test_a_used_token_serves_its_user_again_and_nobody_else(hub: Hub, listed: Running) -> None:
    secret, key = await made(listed), new_private_key()
    await listed.enrolment().Enrol(enrolment(hub, secret, key))
    assert (await listed.enrolment().Enrol(enrolment(hub, secret, key))).certificate_pem
    assert "EDICT0352" in await code_of(listed.enrolment().Enrol(enrolment(hub, secret, new_private_key())))


async def test_of_two_enrolments_at_once_on_two_replicas_one_wins(hub: Hub, listed: Running, etcd: Etcd) -> None:
    async with replica(hub, etcd.endpoint, replica="two") as two:
        secret = await made(listed)
        outcomes = await asyncio.gather(
            listed.enrolment().Enrol(enrolment(hub, secret, new_private_key())),
            two.enrolment().Enrol(enrolment(hub, secret, new_private_key())),
            return_exceptions=True,
        )
    assert sorted(isinstance(outcome, pb.EnrolResponse) for outcome in outcomes) == [False, True]


async def test_an_expired_token_is_refused(hub: Hub, listed: Running) -> None:
    secret = await made(listed, seconds=1.5)
    await asyncio.sleep(2)  # what is waited for is time itself
    assert "EDICT0351" in await code_of(listed.enrolment().Enrol(enrolment(hub, secret, new_private_key())))


async def test_a_token_is_for_its_own_cluster_and_a_listed_one(hub: Hub, listed: Running) -> None:
    key = new_private_key()
    foreign = enrolment(hub, await made(listed, name="c2"), key)
    assert "EDICT0353" in await code_of(listed.enrolment().Enrol(foreign))
    unlisted = enrolment(hub, await made(listed, name="c2"), key, cluster="c2")
    assert "EDICT0343" in await code_of(listed.enrolment().Enrol(unlisted))


async def test_a_failed_enrolment_does_not_use_the_token_up(hub: Hub, listed: Running) -> None:
    secret, key = await made(listed), new_private_key()
    other_name = make_csr(key, cluster_id(DOMAIN, "c2"))
    for fields, code in (
        ({"root_sha256": "0" * 64}, "EDICT0354"),
        ({"csr_pem": other_name}, "EDICT0306"),
        ({"csr_pem": b"nonsense"}, "EDICT0305"),
        ({"receipt_public_key": b"short"}, "EDICT0355"),
        ({"token_secret": b"unknown"}, "EDICT0350"),
    ):
        assert code in await code_of(listed.enrolment().Enrol(enrolment(hub, secret, key, **fields)))
    assert (await listed.enrolment().Enrol(enrolment(hub, secret, key))).certificate_pem


async def test_only_operators_make_tokens_and_none_that_is_malformed(running: Running) -> None:
    request = pb.CreateTokenRequest(cluster="c1", secret_sha256=b"short", expires_unix=int(time.time() + 60))
    assert "EDICT0411" in await code_of(running.admin().CreateToken(request))


async def test_more_enrolments_at_once_than_are_taken_are_turned_away_and_work_later(
    hub: Hub, etcd: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edict_hub.server.MAX_ENROLMENTS", 1)
    checking, go_on = asyncio.Event(), asyncio.Event()
    check = Tokens.check

    async def slow(self: Tokens, *asked: Any) -> None:
        checking.set()
        await go_on.wait()
        await check(self, *asked)

    monkeypatch.setattr(Tokens, "check", slow)
    async with replica(hub, etcd.endpoint) as one:
        await one.admin().Publish(hub.request(cluster("c1")))
        request = enrolment(hub, await made(one), new_private_key())
        first = asyncio.ensure_future(one.enrolment().Enrol(request))
        await checking.wait()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await one.enrolment().Enrol(request)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        go_on.set()
        assert (await first).certificate_pem
        assert (await one.enrolment().Enrol(request)).certificate_pem
