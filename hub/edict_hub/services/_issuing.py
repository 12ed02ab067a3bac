"""Issuing agents' certificates, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509

from edict.clock import Clock
from edict.ids import ClusterName
from edict_hub.authority import Authority
from edict.pki.reenrol import Claim, check


class Issuer:
    """The hub's CA, a lifetime and a clock.

    Args:
        authority: issues.
        believed: every authority whose agents are believed.
        lifetime: of a certificate.
        clock: for dates.
    """

    def __init__(
        self,
        authority: Authority,
        believed: Sequence[x509.Certificate],
        lifetime: timedelta,
        clock: Clock,
    ) -> None:
        self._authority = authority
        self._believed = believed
        self._lifetime = lifetime
        self._clock = clock

    async def recognise(self, claim: Claim, proof: bytes) -> ClusterName:
        """Return the cluster that proves the key of an expired certificate. Raises as `edict.pki.reenrol.check`."""
        now, domain = self._clock.now(), self._authority.trust_domain
        return await asyncio.to_thread(check, claim, proof, believed=self._believed, trust_domain=domain, now=now)

    async def issue(self, csr_pem: bytes, cluster: ClusterName) -> bytes:
        """Return a certificate of the CA that issues now, PEM, and the CA's behind it.

        Raises:
            IdentityError: EDICT0305 when the request is not well signed, 0306 when it asks for another name.
        """
        return await asyncio.to_thread(self._issue, csr_pem, cluster)

    def _issue(self, csr_pem: bytes, cluster: ClusterName) -> bytes:
        issuing = self._authority.now().issuing
        return issuing.issue_cluster(csr_pem, cluster, self._clock.now(), self._lifetime) + issuing.certificate_pem
