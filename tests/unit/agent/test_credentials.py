"""The agent comes by a certificate by itself, uses a token that is new to it, and loses nothing when one is refused."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from msgspec.structs import replace

from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, digest_of
from edict.pki import reenrol
from edict.pki.ca import CertificateAuthority
from edict.pki.endorsement import endorsed
from edict.pki.reenrol import Claim
from edict.pki.token import Token
from edict_agent.credentials import Credentials
from edict_agent.store.identity import Identity, IdentityStore
from edict_agent.sync.addresses import Addresses
from tests.integration.agent.federation import Authors
from tests.unit.agent.fakes import MemoryKube, TurnedClock

DOMAIN = "bank.example"
ONE = ClusterName("one")
ROOT = Authors().root


def said(status: grpc.StatusCode, details: str = "") -> grpc.aio.AioRpcError:
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(status, empty, empty, details)


class Port:
    """An enrolment port: takes each token once, and judges re-enrolments by the hub's own check."""

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        self.ca = CertificateAuthority.create(DOMAIN, clock.now() - timedelta(days=100))
        self.tokens: set[bytes] = set()
        self.fault: grpc.aio.AioRpcError | None = None
        self.asked: list[Any] = []

    def token(self, secret: int, **fields: Any) -> Token:
        made = Token(ONE, "h:1", "h:2", DOMAIN, bytes([secret]) * 32, self.ca.certificate_pem.decode(), digest_of(ROOT))
        self.tokens.add(made.secret)
        return replace(made, **fields)

    async def __call__(self, address: str, ca_pem: str, request: Any) -> pb.EnrolResponse:
        assert (address, ca_pem.count("BEGIN")) == ("h:2", 1)
        self.asked.append(request)
        if self.fault is not None:
            raise self.fault
        if isinstance(request, pb.ReenrolRequest):
            claim = Claim(request.certificate_pem, request.csr_pem, request.at_unix)
            try:
                reenrol.check(
                    claim, request.proof, believed=[self.ca.certificate], trust_domain=DOMAIN, now=self.clock.now()
                )
            except IdentityError as error:
                raise said(grpc.StatusCode.PERMISSION_DENIED, error.diagnostics()) from None
        elif request.token_secret not in self.tokens:
            raise said(grpc.StatusCode.UNAUTHENTICATED, "Error [EDICT0350] this hub knows no such enrolment token.")
        else:
            self.tokens.discard(request.token_secret)
        certificate = self.ca.issue_cluster(request.csr_pem, ONE, self.clock.now(), timedelta(hours=24))
        return pb.EnrolResponse(certificate_pem=certificate, root=ROOT)


class World:
    """A cluster's Secret, a hub's port, and an agent that starts again and again."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.port = Port(self.clock)
        self.kube = MemoryKube()
        self.store = IdentityStore(self.kube, "ns")

    async def start(self, token: Token | None) -> Credentials:
        return await Credentials.load(self.store, token, "", clock=self.clock, rng=random.Random(1), call=self.port)

    async def enrolled(self, token: Token | None = None) -> Credentials:
        made = await self.start(token or self.port.token(1))
        await made.enrol_first(Addresses("h:2", random.Random(1)))
        self.port.asked.clear()
        return made

    async def stored(self) -> Identity:
        found = await self.store.load()
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


async def test_an_agent_whose_certificate_has_expired_gets_the_next_with_its_old_key_and_no_token(world: World) -> None:
    before = (await world.enrolled()).identity
    world.clock.passed += timedelta(days=20).total_seconds()
    credentials = await world.start(None)
    assert not credentials.usable
    await credentials.obtain("h:2")
    assert credentials.usable
    assert [type(request) for request in world.port.asked] == [pb.ReenrolRequest]
    assert credentials.identity.key_pem != before.key_pem
    assert credentials.identity.receipt_key == before.receipt_key
    assert await world.stored() == credentials.identity


async def test_after_thirty_days_it_says_what_to_do_and_a_new_token_mends_it(world: World) -> None:
    before = (await world.enrolled()).identity
    world.clock.passed += timedelta(days=32).total_seconds()
    with pytest.raises(IdentityError, match=r"EDICT0323.*EDICT0310.*edict cluster reenrol one"):
        await (await world.start(None)).obtain("h:2")
    assert await world.stored() == before
    credentials = await world.start(world.port.token(2))
    await credentials.obtain("h:2")
    assert credentials.usable
    assert credentials.identity.receipt_key == before.receipt_key, "what it signed and will sign is one chain"


async def test_a_certificate_that_has_expired_for_the_hub_is_replaced_whatever_the_clock_here_says(
    world: World,
) -> None:
    credentials = await world.enrolled()
    credentials.refused("Error [EDICT0344] cluster one is banned.")
    assert credentials.usable
    credentials.refused("Error [EDICT0345] (one) the certificate has expired. Try: enrol again")
    assert not credentials.usable
    await credentials.obtain("h:2")
    assert credentials.usable
    assert [type(request) for request in world.port.asked] == [pb.ReenrolRequest]


async def test_a_token_is_used_at_once_by_an_agent_that_has_not_used_it_and_never_again(world: World) -> None:
    token, other = world.port.token(1), world.port.token(2)
    before = (await world.enrolled(token)).identity
    assert (await world.start(token)).usable, "a token that stays mounted is not used again"
    credentials = await world.start(other)
    assert not credentials.usable
    await credentials.obtain("h:2")
    assert credentials.usable
    assert credentials.identity.key_pem != before.key_pem
    assert credentials.identity.token == other.secret_sha256.hex()
    assert (await world.start(other)).usable


async def test_a_refused_or_unasked_token_costs_a_good_identity_nothing(world: World) -> None:
    before = (await world.enrolled()).identity
    elsewhere = CertificateAuthority.create(DOMAIN, world.clock.now())
    stale = replace(world.port.token(2), secret=b"?" * 32, ca_pem=elsewhere.certificate_pem.decode())
    credentials = await world.start(stale)
    world.port.fault = said(grpc.StatusCode.UNAVAILABLE)
    await credentials.obtain("h:2")
    assert not credentials.usable, "it is tried again at the next connection"
    world.port.fault = None
    await credentials.obtain("h:2")
    assert credentials.usable
    assert (credentials.identity.certificate, credentials.identity.pins) == (before.certificate, before.pins)
    world.clock.passed += timedelta(days=2).total_seconds()
    await credentials.obtain("h:2")
    assert credentials.usable, "and it re-enrols in time all the same"


async def test_a_crash_before_the_answer_is_stored_repeats_the_same_request(world: World) -> None:
    await world.enrolled()
    token = world.port.token(2, new_receipt_key=True)
    first = (await world.start(token)).identity.next
    again = await world.start(token)
    assert first is not None
    assert again.identity.next == first, "the keys are stored before the hub hears of them"
    await again.obtain("h:2")
    assert (again.identity.key_pem, again.identity.receipt_key) == (first.key_pem, first.receipt_key)


async def test_a_token_for_a_new_receipt_key_changes_it_once_and_the_old_key_endorses_it(world: World) -> None:
    before = (await world.enrolled()).identity
    token = world.port.token(2, new_receipt_key=True)
    credentials = await world.start(token)
    told: list[bytes] = []
    credentials.on_receipt_key = lambda key: told.append(key.private_bytes_raw())
    assert credentials.identity.receipt_key == before.receipt_key
    await credentials.obtain("h:2")
    after = credentials.identity
    assert told == [after.receipt_key]
    assert after.receipt_key != before.receipt_key
    request = world.port.asked[0]
    old = before.signer.public_key().public_bytes_raw()
    assert endorsed(request.receipt_endorsement, old, ONE, request.receipt_public_key)
    assert request.receipt_public_key == after.signer.public_key().public_bytes_raw()
    assert (await world.start(token)).identity == after


async def test_a_lost_secret_means_a_new_receipt_key_that_nothing_endorses(world: World) -> None:
    before = (await world.enrolled()).identity
    world.kube.objects.clear()
    credentials = await world.start(world.port.token(2))
    await credentials.enrol_first(Addresses("h:2", random.Random(1)))
    assert credentials.identity.receipt_key != before.receipt_key
    assert world.port.asked[0].receipt_endorsement == b""


async def test_no_key_is_ever_printed(world: World) -> None:
    await world.enrolled()
    credentials = await world.start(world.port.token(2))
    text = repr(credentials.identity) + repr(credentials.identity.next)
    assert "PRIVATE" not in text
    assert repr(credentials.identity.receipt_key) not in text


async def test_a_damaged_key_in_the_identity_is_named_by_its_secret() -> None:
    world = World()
    await world.enrolled()
    held = await world.stored()
    await world.store.save(replace(held, key_pem=b"x"))
    with pytest.raises(IdentityError, match=r"EDICT0324.*Secret ns/edict-agent-identity.*restore the Secret"):
        await world.stored()
    await world.store.save(held)
    assert await world.stored() == held
