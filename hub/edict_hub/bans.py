"""The clusters that are banned: one key each in etcd, whose presence is the ban, followed by every replica."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from edict.clock import Clock
from edict.errors import IdentityError
from edict.ids import ClusterName
from edict_hub.codes import Identity
from edict_hub.store import Delete, KeyValue, Put, Store, keys


class Ban(msgspec.Struct, frozen=True):
    """The value of a ban's key: which operator, when (seconds since the epoch), and why."""

    by: str
    at: int
    reason: str

    def __str__(self) -> str:
        """Return it for people."""
        when = datetime.fromtimestamp(self.at, UTC)
        return f"{self.reason} ({self.by}, {when:%Y-%m-%d %H:%M} UTC)"


class Bans:
    """Who is banned now.

    A key bans whatever its value is: what cannot be read is a ban without a reason.

    Attributes:
        on_ban: called with a cluster that was banned just now.

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

    def __contains__(self, cluster: ClusterName) -> bool:
        """Tell whether a cluster is banned."""
        return cluster in self._reasons

    def reason(self, cluster: ClusterName) -> str:
        """Return why, by whom and when, for people; empty when it is not banned or nobody said why."""
        return self._reasons.get(cluster, "")

    def names(self) -> set[ClusterName]:
        """Return the clusters that are banned."""
        return set(self._reasons)

    async def ban(self, cluster: ClusterName, by: str, reason: str) -> None:
        """Ban a cluster, or change the reason. Every replica learns it from etcd, this one at once.

        Raises:
            HubError: EDICT0401 or 0402; it may be banned or not.
        """
        ban = Ban(by, int(self._clock.now().timestamp()), reason)
        await self._store.commit([], [Put(keys.ban(cluster), msgspec.json.encode(ban))])
        self._set(cluster, str(ban))

    async def unban(self, cluster: ClusterName) -> None:
        """End a ban.

        Raises:
            IdentityError: EDICT0346 when there is none.
            HubError: EDICT0401 or 0402; it may be banned or not.
        """
        if await self._store.get(keys.ban(cluster)) is None:
            raise IdentityError(
                Identity.NOT_BANNED,
                f"cluster {cluster} is not banned",
                where=keys.ban(cluster),
                remedy="`edict status` shows which clusters are",
            )
        await self._store.commit([], [Delete(keys.ban(cluster))])
        self._set(cluster, None)

    def listed(self, items: Sequence[KeyValue]) -> None:
        """Take the whole list, after events may have been lost: a ban that is not in it has ended."""
        present = {item.key for item in items}
        for cluster in [name for name in self._reasons if keys.ban(name) not in present]:
            self._set(cluster, None)

    def apply(self, cluster: ClusterName, item: KeyValue | None) -> None:
        """Take the key of a cluster's ban as it is now; None is: there is none."""
        self._set(cluster, None if item is None else _reason(item.value))

    def _set(self, cluster: ClusterName, reason: str | None) -> None:
        before = self._reasons.get(cluster)
        if before == reason:
            return
        if reason is None:
            del self._reasons[cluster]
        else:
            self._reasons[cluster] = reason
            if before is None:
                self.on_ban(cluster)
        self._changed(cluster)


def _reason(value: bytes) -> str:
    try:
        return str(msgspec.json.decode(value, type=Ban))
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError):
        return ""
