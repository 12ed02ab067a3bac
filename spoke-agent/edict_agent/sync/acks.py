"""What is to be told to the hub: the newest acknowledgements, and whether to say again what we have.

Nothing is queued: each stage of the newest release has one place, so a slow hub costs no memory, and a new stream
says again what may have been lost with the old one.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from edict.errors import EdictError
from edict.federation.v1 import federation_pb2 as pb

Accepted = Literal["yes", "no", "unobservable"]
MAX_ERROR_BYTES = 4096


class Acks:
    """The acknowledgements of the newest release; `wake` is set whenever there is something to send."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.have_again = False
        self._acks: dict[int, pb.Ack] = {}
        self._unsent: list[int] = []

    def received(self, release: int, timestamp_version: int) -> None:
        """A release arrived."""
        self._put(pb.Ack(release=release, timestamp_version=timestamp_version, stage=pb.ACK_STAGE_RECEIVED))

    def verified(self, release: int, timestamp_version: int) -> None:
        """It verified."""
        self._put(pb.Ack(release=release, timestamp_version=timestamp_version, stage=pb.ACK_STAGE_VERIFIED))

    def applied(self, release: int, timestamp_version: int) -> None:
        """Everything in its plan stands."""
        self._put(pb.Ack(release=release, timestamp_version=timestamp_version, stage=pb.ACK_STAGE_APPLIED))

    def accepted(self, release: int, timestamp_version: int, accepted: Accepted) -> None:
        """The plugin said what it makes of it."""
        self._put(
            pb.Ack(
                release=release,
                timestamp_version=timestamp_version,
                stage=pb.ACK_STAGE_ACCEPTED,
                accepted=accepted,
            )
        )

    def rejected(self, release: int, timestamp_version: int, error: EdictError) -> None:
        """It did not verify."""
        self._put(
            pb.Ack(
                release=release,
                timestamp_version=timestamp_version,
                stage=pb.ACK_STAGE_REJECTED,
                error_code=error.code,
                error=str(error).encode()[:MAX_ERROR_BYTES].decode(errors="ignore"),
            )
        )
        self.have_again = True

    def again(self) -> None:
        """A new stream is open: say everything again, but for a rejection, because the hub will offer it again."""
        self._acks.pop(pb.ACK_STAGE_REJECTED, None)
        self.have_again = False
        self._unsent = list(self._acks)
        self.wake.set()

    def take(self) -> list[pb.Ack]:
        """Return what is to be sent, in the order of the stages."""
        taken = [self._acks[stage] for stage in sorted(self._unsent)]
        self._unsent = []
        return taken

    def _put(self, ack: pb.Ack) -> None:
        if ack.stage == pb.ACK_STAGE_RECEIVED:
            self._acks, self._unsent = {}, []
        self._acks[ack.stage] = ack
        if ack.stage not in self._unsent:
            self._unsent.append(ack.stage)
        self.wake.set()
