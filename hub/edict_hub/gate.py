"""Who calls, and what they may do. The TLS stack has verified the chain; this reads the name and decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edict.errors import IdentityError
from edict.ids import ClusterName
from edict.pki.csr import not_after
from edict.pki.names import Identity, Role, identity_of
from edict_hub.codes import Identity as Code
from edict_hub.relay import Relay
from edict_hub.status import StatusTable

ROLES = {
    "State": Role.VIEWER,
    "Blobs": Role.VIEWER,
    "Status": Role.VIEWER,
    "WatchStatus": Role.VIEWER,
    "Publish": Role.OPERATOR,
    "CreateToken": Role.OPERATOR,
}
"""What an operator needs for each method of Admin."""


@dataclass(frozen=True)
class Peer:
    """A cluster that may speak now, and until when its certificate lets it."""

    cluster: ClusterName
    not_after: datetime


class Gate:
    """Judges callers of the mutual TLS port.

    Args:
        trust_domain: of every identity.
        relay: knows the signed inventory.
        status: knows the bans.
    """

    def __init__(self, trust_domain: str, relay: Relay, status: StatusTable) -> None:
        self._trust_domain = trust_domain
        self._relay = relay
        self._status = status

    def cluster(self, context: Any) -> Peer:
        """Return the calling cluster.

        Raises:
            IdentityError: EDICT0301, 0340 or 0341 when it is not one, 0343 when it is not in the signed inventory,
                0344 when it is banned.
        """
        certificate = _certificate(context)
        identity = identity_of(certificate, self._trust_domain)
        if identity.kind != "cluster":
            raise _wrong_kind(identity, "agents")
        cluster = ClusterName(identity.name)
        if not self._relay.admits(cluster):
            raise not_in_inventory(cluster)
        if cluster in self._status.banned:
            raise banned(cluster)
        return Peer(cluster, not_after(certificate))

    def operator(self, context: Any, method: str) -> Identity:
        """Return the calling operator.

        Raises:
            IdentityError: EDICT0301, 0340 or 0341 when it is not one, 0342 when its role does not allow the method.
        """
        identity = identity_of(_certificate(context), self._trust_domain)
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
        return identity


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
