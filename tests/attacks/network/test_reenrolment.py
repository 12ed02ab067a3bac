"""Somebody saw an agent re-enrol, or has its expired certificate without the key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from msgspec.structs import replace

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import digest_of
from edict.pki import reenrol
from edict.pki.csr import load_private_key
from edict.pki.reenrol import Claim, prove
from edict_hub.services import _issuing
from tests.attacks.harness import Off, attack
from tests.attacks.network.wire import C1, csr, fresh_key, now
from tests.integration.hub.hubs import Credentials, Running

pytestmark = pytest.mark.parts


def _unproven(*_: Any, **__: Any) -> str:
    """Take every claim for cluster c1's."""
    return C1


def claim_of(listed: Running, key: bytes, *, ended: timedelta = timedelta(days=1)) -> tuple[Claim, Credentials]:
    """Return what an agent would say now to get a certificate for a key, and its expired certificate."""
    old = listed.hub.agent(C1, timedelta(hours=1), ended=ended)
    return Claim(old.cert, csr(key), int(now().timestamp())), old


async def gets_one(listed: Running, claim: Claim, proof: bytes, key: bytes) -> bool:
    """Tell whether the hub gives a certificate for this key."""
    asked = pb.ReenrolRequest(
        certificate_pem=claim.certificate_pem,
        csr_pem=claim.csr_pem,
        at_unix=claim.at_unix,
        proof=proof,
        root_sha256=digest_of(listed.hub.pinned),
    )
    async with listed.hub.channel(listed.addresses.enrol, None) as channel:
        try:
            answer = await rpc.EnrolmentStub(channel).Reenrol(asked, timeout=10)
        except grpc.aio.AioRpcError:
            return False
    given = x509.load_pem_x509_certificate(answer.certificate_pem)
    return bool(given.public_key() == load_private_key(key).public_key())


@attack("trades an expired certificate that it saw for one of its own key", without=[Off(_issuing, "check", _unproven)])
async def test_an_expired_certificate_without_its_key(listed: Running) -> bool:
    thief = fresh_key()
    claim, _ = claim_of(listed, thief)
    return await gets_one(listed, claim, prove(claim, thief), thief)


@attack("repeats a proof that it saw with a request of its own", without=[Off(_issuing, "check", _unproven)])
async def test_a_proof_is_of_one_request(listed: Running) -> bool:
    honest, thief = fresh_key(), fresh_key()
    claim, old = claim_of(listed, honest)
    seen = prove(claim, old.key)
    return await gets_one(listed, replace(claim, csr_pem=csr(thief)), seen, thief)


@attack("repeats a proof that it saw a day later", without=[Off(reenrol, "FRESH", timedelta(days=365))])
async def test_a_proof_is_of_now(listed: Running) -> bool:
    """It would only get a certificate for the agent's own key, and does not even get that."""
    key = fresh_key()
    claim, old = claim_of(listed, key)
    claim = replace(claim, at_unix=claim.at_unix - 86_400)
    return await gets_one(listed, claim, prove(claim, old.key), key)


@attack("trades a stolen key whose certificate ended long ago", without=[Off(reenrol, "GRACE", timedelta(days=365))])
async def test_a_certificate_of_last_quarter(listed: Running) -> bool:
    key = fresh_key()
    claim, old = claim_of(listed, key, ended=timedelta(days=31))
    return await gets_one(listed, claim, prove(claim, old.key), key)
