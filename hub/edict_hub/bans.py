"""The clusters that are banned, and what a ban that has ended leaves: one key each in etcd, followed by every replica.

A ban that ends says from when on certificates and tokens of the cluster count. What was issued before may be in other
hands: it stays worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from edict.clock import Clock
from edict.errors import HubError, IdentityError
from edict.ids import ClusterName
from edict_hub.codes import Code, Identity
from edict_hub.store import KeyValue, Put, Store, Unchanged, keys

ATTEMPTS = 3
AFTER_SECONDS = 4
"""From so long after the end of a ban on certificates count: what is known of when one was issued is that exact."""
ALWAYS = datetime.fromtimestamp(0, UTC)


class Ban(msgspec.Struct, frozen=True, rename="camel"):
    """The value of a ban's key: which operator, when (seconds since the epoch), and why.

    ``ended`` is when it ended, 0 while it holds; ``counts_from`` from when on what is issued counts, 0 for all of it.
    """

    by: str
    at: int
    reason: str
    ended: int = 0
    counts_from: int = 0

    def __str__(self) -> str:
        """Return it for people."""
        when = datetime.fromtimestamp(self.at, UTC)
        return f"{self.reason} ({self.by}, {when:%Y-%m-%d %H:%M} UTC)"


class Bans:
    """Who is banned now, and who was.

    A key whose value cannot be read is a ban without a reason.

    Attributes:
        on_ban: called with a cluster that was banned just now, or of which older certificates count no more.

    Args:
        store: etcd.
        clock: says when.
        changed: called with a cluster whose ban came, went or got another reason.
    """

    def __init__(self, store: Store, clock: Clock, changed: Callable[[ClusterName], None]) -> None:
        self.on_ban: Callable[[ClusterName], None] = lambda _cluster: None
        self._store = store
        self._clock = clock
        self._changed = changed
        self._reasons: dict[ClusterName, str] = {}
        self._counts_from: dict[ClusterName, datetime] = {}
        self._revisions: dict[ClusterName, int] = {}

    def __contains__(self, cluster: ClusterName) -> bool:
        """Tell whether a cluster is banned."""
        return cluster in self._reasons

    def reason(self, cluster: ClusterName) -> str:
        """Return why, by whom and when, for people; empty when it is not banned or nobody said why."""
        return self._reasons.get(cluster, "")

    def names(self) -> set[ClusterName]:
        """Return the clusters that are banned."""
        return set(self._reasons)

    def counts_from(self, cluster: ClusterName) -> datetime:
        """Return from when on what is issued to a cluster counts: the end of its last ban; long ago without one."""
        return self._counts_from.get(cluster, ALWAYS)

    def dated(self, cluster: ClusterName) -> datetime:
        """Return the moment that is to stand in what is issued to a cluster now, so that it counts.

        It is asked for together with whether the cluster may have anything: what is then issued while a ban comes and
        goes counts no more than what was issued before.
        """
        return max(self._clock.now(), self.counts_from(cluster))

    async def ban(self, cluster: ClusterName, by: str, reason: str) -> None:
        """Ban a cluster, or change the reason. Every replica learns it from etcd, this one at once.

        Raises:
            HubError: EDICT0401, 0402 or 0410; it may be banned or not.
        """
        at = int(self._clock.now().timestamp())
        for _ in range(ATTEMPTS):
            stored = await self._store.get(keys.ban(cluster))
            before = _read(stored.value) if stored else None
            ban = Ban(by, at, reason, counts_from=before.counts_from if before else 0)
            if await self._written(cluster, ban, stored):
                return
        raise _conflict(cluster)

    async def unban(self, cluster: ClusterName, *, same_keys: bool = False) -> None:
        """End a ban.

        Args:
            cluster: whose.
            same_keys: what was issued before the ban counts again; what an earlier ban has ended does not.

        Raises:
            IdentityError: EDICT0346 when there is none.
            HubError: EDICT0410 when somebody banned it anew meanwhile; 0401 or 0402: it may be banned or not.
        """
        stored = await self._store.get(keys.ban(cluster))
        ban = (_read(stored.value) or Ban("", 0, "")) if stored else None
        if ban is None or ban.ended:
            raise IdentityError(
                Identity.NOT_BANNED,
                f"cluster {cluster} is not banned",
                where=keys.ban(cluster),
                remedy="`edict status` shows which clusters are",
            )
        now = int(self._clock.now().timestamp())
        counts_from = ban.counts_from if same_keys else now + AFTER_SECONDS
        if not await self._written(cluster, msgspec.structs.replace(ban, ended=now, counts_from=counts_from), stored):
            raise _conflict(cluster)

    def listed(self, items: Sequence[KeyValue]) -> None:
        """Take the whole list, after events may have been lost: what is not in it is gone; then :meth:`apply` each."""
        self._revisions.clear()
        present = {item.key for item in items}
        for cluster in [name for name in self._reasons.keys() | self._counts_from if keys.ban(name) not in present]:
            self._set(cluster, None, 0)

    def apply(self, cluster: ClusterName, item: KeyValue | None) -> None:
        """Take the key of a cluster's ban as it is now; None is: there is none."""
        if item is None:
            self._set(cluster, None, 0)
        elif item.revision >= self._revisions.get(cluster, 0):
            self._revisions[cluster] = item.revision
            ban = _read(item.value)
            reason = None if ban is not None and ban.ended else _reason(ban)
            self._set(cluster, reason, ban.counts_from if ban is not None else 0)

    async def _written(self, cluster: ClusterName, ban: Ban, before: KeyValue | None) -> bool:
        """Write a ban in the place of what was read; tell whether it stands there now."""
        key, value = keys.ban(cluster), msgspec.json.encode(ban)
        revision = await self._store.commit([Unchanged(key, before.revision if before else 0)], [Put(key, value)])
        if revision is None:
            stored = await self._store.get(key)
            if stored is None or stored.value != value:
                return False
            revision = stored.revision  # the answer to the first attempt was lost
        self.apply(cluster, KeyValue(key, value, revision))
        return True

    def _set(self, cluster: ClusterName, reason: str | None, counts_from: int) -> None:
        before, older = self._reasons.get(cluster), self.counts_from(cluster)
        if reason is None:
            self._reasons.pop(cluster, None)
        else:
            self._reasons[cluster] = reason
        if counts_from:
            self._counts_from[cluster] = datetime.fromtimestamp(counts_from, UTC)
        else:
            self._counts_from.pop(cluster, None)
        if (before is None and reason is not None) or self.counts_from(cluster) > older:
            self.on_ban(cluster)
        if reason != before:
            self._changed(cluster)


def _read(value: bytes) -> Ban | None:
    """Return a ban; None for what is none that can be read and shown."""
    try:
        ban = msgspec.json.decode(value, type=Ban)
        str(ban)
        datetime.fromtimestamp(ban.counts_from, UTC)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError):
        return None
    return ban


def _reason(ban: Ban | None) -> str:
    return str(ban) if ban is not None else ""


def _conflict(cluster: ClusterName) -> HubError:
    return HubError(
        Code.CONFLICT,
        f"somebody else changed the ban of cluster {cluster} at the same time",
        where=keys.ban(cluster),
        remedy="look at `edict status` and try again",
    )
