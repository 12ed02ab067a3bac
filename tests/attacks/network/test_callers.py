"""Somebody on the network calls the hub: without a certificate, with another's, with one that names too much."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.pki.ca import CertificateAuthority
from edict.pki.names import Identity, cluster_id
from edict_hub import authority, gate, tls
from tests.attacks.harness import Off, attack
from tests.attacks.network.wire import C1, fresh_key, now
from tests.integration.hub.hubs import DOMAIN, Credentials, Hub, Running

pytestmark = pytest.mark.parts
THIEF = CertificateAuthority.create(DOMAIN, now())
ELSEWHERE = CertificateAuthority.create("elsewhere.example", now())
_dynamic = grpc.dynamic_ssl_server_credentials


class Open:
    """grpc, but for ports that ask nobody for a certificate."""

    ssl_server_certificate_configuration = staticmethod(grpc.ssl_server_certificate_configuration)

    @staticmethod
    def dynamic_ssl_server_credentials(first: Any, changed: Any, **_fields: Any) -> Any:
        return _dynamic(first, changed, require_client_authentication=False)


def _somebody(self: gate.Gate, context: Any) -> tuple[Identity, Any]:
    """Take who shows nothing for cluster c1."""
    del self, context
    return Identity(DOMAIN, "cluster", C1), now() + timedelta(hours=1)


_judged = authority.Authority._judged


def _any_authority(self: authority.Authority, cert: bytes, key: bytes) -> authority.Held:
    """Let in clients of two authorities more."""
    held = _judged(self, cert, key)
    return replace(held, believed=held.believed + THIEF.certificate_pem + ELSEWHERE.certificate_pem)


def _any_domain(certificate_pem: bytes, trust_domain: str) -> Identity:
    """Read the last part of whatever name a certificate has."""
    names = x509.load_pem_x509_certificate(certificate_pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    last = names.value.get_values_for_type(x509.UniformResourceIdentifier)[-1].rpartition("/")[2]
    return Identity(trust_domain, "cluster", last)


async def answered(call: Any) -> bool:
    """Tell whether the hub does what it is asked."""
    try:
        await call
    except grpc.aio.AioRpcError:
        return False
    return True


async def let_in(running: Running, shown: Credentials | None, *, ca: bytes | None = None) -> bool:
    """Tell whether an agent with this certificate is taken for a cluster."""
    channel = running.hub.channel(running.addresses.mtls, shown, ca)
    async with channel:
        return await answered(rpc.FederationStub(channel).Hello(pb.HelloRequest(), timeout=10))


def cluster_of(issuer: CertificateAuthority, key: bytes, domain: str = DOMAIN) -> Credentials:
    """Return a certificate for cluster c1 of some authority."""
    request = proofs_csr(key, cluster_id(domain, C1))
    return Credentials(issuer.issue_cluster(request, C1, now()), key)  # type: ignore[arg-type]


def proofs_csr(key: bytes, name: str) -> bytes:
    """Return a request for any name."""
    from edict.pki.csr import make_csr  # noqa: PLC0415 - the one place

    return make_csr(key, name)


@attack(
    "speaks for a cluster without any certificate",
    without=[Off(tls, "grpc", Open), Off(gate.Gate, "_caller", _somebody)],
)
async def test_nobody_is_no_cluster(hub: Hub, etcd: Any) -> bool:
    async with listing(hub, etcd) as listed:
        return await let_in(listed, None)


@attack(
    "speaks for a cluster with a certificate of its own authority",
    without=[Off(authority.Authority, "_judged", _any_authority)],
)
async def test_a_cluster_of_another_authority(hub: Hub, etcd: Any) -> bool:
    async with listing(hub, etcd) as listed:
        return await let_in(listed, cluster_of(THIEF, fresh_key()))


@attack(
    "speaks for a cluster of the same name in another trust domain",
    without=[Off(authority.Authority, "_judged", _any_authority), Off(gate, "identity_of", _any_domain)],
)
async def test_a_cluster_of_another_domain(hub: Hub, etcd: Any) -> bool:
    async with listing(hub, etcd) as listed:
        return await let_in(listed, cluster_of(ELSEWHERE, fresh_key(), "elsewhere.example"))


@contextlib.asynccontextmanager
async def listing(hub: Hub, etcd: Any) -> Any:
    """Run a hub whose inventory has c1, and whose defences are those of the moment."""
    from tests.integration.hub.hubs import cluster, replica  # noqa: PLC0415 - made after the defences are replaced

    async with replica(hub, etcd.endpoint, replica="one") as running:
        await running.admin().Publish(hub.request(cluster(C1)))
        yield running
