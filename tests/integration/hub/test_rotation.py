"""Leaf, agent and CA certificates change under way: the stream stays, and nobody believes what authors did not list."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509

from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import hub_id
from edict_agent import credentials as agent_credentials
from edict_agent.sync import renewal
from tests.env import Etcd
from tests.integration.hub.hubs import DOMAIN, Hub, Running, cluster, policy, replica
from tests.integration.hub.rotating import (
    LightAgent,
    agent_of,
    going,
    listing,
    pem,
    serve_under,
    token_of,
    until,
)

pytestmark = pytest.mark.parts


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet of one need not spread out."""
    monkeypatch.setattr(renewal, "SPREAD_SECONDS", 0.05)


async def shown(running: Running) -> x509.Certificate:
    host, port = running.addresses.enrol.split(":")
    found = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
    return x509.load_pem_x509_certificate(found.encode())


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in found}


def server_certificate(hub: Hub, begin: datetime, life: timedelta, ca: CertificateAuthority | None = None) -> bytes:
    key = new_private_key()
    made = (ca or hub.ca).issue_hub(make_csr(key, hub_id(DOMAIN)), ["hub.test", "127.0.0.1"], begin, life)
    hub.write("server.key", key)
    hub.write("server.crt", made)
    return made


def parsed(pem_bytes: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem_bytes)


@pytest.mark.parametrize("age", [0.66, 1.5], ids=["past 65 % of its life", "expired"])
async def test_a_server_certificate_that_is_due_is_issued_anew_without_a_write(
    hub: Hub, etcd: Etcd, age: float
) -> None:
    life = timedelta(days=10)
    configured = server_certificate(hub, datetime.now(UTC) - life * age, life)
    async with replica(hub, etcd.endpoint) as running:
        now = await shown(running)
        assert now != parsed(configured)
        assert chains.issued(now, hub.ca.certificate)
        assert names(now) == names(parsed(configured))
        assert now.not_valid_after_utc - datetime.now(UTC) > life * 0.9
        assert await shown(running) == now
        assert (hub.folder / "server.crt").read_bytes() == configured


async def test_a_server_certificate_that_is_young_or_somebody_else_s_is_left_alone(hub: Hub, etcd: Etcd) -> None:
    life = timedelta(days=10)
    configured = server_certificate(hub, datetime.now(UTC) - life * 0.4, life)
    async with replica(hub, etcd.endpoint) as running:
        assert await shown(running) == parsed(configured)
        key = new_private_key()
        theirs = CertificateAuthority.create("corporate.example", hub.now)
        asked = make_csr(key, hub_id("corporate.example"))
        leaf = theirs.issue_hub(asked, ["127.0.0.1"], datetime.now(UTC) - life * 0.9, life)
        hub.write("server.key", key)
        hub.write("server.crt", leaf)
        assert await shown(running) == parsed(leaf)


async def test_a_replaced_file_goes_before_the_own_certificate_and_half_a_replacement_changes_nothing(
    hub: Hub, etcd: Etcd
) -> None:
    life = timedelta(days=10)
    server_certificate(hub, datetime.now(UTC) - life * 0.9, life)
    async with replica(hub, etcd.endpoint) as running:
        own = await shown(running)
        key = new_private_key()
        fresh = hub.ca.issue_hub(make_csr(key, hub_id(DOMAIN)), ["127.0.0.1"], hub.now)
        hub.write("server.crt", fresh)
        assert await shown(running) == own
        hub.write("server.key", key)
        assert await shown(running) == parsed(fresh)


async def test_another_ca_counts_at_once_and_only_with_its_key(hub: Hub, etcd: Etcd) -> None:
    second = CertificateAuthority.create(DOMAIN, hub.now)
    async with replica(hub, etcd.endpoint) as running:
        first = await shown(running)
        hub.write("ca.crt", pem(second, hub.ca).encode())
        assert await shown(running) == first
        hub.write("ca.key", second.key_pem)
        assert chains.issued(await shown(running), second.certificate)


async def test_an_agent_renews_without_a_moment_in_which_it_has_no_stream(hub: Hub, etcd: Etcd) -> None:
    async with replica(hub, etcd.endpoint, certificateLifetime="2s") as running:
        await running.admin().Publish(hub.request(cluster("c1")))
        async with agent_of(running, "c1") as agent:
            await until(lambda: bool(agent.verified))
            sessions, certificates, gaps = set(), set(), 0

            def renewed() -> bool:
                nonlocal gaps
                session = running.replica.fanout.sessions.get("c1")  # type: ignore[call-overload]
                gaps += session is None
                sessions.add(id(session))
                certificates.add(agent.credentials.identity.certificate)
                return len(certificates) > 3

            await until(renewed)
            assert gaps == 0
            assert len(sessions) >= 3
            await running.admin().Publish(hub.request(policy("p")))
            await until(lambda: agent.verified[-1][0] == 3)


async def test_a_ca_is_replaced_step_by_step_and_no_agent_is_cut_off(hub: Hub, etcd: Etcd) -> None:
    old, new = hub.ca, CertificateAuthority.create(DOMAIN, hub.now)
    async with replica(hub, etcd.endpoint, certificateLifetime="3s") as running:
        admin = running.admin()
        await admin.Publish(hub.request(cluster("c1")))
        async with agent_of(running, "c1") as agent:
            await until(lambda: bool(agent.verified))

            hub.write("ca.crt", pem(old, new).encode())
            await admin.Publish(listing(hub, old, new))
            await until(lambda: agent.memory.state.root_version == 2)
            assert agent.credentials.believed.pins.ca_pem == pem(old, new)

            serve_under(hub, new, old)
            await until(lambda: agent.is_of(new))

            await admin.Publish(listing(hub, new))
            await until(lambda: agent.memory.state.root_version == 3)
            hub.write("ca.crt", pem(new).encode())

            renewed = agent.credentials.identity.certificate
            await until(lambda: agent.credentials.identity.certificate != renewed)
            await running.admin().Publish(hub.request(policy("p")))
            await until(lambda: agent.verified[-1][0] == 5)
            releases = [release for release, _ in agent.verified]
            assert releases == sorted(releases)
            assert set(releases) == {2, 3, 4, 5}

        again = LightAgent("c1", agent.token, agent.kube)
        async with going(again):
            await running.admin().Publish(hub.request(policy("q")))
            await until(lambda: bool(again.verified) and again.verified[-1][0] == 6)
            assert again.token.ca_pem == pem(old)
            assert again.credentials.believed.pins.ca_pem == pem(new)


async def test_an_agent_whose_certificate_is_of_a_ca_that_is_not_believed_any_more_renews_before_its_time(
    hub: Hub, running: Running
) -> None:
    old, new = hub.ca, CertificateAuthority.create(DOMAIN, hub.now)
    await running.admin().Publish(hub.request(cluster("c1")))
    async with agent_of(running, "c1") as agent:
        await until(lambda: bool(agent.verified))
        serve_under(hub, new, old)
        assert agent.is_of(old)
        await running.admin().Publish(listing(hub, new))
        await until(lambda: agent.is_of(new))


@pytest.mark.parametrize("defended", [True, False])
async def test_a_hub_under_a_ca_that_is_not_listed_is_refused(
    hub: Hub, etcd: Etcd, monkeypatch: pytest.MonkeyPatch, *, defended: bool
) -> None:
    offline = CertificateAuthority.create_root(DOMAIN, hub.now)
    stolen, good = offline.issue_authority(hub.now), offline.issue_authority(hub.now)
    serve_under(hub, good, stolen)
    async with replica(hub, etcd.endpoint) as running:
        await running.admin().Publish(listing(hub, good, documents=[cluster("c1")]))
        async with agent_of(running, "c1", pinned=[offline]) as agent:
            await until(lambda: bool(agent.verified))
            assert agent.memory.state.root_version == 2
    if not defended:
        monkeypatch.setattr(agent_credentials, "believing", lambda pins, _root: pins)
    serve_under(hub, stolen, good)
    address = dict(zip(("mtlsListen", "enrolListen"), (running.addresses.mtls, running.addresses.enrol), strict=True))
    async with replica(hub, etcd.endpoint, **address) as fake:
        again = LightAgent("c1", agent.token, agent.kube)
        async with going(again):
            await fake.admin().Publish(hub.request(policy("p")))
            if defended:
                await until(lambda: again.dials >= 3)
                assert again.verified == []
                assert "c1" not in fake.replica.fanout.sessions
            else:
                await until(lambda: bool(again.verified) and again.verified[-1][0] == 3)


@pytest.mark.parametrize("defended", [True, False])
async def test_a_cluster_that_was_away_while_the_ca_was_replaced_comes_back_by_a_new_token(
    hub: Hub, etcd: Etcd, *, defended: bool
) -> None:
    """Its newest root lists the old CA alone; a token that knows no newer root than it does not help."""
    old, new = hub.ca, CertificateAuthority.create(DOMAIN, hub.now)
    async with replica(hub, etcd.endpoint) as running:
        await running.admin().Publish(listing(hub, old, documents=[cluster("c1")]))
        async with agent_of(running, "c1") as agent:
            await until(lambda: bool(agent.verified))
        serve_under(hub, new)
        await running.admin().Publish(listing(hub, new))
        given = await token_of(running, "c1")
        assert given.root_version == 3
        if not defended:
            given = msgspec.structs.replace(given, root_version=2)
        again = LightAgent("c1", given, agent.kube)
        async with going(again):
            if defended:
                await until(lambda: bool(again.verified) and again.memory.state.root_version == 3)
                assert again.is_of(new)
                assert again.credentials.believed.pins.ca_pem == pem(new)
            else:
                await until(lambda: again.dials >= 3)
                assert again.verified == []


async def test_a_fleet_below_an_offline_root_follows_another_hub_ca_without_a_root_of_its_own(
    hub: Hub, etcd: Etcd
) -> None:
    """While the root lists none, the token's pin counts: whatever is below the offline root is believed."""
    offline = CertificateAuthority.create_root(DOMAIN, hub.now)
    first, second = offline.issue_authority(hub.now), offline.issue_authority(hub.now)
    serve_under(hub, first)
    async with replica(hub, etcd.endpoint, certificateLifetime="3s") as running:
        await running.admin().Publish(hub.request(cluster("c1")))
        async with agent_of(running, "c1", pinned=[offline]) as agent:
            await until(lambda: bool(agent.verified))
            assert agent.is_of(first)
            serve_under(hub, second, first)
            await until(lambda: agent.is_of(second))
            await running.admin().Publish(hub.request(policy("p")))
            await until(lambda: agent.verified[-1][0] == 3)
