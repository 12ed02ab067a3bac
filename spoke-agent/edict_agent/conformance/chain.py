"""The receipt chain: signs what changed, keeps the head before anything is sent, and sends one at a time.

What the hub has not confirmed is kept, up to a bound; while that is full nothing new is signed, and what changes
meanwhile is told in one receipt later. The chain starts with a base after each start of the agent and then and again,
so that a reader needs only its tail.

A hub whose etcd was restored from an old backup has lost receipts that it had confirmed, and they are not here any
more. The chain then goes on with a base under the next number: it names the hash of the receipt before, so that the gap
stays visible and nothing else can be put into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict import log
from edict.clock import Clock
from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Release
from edict.trust.receipts import (
    MAX_NUMBER,
    PolicyReport,
    ReceiptBody,
    delta,
    envelope_digest,
    sign_receipt,
    state_digest,
    verify_receipt,
)
from edict_agent.codes import Code
from edict_agent.conformance.statement import Statement, fitted, prefix
from edict_agent.store.model import ReceiptHead
from edict_agent.store.secrets import StateStore

MAX_UNACKED = 4
BASE_EVERY = 200
MAX_BELIEVED = 2**53
"""No cluster comes to so many receipts: a hub that says more is not believed."""
MAX_SEQUENCE = MAX_NUMBER
"""The last sequence; counting from any that was believed does not come to it, so a head that has is not ours."""
REPEAT_SECONDS = 600.0
"""Without any change a receipt is made this often, because silence is Unknown."""
_log = log.get("edict_agent.chain")


class Chain:
    """One cluster's chain. One caller of `say` at a time."""

    def __init__(
        self,
        store: StateStore,
        key: Ed25519PrivateKey,
        cluster: ClusterName,
        *,
        clock: Clock,
        version: str,
        on_receipt: Callable[[], None],
    ) -> None:
        self.on_room: Callable[[], None] = lambda: None
        """Called when what did not fit can be said."""
        self._store = store
        self._key = key
        self._next_key: Ed25519PrivateKey | None = None
        self._cluster = cluster
        self._clock = clock
        self._version = version
        self._on_receipt = on_receipt
        self._head = _signed_with(key, cluster, store.head.receipts)
        self._told: dict[str, PolicyReport] = {}
        self._last: tuple[object, ...] | None = None
        self._begin_again = False
        self._since_base = 0
        self._said_at = 0.0
        self._in_flight = 0
        self._kept = self._head.sequence
        """The newest receipt whose head is stored: none above it is sent."""

    def follow(self, newest: int) -> None:
        """Take the hub's newest sequence into account: after a loss of our head the chain begins above it.

        Where the hub has lost what it had confirmed, the chain goes on with a base. A number that no chain comes to is
        refused, and the chain begins at 1: a hub that lies loses receipts, no more.
        """
        if self._head.sequence > 0:
            if newest < self._head.sequence and not self._head.unacked:
                self._go_on_with_a_base(newest)
            return
        if newest == 0:
            return
        if newest > MAX_BELIEVED:
            _log.error("newest receipt not believed", code=f"EDICT{Code.SEQUENCE:04d}", sequence=newest)
            return
        _log.warning("receipt chain begins again", sequence=newest + 1)
        self._head = ReceiptHead(sequence=newest)

    def sign_with(self, key: Ed25519PrivateKey) -> None:
        """Go on with another key once the hub has all that the present one signed: it is what authors pinned so far."""
        self._next_key = key
        self.on_room()

    def rewind(self) -> None:
        """A new stream: send again what is not confirmed."""
        self._in_flight = 0

    def next_unsent(self) -> pb.Receipt | None:
        """Return the oldest receipt that is not confirmed, unless it is on its way."""
        if not self._head.unacked:
            return None
        sequence, envelope = self._head.unacked[0]
        if sequence == self._in_flight or sequence > self._kept:
            return None
        self._in_flight = sequence
        return pb.Receipt(sequence=sequence, envelope=envelope)

    def acknowledged(self, sequence: int) -> None:
        """The hub has every receipt up to this one. Kept with the next receipt; sending twice does no harm.

        A hub that says less than it confirmed before has lost receipts, and takes none but a base now.
        """
        had_no_room = self._full or self._next_key is not None
        rest = tuple(each for each in self._head.unacked if each[0] > sequence)
        if rest and sequence + 1 < rest[0][0]:
            self._go_on_with_a_base(sequence)
            return
        self._head = ReceiptHead(self._head.sequence, self._head.digest, rest)
        if had_no_room and not self._full:
            self.on_room()

    async def say(self, statement: Statement) -> bool:
        """Sign what is new; tell whether everything has been said (else there was no room: see `on_room`)."""
        if self._head.sequence >= MAX_SEQUENCE:
            _log.error("stored receipt head dropped", code=f"EDICT{Code.SEQUENCE:04d}", sequence=self._head.sequence)
            self._head, self._last = ReceiptHead(), None
        now = {name: fitted(report) for name, report in statement.policies.items()}
        while self._is_news(now, statement.about):
            if self._full:
                return False
            await self._sign(statement, now)
            self._last = statement.about
        return True

    def _is_news(self, now: Mapping[str, PolicyReport], about: tuple[object, ...]) -> bool:
        due = self._clock.monotonic() - self._said_at >= REPEAT_SECONDS
        return self._changes_key or self._begin_again or self._last != about or self._told != now or due

    def _go_on_with_a_base(self, newest: int) -> None:
        _log.warning("the hub lost receipts; a base comes next", first=newest + 1, last=self._head.sequence)
        self._head = ReceiptHead(self._head.sequence, self._head.digest)
        self._begin_again = True
        self._in_flight = 0
        self.on_room()

    async def _sign(self, statement: Statement, now: Mapping[str, PolicyReport]) -> None:
        if self._next_key is not None and self._changes_key:
            self._key, self._next_key, self._begin_again = self._next_key, None, True
        base = self._last is None or self._begin_again or self._since_base >= BASE_EVERY
        self._begin_again = False
        told = {} if base else self._told
        changed, removed = delta(told, now)
        part = prefix(changed)
        after = {name: report for name, report in told.items() if name not in removed}
        after |= {report.policy: report for report in part}
        body = ReceiptBody(
            cluster=self._cluster,
            sequence=self._head.sequence + 1,
            previous=self._head.digest,
            release=Release(min(statement.release, MAX_NUMBER)),
            time=self._clock.now(),
            agent_version=self._version,
            dialect=statement.dialect,
            plugin_version=statement.plugin_version,
            base=base,
            policies=part,
            removed=removed,
            state_digest=state_digest(after),
            root_version=min(statement.root_version, MAX_NUMBER),
            timestamp_version=min(statement.timestamp_version, MAX_NUMBER),
            snapshot_expires=statement.snapshot_expires,
            floor_lost=statement.floor_lost,
        )
        envelope = sign_receipt(body, self._key)
        self._head = ReceiptHead(
            body.sequence, envelope_digest(envelope), (*self._head.unacked, (body.sequence, envelope))
        )
        self._kept = body.sequence - 1
        await self._store.set_receipts(self._head)
        self._kept = body.sequence
        self._told, self._said_at = after, self._clock.monotonic()
        self._since_base = 0 if base else self._since_base + 1
        self._on_receipt()
        _log.info("receipt signed", sequence=body.sequence, policies=len(part), base=base)

    @property
    def _changes_key(self) -> bool:
        return self._next_key is not None and not self._head.unacked

    @property
    def head(self) -> str:
        """The newest receipt as ``SEQUENCE:SHA256``, to hold the hub's chain against; empty before the first."""
        return f"{self._head.sequence}:{self._head.digest}" if self._head.digest else ""

    @property
    def _full(self) -> bool:
        return len(self._head.unacked) >= MAX_UNACKED


def _signed_with(key: Ed25519PrivateKey, cluster: ClusterName, head: ReceiptHead) -> ReceiptHead:
    """Return the head without what another key signed and the hub has not confirmed: no hub takes it any more."""
    public = key.public_key().public_bytes_raw().hex()
    try:
        for _, envelope in head.unacked:
            verify_receipt(envelope, public, cluster)
    except TrustError as error:
        _log.warning("receipts of another key dropped", code=error.code, count=len(head.unacked))
        return ReceiptHead(head.sequence, head.digest)
    return head
