"""Somebody on the network poses as the hub: towards an agent that has enrolled, and towards one that has a token."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.pki import ca as pki
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr
from edict.pki.names import hub_id
from edict_agent.sync import enrol, link
from tests.attacks.harness import Off, attack
from tests.attacks.network.wire import C1, csr, fresh_key, greets, identity, impostor, now
from tests.integration.hub.hubs import DOMAIN, Credentials, Hub

pytestmark = pytest.mark.parts
C2 = ClusterName("c2")
THIEF = CertificateAuthority.create(DOMAIN, now())
_secure, _credentials = grpc.aio.secure_channel, grpc.ssl_channel_credentials


def server_of(authority: CertificateAuthority, *hosts: str) -> Credentials:
    """Return a hub's certificate of some authority for some hosts."""
    key = fresh_key()
    return Credentials(authority.issue_hub(make_csr(key, hub_id(DOMAIN)), hosts, now()), key)


class Believing:
    """grpc, but for a channel that also believes the thief's authority."""

    aio = grpc.aio

    @staticmethod
    def ssl_channel_credentials(root_certificates: bytes, **fields: Any) -> Any:
        return _credentials(root_certificates=root_certificates + THIEF.certificate_pem, **fields)


class Anywhere:
    """grpc.aio, but for a channel that does not compare names."""

    @staticmethod
    def secure_channel(address: str, credentials: Any, options: Any = ()) -> Any:
        return _secure(address, credentials, [*options, ("grpc.ssl_target_name_override", "hub.example")])


class Plain:
    """grpc.aio, but for channels without TLS."""

    @staticmethod
    def secure_channel(address: str, _credentials: Any, options: Any = ()) -> Any:
        return grpc.aio.insecure_channel(address, options=options)


def instead(aio: type) -> Any:
    """Return grpc with another aio."""
    return type("Grpc", (), {"aio": aio, "ssl_channel_credentials": staticmethod(_credentials)})


async def greeted(hub: Hub, shown: Credentials | None) -> bool:
    """Tell whether an agent talks to a server that shows this."""
    async with impostor(shown) as thief:
        await greets(link.dial(thief.address, identity(hub, hub.agent(C1))))
        return bool(thief.heard)


@attack("poses as the hub with a certificate of its own authority", without=[Off(link, "grpc", Believing)])
async def test_a_hub_of_another_authority(hub: Hub) -> bool:
    return await greeted(hub, server_of(THIEF, "127.0.0.1"))


@attack("poses as the hub without TLS", without=[Off(link, "grpc", instead(Plain))])
async def test_a_hub_without_tls(hub: Hub) -> bool:
    return await greeted(hub, None)


@attack("poses as the hub with a good certificate of another host", without=[Off(link, "grpc", instead(Anywhere))])
async def test_a_hub_of_another_name(hub: Hub) -> bool:
    return await greeted(hub, server_of(hub.ca, "hub.example"))


_issue = CertificateAuthority._issue


def _for_servers(self: CertificateAuthority, csr_pem: bytes, spiffe: str, *args: Any, **_fields: Any) -> bytes:
    """Issue every certificate for servers, and for this host."""
    begin, lifetime, _usage = args
    return _issue(self, csr_pem, spiffe, begin, lifetime, pki.SERVER, hosts=["127.0.0.1"])


@attack("poses as the hub with a cluster's certificate", without=[Off(CertificateAuthority, "_issue", _for_servers)])
async def test_a_cluster_s_certificate_serves_nothing(hub: Hub) -> bool:
    key = fresh_key()
    stolen = hub.ca.issue_cluster(csr(key, C2), C2, now(), timedelta(hours=1))
    async with impostor(Credentials(stolen, key)) as thief:
        await greets(link.dial(thief.address, identity(hub, hub.agent(C1))))
        return bool(thief.heard)


@attack("poses as the enrolment port to get a token", without=[Off(enrol, "grpc", Believing)])
async def test_a_token_is_told_to_nobody_else(hub: Hub) -> bool:
    asked = pb.EnrolRequest(cluster=C1, token_secret=b"s" * 32)
    async with impostor(server_of(THIEF, "127.0.0.1")) as thief:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await enrol.ask(thief.address, hub.ca.certificate_pem.decode(), asked)
        return any(request.token_secret for request in thief.heard)


@attack("poses as the enrolment port without TLS", without=[Off(enrol, "grpc", instead(Plain))])
async def test_a_token_is_not_told_in_the_clear(hub: Hub) -> bool:
    asked = pb.EnrolRequest(cluster=C1, token_secret=b"s" * 32)
    async with impostor(None) as thief:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await enrol.ask(thief.address, hub.ca.certificate_pem.decode(), asked)
        return any(request.token_secret for request in thief.heard)
