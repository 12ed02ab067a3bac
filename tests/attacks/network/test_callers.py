"""Somebody on the network calls the hub: without a certificate, with another's, with one that names too much."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.pki import _profile, chains
from edict.pki.ca import CLIENT, CertificateAuthority
from edict.pki.csr import make_csr, not_after
from edict.pki.names import Identity, Role, cluster_id, operator_id
from edict_hub import authority, gate, server, tls
from tests.attacks.harness import Off, attack
from tests.attacks.network.wire import C1, csr, fresh_key, now
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Credentials, Running, replica

pytestmark = pytest.mark.parts
ELSEWHERE_DOMAIN = "elsewhere.example"
THIEF = CertificateAuthority.create(DOMAIN, now())
ELSEWHERE = CertificateAuthority.create(ELSEWHERE_DOMAIN, now())
_dynamic = grpc.dynamic_ssl_server_credentials


class Open:
    """grpc, but for ports that ask nobody for a certificate."""

    ssl_server_certificate_configuration = staticmethod(grpc.ssl_server_certificate_configuration)

    @staticmethod
    def dynamic_ssl_server_credentials(first: Any, changed: Any, **_fields: Any) -> Any:
        return _dynamic(first, changed, require_client_authentication=False)


def _a_cluster(self: gate.Gate, context: Any) -> tuple[Identity, datetime]:
    """Take who shows nothing for cluster c1."""
    del self, context
    return Identity(DOMAIN, "cluster", C1), now() + timedelta(hours=1)


def _an_operator(self: gate.Gate, context: Any) -> tuple[Identity, datetime]:
    """Take who shows nothing for an operator."""
    del self, context
    return Identity(DOMAIN, "operator", "nobody", Role.OPERATOR), now() + timedelta(hours=1)


_judged = authority.Authority._judged


def _any_authority(self: authority.Authority, cert: bytes, key: bytes) -> authority.Held:
    """Let in clients of two authorities more."""
    held = _judged(self, cert, key)
    return replace(held, believed=held.believed + THIEF.certificate_pem + ELSEWHERE.certificate_pem)


def _any_domain(certificate_pem: bytes, trust_domain: str) -> Identity:
    """Read the end of the last name that a certificate has."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    last = names.get_values_for_type(x509.UniformResourceIdentifier)[-1]
    return Identity(trust_domain, "cluster", last.rpartition("/")[2])


async def answered(call: Any) -> bool:
    """Tell whether the hub does what it is asked."""
    try:
        await call
    except grpc.aio.AioRpcError:
        return False
    return True


async def let_in(running: Running, shown: Credentials | None) -> bool:
    """Tell whether somebody with this certificate is taken for a cluster."""
    async with running.hub.channel(running.addresses.mtls, shown) as channel:
        return await answered(rpc.FederationStub(channel).Hello(pb.HelloRequest(), timeout=10))


async def commands(running: Running, address: str, shown: Credentials | None) -> bool:
    """Tell whether somebody with this certificate is taken for an operator."""
    async with running.hub.channel(address, shown) as channel:
        return await answered(rpc.AdminStub(channel).State(pb.StateRequest(), timeout=10))


def cluster_of(issuer: CertificateAuthority, domain: str) -> Credentials:
    """Return a certificate for cluster c1 of some authority."""
    key = fresh_key()
    request = make_csr(key, cluster_id(domain, C1))
    return Credentials(issuer.issue_cluster(request, C1, now()), key)


@attack(
    "speaks for a cluster without any certificate",
    without=[Off(tls, "grpc", Open), Off(gate.Gate, "_caller", _a_cluster)],
)
async def test_nobody_is_no_cluster(listed: Running, etcd: Etcd) -> bool:
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        return await let_in(two, None)


@attack(
    "speaks for a cluster with a certificate of its own authority",
    without=[Off(authority.Authority, "_judged", _any_authority)],
)
async def test_a_cluster_of_another_authority(listed: Running, etcd: Etcd) -> bool:
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        return await let_in(two, cluster_of(THIEF, DOMAIN))


@attack(
    "speaks for a cluster of the same name in another trust domain",
    without=[Off(authority.Authority, "_judged", _any_authority), Off(gate, "identity_of", _any_domain)],
)
async def test_a_cluster_of_another_domain(listed: Running, etcd: Etcd) -> bool:
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        return await let_in(two, cluster_of(ELSEWHERE, ELSEWHERE_DOMAIN))


@attack("speaks for a cluster with a certificate that names two", without=[Off(gate, "identity_of", _any_domain)])
async def test_a_certificate_of_two_names(listed: Running) -> bool:
    key, issuer = fresh_key(), listed.hub.ca
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(cluster_id(DOMAIN, name)) for name in ("other", C1)]
    dates = now() - timedelta(minutes=1), now() + timedelta(hours=1)
    public = x509.load_pem_x509_csr(csr(key)).public_key()
    made = _profile.leaf(issuer._own, public, names, CLIENT, dates)
    return await let_in(listed, Credentials(chains.pem_of(made), key))


@attack(
    "goes on with a stolen certificate that has expired since, on a connection that it kept",
    without=[Off(gate, "not_after", lambda _pem: now() + timedelta(days=1))],
)
async def test_an_expired_certificate(listed: Running) -> bool:
    """TLS looks at dates once."""
    shown = listed.hub.agent(C1, timedelta(seconds=3))
    async with listed.hub.channel(listed.addresses.mtls, shown) as channel:
        stub = rpc.FederationStub(channel)
        assert await answered(stub.Hello(pb.HelloRequest(), timeout=10))
        await asyncio.sleep(max(0.0, (not_after(shown.cert) - now()).total_seconds()) + 0.1)
        return await answered(stub.Hello(pb.HelloRequest(), timeout=10))


@attack(
    "commands with an operator's certificate of its own authority",
    without=[Off(authority.Authority, "_judged", _any_authority)],
)
async def test_an_operator_of_another_authority(listed: Running, etcd: Etcd) -> bool:
    key = fresh_key()
    request = make_csr(key, operator_id(DOMAIN, Role.OPERATOR, "mallory"))
    shown = Credentials(THIEF.issue_operator(request, Role.OPERATOR, "mallory", now()), key)
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        return await commands(two, two.addresses.mtls, shown)


_servers = server.Replica._servers


def _everything_everywhere(self: server.Replica) -> tuple[Any, Any]:
    """Serve operators on both ports."""
    mtls, enrol = _servers(self)
    rpc.add_AdminServicer_to_server(self.admin, enrol)
    return mtls, enrol


@attack(
    "commands through the enrolment port, which asks nobody for a certificate",
    without=[Off(server.Replica, "_servers", _everything_everywhere), Off(gate.Gate, "_caller", _an_operator)],
)
async def test_the_enrolment_port_has_no_other_service(listed: Running, etcd: Etcd) -> bool:
    async with replica(listed.hub, etcd.endpoint, replica="two") as two:
        return await commands(two, two.addresses.enrol, None)
