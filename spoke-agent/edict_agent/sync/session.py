"""One stream to one hub replica: what we have, then both directions until either side ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from edict.clock import Clock
from edict.federation.v1 import federation_pb2 as pb
from edict_agent.backoff import wake_or_pause
from edict_agent.conformance.chain import Chain
from edict_agent.memory import Memory
from edict_agent.sync.acks import Acks
from edict_agent.sync.intake import Intake
from edict_agent.sync.link import Link, Stream
from edict_agent.sync.offer import offer
from edict_agent.tasks import until_first

HEARTBEAT_SECONDS = 10.0


def have(memory: Memory) -> pb.Have:
    """Return what the agent holds."""
    state = memory.state
    return pb.Have(
        root_version=state.root_version,
        timestamp_version=state.timestamp_version,
        release=state.release,
        metadata=dict(state.versions),
        blobs=sorted(memory.blobs),
    )


class Session:
    """Runs one stream. Returns when the hub ends it; raises grpc.aio.AioRpcError when it breaks."""

    def __init__(self, memory: Memory, acks: Acks, chain: Chain, intake: Intake, *, clock: Clock) -> None:
        self._memory = memory
        self._acks = acks
        self._chain = chain
        self._intake = intake
        self._clock = clock
        self._offer_due = False

    async def run(self, link: Link, opened: Callable[[], Awaitable[None]]) -> None:
        """Hold one stream; ``opened`` ends the one before it, which shares what is still to be told."""
        async with link.sync() as stream:
            await stream.send(pb.AgentMessage(have=have(self._memory)))
            await opened()
            self._acks.again()
            self._chain.rewind()
            self._offer_due = False
            await until_first(self._read(stream), self._write(stream))

    async def _read(self, stream: Stream) -> None:
        while True:
            message = await stream.receive()
            if message is None:
                return
            match message.WhichOneof("kind"):
                case "release":
                    self._intake.offer(message.release)
                case "receipt_ack":
                    self._chain.acknowledged(message.receipt_ack.sequence)
                    self._acks.wake.set()
                case "offer_request":
                    self._offer_due = True
                    self._acks.wake.set()
                case _:
                    continue  # a newer hub may say things that we do not know

    async def _write(self, stream: Stream) -> None:
        heartbeat = self._clock.monotonic()
        while True:
            have_again, self._acks.have_again = self._acks.have_again, False
            for ack in self._acks.take():  # the rejection among them, which must come before what we have
                await stream.send(pb.AgentMessage(ack=ack))
            if have_again:
                await stream.send(pb.AgentMessage(have=have(self._memory)))
            receipt = self._chain.next_unsent()
            if receipt is not None:
                await stream.send(pb.AgentMessage(receipt=receipt))
            if self._offer_due:
                self._offer_due = False
                if (made := offer(self._memory)) is not None:
                    await stream.send(pb.AgentMessage(offer=made))
            if self._clock.monotonic() >= heartbeat:
                heartbeat = self._clock.monotonic() + HEARTBEAT_SECONDS
                await stream.send(pb.AgentMessage(heartbeat=self._heartbeat()))
            await wake_or_pause(self._clock, self._acks.wake, heartbeat - self._clock.monotonic())

    def _heartbeat(self) -> pb.Heartbeat:
        judged = self._memory.judged
        if judged is None:
            return pb.Heartbeat()
        return pb.Heartbeat(release=judged.state.release, verified_at_unix=int(judged.at.timestamp()))
