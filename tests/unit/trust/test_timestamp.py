"""Signing a timestamp."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer

from edict.errors import TrustError
from edict.trust.codes import Code
from edict.trust.roles import SNAPSHOT
from edict.trust.timestamp import sign_timestamp
from tests.unit.trust.federation import Federation


class Away(Signer):
    """A key in a device that is not there."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @property
    def public_key(self) -> Key:
        return self._key

    @classmethod
    def from_priv_key_uri(cls, *_args: Any, **_named: Any) -> Signer:
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:  # noqa: ARG002 - the base class names it
        raise TrustError(Code.KEY_UNUSABLE, "the device is not there", where="pkcs11:token")


def test_what_a_key_says_when_it_cannot_sign_reaches_whoever_asked() -> None:
    made = Federation(now=datetime.now(UTC))
    made.publish()
    snapshot, real = made.metadata[SNAPSHOT], made.keys.timestamp
    assert isinstance(real, CryptoSigner)
    with pytest.raises(TrustError, match=r"EDICT0230.*the device is not there"):
        sign_timestamp(Away(real.public_key), snapshot, version=1, expires=made.now)
    assert sign_timestamp(real, snapshot, version=1, expires=made.now)
