"""Issuing agents' certificates, off the event loop."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from edict.clock import Clock
from edict.ids import ClusterName
from edict.pki import chains
from edict.pki.reenrol import Claim, check
from edict_hub.authority import Authority


class Issuer:
    """The hub's CA, a lifetime and a clock.

    Args:
        authority: issues, and knows every authority whose agents are believed.
        lifetime: of a certificate.
        clock: for dates.
    """

    def __init__(self, authority: Authority, lifetime: timedelta, clock: Clock) -> None:
        self._authority = authority
        self._lifetime = lifetime
        self._clock = clock

    async def recognise(self, claim: Claim, proof: bytes) -> ClusterName:
        """Return the cluster that proves the key of an expired certificate. Raises as `edict.pki.reenrol.check`."""
        return await asyncio.to_thread(self._recognise, claim, proof)

    async def issue(self, csr_pem: bytes, cluster: ClusterName, dated: datetime) -> bytes:
        """Return a certificate of the CA that issues now, PEM, and the CA's behind it.

        ``dated`` is when it was judged that the cluster may have it.

        Raises:
            IdentityError: EDICT0305 when the request is not well signed, 0306 when it asks for another name.
        """
        return await asyncio.to_thread(self._issue, csr_pem, cluster, dated)

    def _issue(self, csr_pem: bytes, cluster: ClusterName, dated: datetime) -> bytes:
        issuing = self._authority.now().issuing
        return issuing.issue_cluster(csr_pem, cluster, dated, self._lifetime) + issuing.certificate_pem

    def _recognise(self, claim: Claim, proof: bytes) -> ClusterName:
        held = self._authority.now()
        domain, believed = held.issuing.trust_domain, chains.read(held.believed)
        return check(claim, proof, believed=believed, trust_domain=domain, now=self._clock.now())
