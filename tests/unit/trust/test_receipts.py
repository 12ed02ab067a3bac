"""A receipt convinces only whole, in order, and by the pinned key."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from edict.errors import TrustError
from edict.ids import ClusterName, Digest, Release
from edict.trust.receipts import (
    MAX_ENVELOPE,
    PAYLOAD_TYPE,
    PolicyReport,
    PolicyState,
    ReceiptBody,
    delta,
    envelope_digest,
    fold,
    sign_receipt,
    state_digest,
    verify_receipt,
)
from tests.unit.trust.federation import NOW

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw().hex()
A = ClusterName("a")


def report(name: str, state: PolicyState = PolicyState.COMPLIANT) -> PolicyReport:
    return PolicyReport(f"net/{name}", Digest("0" * 64), state)


def chain(*states: dict[str, PolicyReport], bases: tuple[int, ...] = (0,)) -> list[bytes]:
    envelopes: list[bytes] = []
    before: dict[str, PolicyReport] = {}
    for index, state in enumerate(states):
        changed, removed = delta({} if index in bases else before, state)
        body = ReceiptBody(
            cluster=A,
            sequence=index + 1,
            previous=envelope_digest(envelopes[-1]) if envelopes else "",
            release=Release(index + 1),
            time=NOW + timedelta(seconds=index),
            agent_version="1",
            dialect="cilium",
            plugin_version="1.20.2",
            base=index in bases,
            policies=changed,
            removed=removed,
            state_digest=state_digest(state),
        )
        envelopes.append(sign_receipt(body, KEY))
        before = state
    return envelopes


def read(envelopes: list[bytes]) -> list[tuple[bytes, ReceiptBody]]:
    return [(envelope, verify_receipt(envelope, PUBLIC, A)) for envelope in envelopes]


STATES = (
    {"net/x": report("x")},
    {"net/x": report("x"), "net/y": report("y", PolicyState.DEGRADED)},
    {"net/y": report("y")},
)


def test_a_chain_folds_to_the_newest_state() -> None:
    evidence = fold(read(chain(*STATES)))
    assert evidence.policies == STATES[-1]
    assert evidence.head.sequence == 3


@pytest.mark.parametrize("keep", [[0, 2], [1, 2], [0, 2, 1]])
def test_nothing_is_dropped_or_reordered_unseen(keep: list[int]) -> None:
    envelopes = chain(*STATES)
    with pytest.raises(TrustError, match="EDICT0244"):
        fold(read([envelopes[index] for index in keep]))


@pytest.mark.parametrize("keep", [[0, 2], [2], [1, 2]])
def test_a_base_goes_on_after_a_gap_and_the_gap_is_told(keep: list[int]) -> None:
    envelopes = chain(*STATES, bases=(0, 2))
    evidence = fold(read([envelopes[index] for index in keep]))
    assert (evidence.policies, evidence.head.sequence) == (STATES[-1], 3)
    assert evidence.gaps == (((2, 2),) if keep == [0, 2] else ())


def test_nothing_else_takes_the_place_of_what_is_missing() -> None:
    """The receipt after a gap names the hash of the last that is missing, and no two have one number."""
    envelopes = chain(*STATES, bases=(0, 2))
    instead = chain(*STATES[:1], STATES[0], STATES[2])
    with pytest.raises(TrustError, match="EDICT0244"):
        fold(read([envelopes[0], instead[1], envelopes[2]]))
    with pytest.raises(TrustError, match="EDICT0244"):
        fold(read([envelopes[2], envelopes[0]]))
    assert fold(read(envelopes)).gaps == ()


def test_a_missing_tail_still_folds_and_shows_its_age() -> None:
    """The head's time and sequence are what a reader compares: the fold itself cannot know of a later one."""
    assert fold(read(chain(*STATES)[:2])).head.sequence == 2


def test_another_key_does_not_convince() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    with pytest.raises(TrustError, match="EDICT0242"):
        verify_receipt(chain(*STATES)[0], other, A)


def test_another_cluster_is_not_spoken_for() -> None:
    with pytest.raises(TrustError, match="EDICT0243"):
        verify_receipt(chain(*STATES)[0], PUBLIC, ClusterName("b"))


def test_an_altered_envelope_is_refused() -> None:
    envelope = chain(*STATES)[0]
    for position in range(0, len(envelope), 11):
        altered = bytearray(envelope)
        altered[position] ^= 1
        try:
            body = verify_receipt(bytes(altered), PUBLIC, A)
        except TrustError:
            continue
        assert body == verify_receipt(envelope, PUBLIC, A), "a change that leaves the signed bytes alone says the same"


def test_a_state_that_does_not_add_up_is_refused() -> None:
    envelopes = chain(STATES[0])
    body = msgspec.structs.replace(verify_receipt(envelopes[0], PUBLIC, A), state_digest="0" * 64)
    with pytest.raises(TrustError, match="EDICT0245"):
        fold(read([sign_receipt(body, KEY)]))


def test_a_receipt_is_bounded() -> None:
    many = {f"net/p{index}": report(f"p{index}") for index in range(2000)}
    with pytest.raises(TrustError, match="EDICT0240"):
        chain(many)
    with pytest.raises(TrustError, match="EDICT0241"):
        verify_receipt(b"x" * (MAX_ENVELOPE + 1), PUBLIC, A)


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": -5},
        {"sequence": 2**80},
        {"previous": "x"},
        {"time": "2026-05-01T12:00:00"},
        {"removed": ["net/x"]},
        {"policies": [{"policy": "net/x", "document": "0", "state": "Compliant"}] * 2},
    ],
)
def test_a_body_that_makes_no_sense_is_no_receipt(change: dict[str, object]) -> None:
    plain = {**msgspec.json.decode(Envelope.from_dict(msgspec.json.decode(chain(STATES[0])[0])).payload), **change}
    envelope = Envelope(msgspec.json.encode(plain), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(KEY))
    with pytest.raises(TrustError, match="EDICT0241"):
        verify_receipt(msgspec.json.encode(envelope.to_dict()), PUBLIC, A)


def test_deep_nesting_is_no_receipt() -> None:
    with pytest.raises(TrustError, match="EDICT0241"):
        verify_receipt(b"[" * 60_000, PUBLIC, A)
