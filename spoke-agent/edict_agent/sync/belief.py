"""Whom an agent believes to be the hub: the authorities in its verified root, or while it lists none the token's CA."""

from __future__ import annotations

from msgspec.structs import replace

from edict.trust import authorities
from edict_agent.store.identity import Pins


def believing(pins: Pins, root: bytes) -> Pins:
    """Return pins with the authorities that count in the place of the token's CA.

    Args:
        pins: as the token said.
        root: the newest verified one; empty before the agent has enrolled.

    Raises:
        TrustError: EDICT0201 or 0214; no root that was verified does.
    """
    return replace(pins, ca_pem=authorities.believed(root, pins.ca_pem, pins.root_version)) if root else pins
