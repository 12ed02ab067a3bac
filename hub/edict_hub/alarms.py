"""What is wrong with a hub beyond damaged keys: clusters that claim more than it has, and a key that is not its own.

A claim proves nothing: anybody who has one cluster's certificate can make it. It is shown as one, and changes nothing.
"""

from __future__ import annotations

import math

from edict.clock import Clock
from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust.codes import Code as Trust
from edict_hub.codes import Code
from edict_hub.relay import Relay
from edict_hub.release import Fault
from edict_hub.stamping import Stamper
from edict_hub.status import StatusTable
from edict_hub.store import keys

LOOK_EVERY = 1.0
"""Seconds: a look reads every cluster's status."""
NAMED = 3
_ROLLBACK = f"EDICT{Trust.ROLLBACK:04d}"


class Alarms:
    """Looks at most once a second, and when the release has changed; `run` tells those who watch.

    Args:
        relay: what is served, and the faults of its keys.
        status: what clusters said.
        stamper: has the timestamp key.
        clock: for the time since when.
    """

    def __init__(self, relay: Relay, status: StatusTable, stamper: Stamper, clock: Clock) -> None:
        self._relay = relay
        self._status = status
        self._stamper = stamper
        self._clock = clock
        self._found: dict[str, Fault] = {}
        self._looked = -math.inf
        relay.on_change.append(self._changed)

    @property
    def faults(self) -> list[Fault]:
        """Every fault and alarm."""
        self._look()
        return [*self._relay.faults.values(), *self._found.values()]

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            before = self._found
            self._look()
            if self._found != before:
                self._status.poke()
            await self._clock.sleep(2 * LOOK_EVERY)

    def _changed(self) -> None:
        self._looked = -math.inf

    def _look(self) -> None:
        now = self._clock.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        found = {}
        for error in (self._claims(), self._key()):
            if error is not None:
                since = self._found[error.code].since if error.code in self._found else self._clock.now()
                found[error.code] = Fault(error.where, error.code, error.what, since)
        self._found = found

    def _claims(self) -> HubError | None:
        ahead = sorted((status for status in self._status.each() if self._is_ahead(status)), key=lambda it: it.name)
        if not ahead:
            return None
        names = ", ".join(status.name for status in ahead[:NAMED])
        more = f" and {len(ahead) - NAMED} more" if len(ahead) > NAMED else ""
        most = max(status.hello.release for status in ahead)
        held = self._relay.held.release if self._relay.held else 0
        return HubError(
            Code.BEHIND,
            f"{names}{more} claim to have verified more than this hub has: up to release {most}, or a newer timestamp, "
            f"against release {held}. If etcd was restored from a backup: `edict hub recover --from-agents`",
            where=keys.CLUSTERS,
        )

    def _is_ahead(self, status: pb.ClusterStatus) -> bool:
        held, ack = self._relay.held, status.last_ack
        return (
            status.hello.release > (held.release if held else 0)
            or status.hello.root_version > self._relay.trusted.root_version
            or (
                held is not None
                and ack.stage == pb.ACK_STAGE_REJECTED
                and (ack.error_code, ack.timestamp_version) == (_ROLLBACK, held.timestamp_version)
            )
        )

    def _key(self) -> HubError | None:
        if self._relay.trusted.release == 0 or self._stamper.is_named_by(self._relay.trusted.root):
            return None
        return self._stamper.unnamed()
