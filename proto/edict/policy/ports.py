"""Which destination ports a transport match means."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from edict.policy.model import TransportMatch

EVERY_PORT: Final = (0, 65535)


def port_interval(match: TransportMatch) -> tuple[int, int]:
    """Return the first and the last port that is matched; 0 to 65535 when no port is given."""
    port = match.destination_port
    if port is UNSET:
        return EVERY_PORT
    if port.range is not UNSET:
        return (port.range.start, port.range.end)
    number = port.number if port.number is not UNSET else 0
    return (number, number)
