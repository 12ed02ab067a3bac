"""Issuing agents' certificates, off the event loop."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from edict.clock import Clock
from edict.ids import ClusterName
from edict.pki.ca import CertificateAuthority


class Issuer:
    """The hub's CA, a lifetime and a clock."""

    def __init__(self, authority: CertificateAuthority, lifetime: timedelta, clock: Clock) -> None:
        self._authority = authority
        self._lifetime = lifetime
        self._clock = clock

    async def issue(self, csr_pem: bytes, cluster: ClusterName) -> bytes:
        """Return a certificate for the request, PEM, and the CA's behind it.

        Raises:
            IdentityError: EDICT0305 when the request is not well signed, 0306 when it asks for another name.
        """
        now = self._clock.now()
        leaf = await asyncio.to_thread(self._authority.issue_cluster, csr_pem, cluster, now, self._lifetime)
        return leaf + self._authority.certificate_pem
