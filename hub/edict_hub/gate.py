"""Who calls, and what they may do. The TLS stack has verified the chain; this reads the name and decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edict.clock import Clock
from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki.ca import issued_at
from edict.pki.csr import not_after
from edict.pki.names import Identity, Role, identity_of
from edict_hub.bans import ALWAYS, Bans
from edict_hub.codes import Identity as Code
from edict_hub.relay import Relay
from edict_hub.status import StatusTable

ROLES = {
    "State": Role.VIEWER,
    "Blobs": Role.VIEWER,
    "Status": Role.VIEWER,
    "WatchStatus": Role.VIEWER,
    "Receipts": Role.AUDITOR,
    "History": Role.AUDITOR,
    "Publish": Role.OPERATOR,
    "CreateToken": Role.OPERATOR,
    "Ban": Role.OPERATOR,
    "Unban": Role.OPERATOR,
    "Recover": Role.OPERATOR,
}
"""What an operator needs for each method of Admin: a method that is missing here answers nobody."""


@dataclass(frozen=True)
class Peer:
    """A cluster that may speak now, until when its certificate lets it, and the date of what it is issued now."""

    cluster: ClusterName
    not_after: datetime
    dated: datetime


@dataclass(frozen=True)
class Operator:
    """An operator who may call a method now, and until when the certificate allows it."""

    name: str
    not_after: datetime


class Gate:
    """Judges callers of the mutual TLS port, at every call: a connection can outlive the certificate it began with.

    Args:
        trust_domain: of every identity.
        relay: knows the signed inventory.
        status: knows the bans.
        clock: for the end of certificates.
    """

    def __init__(self, trust_domain: str, relay: Relay, status: StatusTable, clock: Clock) -> None:
        self._trust_domain = trust_domain
        self._relay = relay
        self._status = status
        self._clock = clock

    def cluster(self, context: Any) -> Peer:
        """Return the calling cluster.

        Raises:
            IdentityError: EDICT0301, 0340 or 0341 when it is not one, 0343 when it is not in the signed inventory,
                0344 when it is banned, 0345 when its certificate has expired, 0347 when it is of before a ban.
        """
        identity, until = self._caller(context)
        if identity.kind != "cluster":
            raise _wrong_kind(identity, "agents")
        cluster = ClusterName(identity.name)
        if not self._relay.admits(cluster):
            raise not_in_inventory(cluster)
        if cluster in self._status.bans:
            raise banned(cluster)
        check_counts(self._status.bans, cluster, lambda: _certificate(context))
        return Peer(cluster, until, self._status.bans.dated(cluster))

    def operator(self, context: Any, method: str) -> Operator:
        """Return the calling operator.

        Raises:
            IdentityError: EDICT0301, 0340 or 0341 when it is not one, 0342 when its role does not allow the method,
                0345 when its certificate has expired.
        """
        identity, until = self._caller(context)
        if identity.kind != "operator" or identity.role is None:
            raise _wrong_kind(identity, "operators")
        needed = ROLES[method]
        if not identity.role.includes(needed):
            raise IdentityError(
                Code.ROLE_TOO_LOW,
                f"{identity.name} has the role {identity.role} and this needs {needed}",
                where=f"Admin.{method}",
                remedy="ask an administrator for a certificate of that role",
            )
        return Operator(identity.name, until)

    def _caller(self, context: Any) -> tuple[Identity, datetime]:
        certificate = _certificate(context)
        identity, until = identity_of(certificate, self._trust_domain), not_after(certificate)
        if self._clock.now() >= until:
            raise expired(identity.name)
        return identity, until


def not_in_inventory(cluster: ClusterName) -> IdentityError:
    """Return EDICT0343."""
    return IdentityError(
        Code.NOT_IN_INVENTORY,
        f"cluster {cluster} is not in the signed inventory",
        where=f"inventory/{cluster}",
        remedy="sign its ManagedCluster and publish it",
    )


def banned(cluster: ClusterName) -> IdentityError:
    """Return EDICT0344."""
    return IdentityError(Code.BANNED, f"cluster {cluster} is banned", remedy="ask the platform team why")


def check_counts(bans: Bans, cluster: ClusterName, certificate_pem: Callable[[], bytes]) -> None:
    """Check that a certificate, which is read only where there was a ban, was issued after the last one.

    Raises:
        IdentityError: EDICT0347; EDICT0302 when it cannot be read.
    """
    since = bans.counts_from(cluster)
    if since > ALWAYS and issued_at(certificate_pem()) < since:
        raise of_before_the_ban(cluster)


def of_before_the_ban(cluster: ClusterName) -> IdentityError:
    """Return EDICT0347."""
    return IdentityError(
        Code.BEFORE_THE_BAN,
        f"what was issued to cluster {cluster} before its ban ended counts no more",
        where=f"cluster {cluster}",
        remedy=f"make a token with `edict cluster reenrol {cluster}` and give it to its agent",
    )


def expired(name: str) -> IdentityError:
    """Return EDICT0345."""
    return IdentityError(Code.EXPIRED, "the certificate has expired", where=name, remedy="get a new one")


def _certificate(context: Any) -> bytes:
    presented: list[bytes] | None = context.auth_context().get("x509_pem_cert")
    if not presented:
        raise IdentityError(Code.NO_CERTIFICATE, "no client certificate was presented", remedy="enrol first")
    return presented[0]


def _wrong_kind(identity: Identity, who: str) -> IdentityError:
    return IdentityError(
        Code.WRONG_KIND,
        f"this is for {who}, and the certificate is of the {identity.kind} {identity.name}".rstrip(),
        remedy="use the other certificate",
    )
