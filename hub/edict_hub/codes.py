"""The hub's error numbers, one meaning each, and the gRPC status that a caller sees for every error."""

from __future__ import annotations

import enum

import grpc

from edict.errors import DocumentError, EdictError, HubError, IdentityError, TrustError


class Code(enum.IntEnum):
    """Numbers of :class:`edict.errors.HubError`."""

    STORE_UNREACHABLE = 401
    """No etcd endpoint answered in time."""
    STORE_REFUSED = 402
    """etcd answered with an error that a retry does not cure."""
    ETCD_MISSING = 403
    """The embedded etcd's program is nowhere to be found."""
    ETCD_FAILED = 404
    """The embedded etcd did not start."""
    CONFIG = 405
    """The configuration cannot be read or is not valid."""
    KEY_EXPOSED = 406
    """A private key that others than its owner may read."""
    FILE_UNREADABLE = 407
    """A file that the configuration names cannot be read."""
    CANNOT_LISTEN = 408
    """A listen address cannot be opened."""
    CONFLICT = 410
    """Another publish was committed in between."""
    MALFORMED = 411
    """A request that no version of a client should send."""
    BLOB_MISSING = 412
    """A release names a document that was neither sent nor is stored."""
    TOO_LARGE = 413
    """A document or metadata file that etcd would not hold, or an answer above the message limit."""
    TWO_HISTORIES = 414
    """Two releases with one number and different content: nobody but their authors can say which one counts."""
    NUMBERS_USED_UP = 415
    """The timestamp key has signed the last version that there is: somebody else had it."""
    NOT_STORED = 416
    """Something asked for by digest is not in the store."""
    OTHER_KEY = 417
    """The hub's timestamp key is not the one that the trust root names."""
    NOTHING_VERIFIES = 418
    """Nothing that was found verifies from the hub's own pinned root."""
    SHUTTING_DOWN = 430
    """This replica is ending; another one answers."""
    TOO_MANY_AGENTS = 431
    """This replica holds as many streams as it is allowed to."""
    PROTOCOL = 432
    """A message out of order or out of bounds on a stream."""
    STUCK = 433
    """An agent that stopped reading, or never answered an update."""
    REPLACED = 434
    """The same cluster opened a newer stream."""
    RECEIPTS_FULL = 435
    """A cluster has as many receipts since its newest base as are kept; only a base goes on."""
    RECEIPT_KEY_UNKNOWN = 436
    """A receipt of a cluster for which no key is pinned, and none was given at enrolment."""
    ARCHIVE = 437
    """The archive of receipts cannot be reached, read or written."""
    KEY_DAMAGED = 440
    """The content of a key in etcd is not what belongs there."""
    KEY_MISSING = 441
    """A key in etcd that the release needs is gone."""
    BEHIND = 442
    """Clusters claim more than this hub has: etcd may have been restored from an old backup."""
    UNEXPECTED = 499
    """A fault of the hub itself."""


class Identity(enum.IntEnum):
    """Numbers of :class:`edict.errors.IdentityError` that the hub raises itself (edict.pki has 0301 to 0319)."""

    NO_CERTIFICATE = 340
    """The caller presented no client certificate."""
    WRONG_KIND = 341
    """A cluster called an operator's method, or the other way round."""
    ROLE_TOO_LOW = 342
    """The operator's role does not include the method."""
    NOT_IN_INVENTORY = 343
    """The cluster is not in the signed inventory."""
    BANNED = 344
    """The cluster is banned."""
    EXPIRED = 345
    """The certificate behind an open connection has expired."""
    NOT_BANNED = 346
    """A ban is to end, and the cluster has none."""
    BEFORE_THE_BAN = 347
    """A certificate or a token of before the cluster's ban ended: somebody else may have it."""
    TOKEN_UNKNOWN = 350
    """No such enrolment token."""
    TOKEN_EXPIRED = 351
    """The token's time is over."""
    TOKEN_USED = 352
    """The token was used before, with another key."""
    TOKEN_FOREIGN = 353
    """The token belongs to another cluster."""
    ROOT_UNKNOWN = 354
    """The token pins a trust root that this hub does not have."""
    RECEIPT_KEY = 355
    """The receipt key is not 32 bytes, or its endorsement not 64."""


_STATUS: dict[int, grpc.StatusCode] = {
    Code.STORE_UNREACHABLE: grpc.StatusCode.UNAVAILABLE,
    Code.STORE_REFUSED: grpc.StatusCode.UNAVAILABLE,
    Code.ARCHIVE: grpc.StatusCode.UNAVAILABLE,
    Code.CONFLICT: grpc.StatusCode.ABORTED,
    Code.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    Code.BLOB_MISSING: grpc.StatusCode.FAILED_PRECONDITION,
    Code.TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Code.TWO_HISTORIES: grpc.StatusCode.FAILED_PRECONDITION,
    Code.NUMBERS_USED_UP: grpc.StatusCode.FAILED_PRECONDITION,
    Code.OTHER_KEY: grpc.StatusCode.FAILED_PRECONDITION,
    Code.NOTHING_VERIFIES: grpc.StatusCode.FAILED_PRECONDITION,
    Code.NOT_STORED: grpc.StatusCode.NOT_FOUND,
    Code.SHUTTING_DOWN: grpc.StatusCode.UNAVAILABLE,
    Code.TOO_MANY_AGENTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Code.PROTOCOL: grpc.StatusCode.INVALID_ARGUMENT,
    Code.STUCK: grpc.StatusCode.DEADLINE_EXCEEDED,
    Code.REPLACED: grpc.StatusCode.ABORTED,
    Identity.NO_CERTIFICATE: grpc.StatusCode.UNAUTHENTICATED,
    Identity.EXPIRED: grpc.StatusCode.UNAUTHENTICATED,
    Identity.TOKEN_UNKNOWN: grpc.StatusCode.UNAUTHENTICATED,
    Identity.TOKEN_EXPIRED: grpc.StatusCode.UNAUTHENTICATED,
    Identity.RECEIPT_KEY: grpc.StatusCode.INVALID_ARGUMENT,
}


def status_of(error: EdictError) -> grpc.StatusCode:
    """Return the gRPC status under which an error travels."""
    known = _STATUS.get(int(error.code.removeprefix("EDICT")))
    if known is not None:
        return known
    match error:
        case DocumentError():
            return grpc.StatusCode.INVALID_ARGUMENT
        case TrustError():
            return grpc.StatusCode.FAILED_PRECONDITION
        case IdentityError():
            return grpc.StatusCode.PERMISSION_DENIED
        case _:
            return grpc.StatusCode.INTERNAL


def nameless(error: HubError) -> HubError:
    """Return an error with its code alone, for a caller who is to learn nothing of where the hub keeps what it has."""
    number = int(error.code.removeprefix("EDICT"))
    return HubError(number, "the hub cannot do this now", remedy="try again later; the hub's log says why")


def unexpected() -> HubError:
    """Return EDICT0499, which says nothing of what went wrong: that stands in the log."""
    return HubError(
        Code.UNEXPECTED, "the hub failed in a way it does not know", remedy="read the hub's log at this time"
    )
