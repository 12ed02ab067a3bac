"""A stolen hub has the hub's CA, and answers enrolments and renewals as it likes."""

from __future__ import annotations

import contextlib
import random
from datetime import timedelta

import pytest

from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import make_csr, new_private_key
from edict.pki.names import cluster_id
from edict.pki.token import Token
from edict.trust import authorities, verify
from edict.trust.roles import ROOT
from edict_agent import credentials
from edict_agent.credentials import Credentials
from edict_agent.store.identity import IdentityStore
from edict_agent.sync import certificate
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.enrol import Request
from tests.attacks.harness import Off, attack
from tests.attacks.thief import root_with
from tests.attacks.victims import Victim, message
from tests.unit.agent.fakes import MemoryKube, TurnedClock
from tests.unit.agent.test_chain import ONE
from tests.unit.agent.test_client import DOMAIN, World
from tests.unit.trust.federation import Federation

UNCHECKED = Off(certificate, "check", lambda *_, **__: None)


@pytest.fixture
def world() -> World:
    return World()


async def _kept(world: World) -> bool:
    """Tell whether the agent keeps what the hub answers when its certificate is due."""
    before = world.credentials.identity.certificate
    await world.hears(world.hub.renewals, 2)
    return world.credentials.identity.certificate != before


@attack("renews a cluster's certificate as another cluster's", without=[UNCHECKED])
async def test_a_certificate_of_another_cluster(world: World) -> bool:
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "two"))
    now = world.clock.now() + timedelta(hours=12)
    world.hub.renewal = world.hub.ca.issue_cluster(request, ClusterName("two"), now, timedelta(hours=24))
    return await _kept(world)


@attack("renews a cluster's certificate for a key that the thief has", without=[UNCHECKED])
async def test_a_certificate_for_another_key(world: World) -> bool:
    """The agent would drop its key for one that is not its own, and could not connect any more."""
    now = world.clock.now() + timedelta(hours=12)
    request = make_csr(new_private_key(), cluster_id(DOMAIN, "one"))
    world.hub.renewal = world.hub.ca.issue_cluster(request, ONE, now, timedelta(hours=24))
    return await _kept(world)


@attack("renews certificates with a CA of its own, to be believed after the hub is mended", without=[UNCHECKED])
async def test_a_certificate_of_another_authority(world: World) -> bool:
    thief = CertificateAuthority.create(DOMAIN, world.clock.now() - timedelta(days=1))

    def issue(csr_pem: bytes) -> bytes:
        return thief.issue_cluster(csr_pem, ONE, world.clock.now(), timedelta(hours=24))

    world.hub.certificate = issue  # type: ignore[method-assign]
    return await _kept(world)


@attack("renews a certificate for a moment, so that the cluster is soon shut out", without=[UNCHECKED])
async def test_a_certificate_that_ends_at_once(world: World) -> bool:
    def issue(csr_pem: bytes) -> bytes:
        return world.hub.ca.issue_cluster(csr_pem, ONE, world.clock.now(), timedelta(minutes=1))

    world.hub.certificate = issue  # type: ignore[method-assign]
    return await _kept(world)


_pin = verify.pin


@attack(
    "hands a new agent another trust root than its token pins",
    without=[Off(verify, "pin", lambda root, _sha256=None: _pin(root))],
)
async def test_an_enrolment_with_another_root() -> bool:
    """From there on the thief would be every author."""
    clock, fed, thief = TurnedClock(), Federation(), Federation()
    authority = CertificateAuthority.create(DOMAIN, clock.now() - timedelta(days=1))

    async def answer(address: str, ca_pem: str, request: Request) -> pb.EnrolResponse:
        del address, ca_pem
        issued = authority.issue_cluster(request.csr_pem, ONE, clock.now(), timedelta(hours=24))
        return pb.EnrolResponse(certificate_pem=issued, root=thief.metadata[ROOT])

    token = Token(
        cluster=ONE,
        hub="h:1",
        enrol="h:2",
        trust_domain=DOMAIN,
        secret=b"s" * 32,
        ca_pem=authority.certificate_pem.decode(),
        root_sha256=digest_of(fed.metadata[ROOT]),
    )
    store = IdentityStore(MemoryKube(), "edict-system")
    agent = await Credentials.load(store, token, ONE, clock=clock, rng=random.Random(1), call=answer)
    with contextlib.suppress(TrustError):
        await agent.enrol_first(Addresses("h:2", random.Random(1)))
    return agent.identity.root == thief.metadata[ROOT]


@attack(
    "goes on as the hub with the CA that authors took out of the root",
    without=[Off(credentials, "believing", lambda pins, _root: pins)],
)
async def test_a_hub_s_ca_that_authors_took_out(world: World, fed: Federation, victim: Victim) -> bool:
    """The agent must not so much as connect to a hub of that CA."""
    fresh = CertificateAuthority.create(DOMAIN, fed.now - timedelta(days=1)).certificate_pem.decode()
    listing = root_with(fed, lambda root: authorities.write(root, [fresh]))
    await victim.hears(message(fed.publish(), fed.blobs, roots=[listing]))
    assert victim.memory.state.root_version == 2
    world.credentials.root = lambda: victim.memory.state.root
    return world.hub.ca.certificate_pem.decode() in world.credentials.believed.pins.ca_pem
