"""Enrolment tokens: stored by the hash of their secret, used exactly once, by one key."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec
from google.protobuf.message import DecodeError

from edict.clock import Clock
from edict.errors import HubError, IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict_hub.codes import Code, Identity
from edict_hub.gate import of_before_the_ban
from edict_hub.store import KeyValue, Put, Store, Unchanged, keys

_REMEDY = "make a new token with `edict cluster token`"
ATTEMPTS = 3


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The value of an enrolment key. ``used_by`` is the digest of the keys that used it, empty before.

    ``created`` is when it was stored, seconds since the epoch.
    """

    cluster: ClusterName
    expires: int
    used_by: str = ""
    created: int = 0


class ReceiptKey(msgspec.Struct, frozen=True):
    """The receipt key that a cluster offers, 32 raw bytes, and what the key before it says of it, 64 or none."""

    public: bytes
    endorsement: bytes = b""


class Tokens:
    """The enrolment tokens in etcd."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, secret_sha256: str, cluster: ClusterName, expires: int, created: datetime) -> None:
        """Store a token that somebody else made. Raises HubError EDICT0411 when it is there already."""
        record = Record(cluster=cluster, expires=expires, created=int(created.timestamp()))
        key = keys.enrolment(secret_sha256)
        put = Put(key, msgspec.json.encode(record))
        if await self._store.commit([Unchanged(key, 0)], [put]) is None and await self._record(key) != record:
            raise HubError(Code.MALFORMED, "a token with this hash exists", remedy=_REMEDY)

    async def check(self, secret: bytes, cluster: ClusterName, user: str, since: datetime) -> None:
        """Check that a token may be used now, without using it. Raises as :meth:`use`."""
        stored = await self._store.get(_key(secret))
        self._judge(stored, cluster, user, since)

    async def use(
        self, secret: bytes, cluster: ClusterName, user: str, since: datetime, receipt_key: ReceiptKey
    ) -> None:
        """Use a token up, and keep the offered receipt key in the cluster's status, in one transaction.

        The same user may do so again until the token expires: its first answer may have been lost.

        Args:
            secret: the token's secret part.
            cluster: who wants to enrol.
            user: digest of the keys that it enrols with.
            since: tokens that were made before count no more.
            receipt_key: an author signs it in or not. A key that is offered again keeps its endorsement.

        Raises:
            IdentityError: EDICT0350 no such token, 0351 expired, 0352 used, 0353 another cluster's,
                0347 made before the cluster's ban ended.
            HubError: EDICT0401 etcd is out of reach; 0410 it changes all the time.
        """
        for _ in range(ATTEMPTS):
            stored = await self._store.get(_key(secret))
            record = self._judge(stored, cluster, user, since)
            if record.used_by:
                return
            status = await self._store.get(keys.status(cluster))
            value = _status(status, cluster)
            if receipt_key.endorsement or value.pending_receipt_key != receipt_key.public:
                value.receipt_endorsement = receipt_key.endorsement
            value.pending_receipt_key = receipt_key.public
            done = await self._store.commit(
                [
                    Unchanged(_key(secret), stored.revision if stored else 0),
                    Unchanged(keys.status(cluster), status.revision if status else 0),
                ],
                [
                    Put(_key(secret), msgspec.json.encode(msgspec.structs.replace(record, used_by=user))),
                    Put(keys.status(cluster), value.SerializeToString()),
                ],
            )
            if done is not None:
                return
        raise HubError(Code.CONFLICT, "the cluster's status changes all the time", where=keys.status(cluster))

    async def _record(self, key: str) -> Record | None:
        stored = await self._store.get(key)
        return _read(stored) if stored else None

    def _judge(self, stored: KeyValue | None, cluster: ClusterName, user: str, since: datetime) -> Record:
        if stored is None:
            raise IdentityError(Identity.TOKEN_UNKNOWN, "this hub knows no such enrolment token", remedy=_REMEDY)
        record = _read(stored)
        if record.cluster != cluster:
            raise IdentityError(
                Identity.TOKEN_FOREIGN, f"the token is not for cluster {cluster}", remedy="use the cluster's own token"
            )
        if record.created < since.timestamp():
            raise of_before_the_ban(cluster)
        if self._clock.now().timestamp() >= record.expires:
            when = datetime.fromtimestamp(record.expires, UTC)
            raise IdentityError(
                Identity.TOKEN_EXPIRED, f"the token expired at {when:%Y-%m-%dT%H:%M:%SZ}", remedy=_REMEDY
            )
        if record.used_by not in {"", user}:
            raise IdentityError(
                Identity.TOKEN_USED,
                "the token was used before, by another key",
                remedy=f"{_REMEDY}; if you did not use it, somebody else did: ban the cluster",
            )
        return record


def _status(stored: KeyValue | None, cluster: ClusterName) -> pb.ClusterStatus:
    """Return a cluster's status; one that cannot be read is replaced."""
    try:
        return pb.ClusterStatus.FromString(stored.value) if stored else pb.ClusterStatus(name=cluster)
    except DecodeError:
        return pb.ClusterStatus(name=cluster)


def _key(secret: bytes) -> str:
    return keys.enrolment(hashlib.sha256(secret).hexdigest())


def _read(stored: KeyValue) -> Record:
    try:
        return msgspec.json.decode(stored.value, type=Record)
    except msgspec.MsgspecError as error:
        raise HubError(
            Code.KEY_DAMAGED, f"this is no token: {error}", where=stored.key, remedy="delete this key; make a new token"
        ) from None
