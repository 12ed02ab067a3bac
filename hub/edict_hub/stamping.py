"""The hub's timestamp key: what it signs, and from which number it goes on. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from securesystemslib.signer import Signer

from edict.clock import Clock
from edict.errors import HubError, TrustError
from edict.trust import steps
from edict.trust.roles import TIMESTAMP
from edict.trust.state import TrustState
from edict.trust.timestamp import sign_timestamp
from edict_hub import raw
from edict_hub.codes import Code
from edict_hub.store import keys


class Stamper:
    """Signs timestamps.

    Args:
        signer: the timestamp key.
        lifetime: of a timestamp.
        clock: for expiry.
    """

    def __init__(self, signer: Signer, lifetime: timedelta, clock: Clock) -> None:
        self.lifetime = lifetime
        self._signer = signer
        self._clock = clock

    def sign(self, snapshot: bytes, version: int) -> bytes:
        """Return a timestamp over a snapshot.

        Raises:
            HubError: EDICT0415 when the numbers are used up.
            TrustError: EDICT0201 when the bytes are no snapshot.
        """
        if version > raw.MAX_VERSION:
            raise _used_up()
        return sign_timestamp(self._signer, snapshot, version=version, expires=self._clock.now() + self.lifetime)

    def is_named_by(self, root: bytes) -> bool:
        """Tell whether a verified root has this key for its timestamp."""
        role = steps.first_root(root).roles[TIMESTAMP]
        return self._signer.public_key.keyid in role.keyids

    def unnamed(self) -> HubError:
        """Return EDICT0417."""
        return HubError(
            Code.OTHER_KEY,
            "this hub's timestamp key is not the one that the trust root names",
            where=keys.TIMESTAMP,
            remedy="publish the root that names it, or give the hub the key that the root names",
        )


def newest_version(trusted: TrustState, stamps: Iterable[bytes]) -> int:
    """Return the highest version that the timestamp keys of the trusted root have signed, 0 where none is known.

    What only claims to be a timestamp does not count, nor what a replaced key signed: neither uses a number up.

    Args:
        trusted: its floor counts too.
        stamps: timestamps as they were found; nothing in them is believed.
    """
    root = steps.first_root(trusted.root)
    versions = [trusted.floors.timestamp]
    for stamp in stamps:
        try:
            versions.append(steps.timestamp(root, stamp, held=None, lowest=0, lowest_snapshot=0, now=None).version)
        except TrustError:
            continue
    return max(versions)


def _used_up() -> HubError:
    return HubError(
        Code.NUMBERS_USED_UP,
        f"the timestamp key has signed version {raw.MAX_VERSION}, the last that there is",
        where=keys.TIMESTAMP,
        remedy="somebody else had the key: publish a root that replaces it; its numbers begin again",
    )
