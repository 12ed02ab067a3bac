"""The running agent's identity: made once, enrolled once, renewed in time. Every change is stored before it is used."""

from __future__ import annotations

import random
from datetime import datetime
from functools import partial

import grpc.aio
from msgspec.structs import replace

from edict import log
from edict.clock import Clock
from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.pki import csr
from edict.pki.names import cluster_id
from edict.pki.token import Token
from edict.trust.receipts import fingerprint
from edict_agent.backoff import RECONNECT, pause, persist
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Identity, IdentityStore, Pins, new_identity
from edict_agent.sync import certificate
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.enrol import Enrol, ask, checked_cluster, enrol
from edict_agent.sync.link import Link

RENEW_BETWEEN = (0.50, 0.65)
_log = log.get("edict_agent.credentials")


class Credentials:
    """Holds the identity. Made by `load`."""

    def __init__(
        self,
        identity: Identity,
        store: IdentityStore,
        token: Token | None,
        *,
        clock: Clock,
        rng: random.Random,
        call: Enrol = ask,
    ) -> None:
        self.identity = identity
        self._store = store
        self._token = token
        self._clock = clock
        self._rng = rng
        self._call = call

    @classmethod
    async def load(
        cls,
        store: IdentityStore,
        token: Token | None,
        cluster: str,
        *,
        clock: Clock,
        rng: random.Random,
        call: Enrol = ask,
    ) -> Credentials:
        """Read the stored identity, or make one from the token and store it.

        Raises:
            IdentityError: EDICT0320 without either, EDICT0321 when names differ, EDICT0324 when it is unreadable.
        """
        identity = await persist(clock, store.load)
        if identity is None:
            if token is None:
                raise IdentityError(
                    IdentityCode.NO_TOKEN,
                    "this agent has never enrolled, and there is no token",
                    remedy="make one with `edict cluster token` and give it by --token-file or EDICT_TOKEN",
                )
            checked_cluster(token.cluster, cluster)
            identity = new_identity(token)
            await persist(clock, partial(store.create, identity))
            _log.info("identity made", cluster=token.cluster)
        elif token is not None:
            checked_cluster(identity.pins.cluster, token.cluster)
            identity = _repinned(identity, token)
        checked_cluster(identity.pins.cluster, cluster)
        return cls(identity, store, token, clock=clock, rng=rng, call=call)

    @property
    def usable(self) -> bool:
        """Whether there is a certificate that has not expired."""
        return self.identity.enrolled and self._clock.now() < csr.not_after(self.identity.certificate)

    async def enrol_first(self, addresses: Addresses) -> None:
        """Enrol before anything else, as a first start does; a hub that cannot be reached is asked again.

        Raises:
            IdentityError: EDICT0322 when the hub refuses the token.
            TrustError: EDICT0206 when the hub has another root than the pinned one.
        """
        failures = 0
        while not self.identity.root:
            try:
                await self.enrol(addresses.next())
            except grpc.aio.AioRpcError as error:
                failures += 1
                _log.warning("enrolment port not reached", status=error.code().name, error=error.details() or "")
                await pause(self._clock, RECONNECT, failures)

    async def enrol(self, address: str) -> None:
        """Enrol at one address and store the certificate.

        Raises:
            IdentityError: EDICT0322, EDICT0323, or the certificate is not worth keeping.
            TrustError: EDICT0206 for another root.
            grpc.aio.AioRpcError: the hub could not be reached.
        """
        if self._token is None:
            raise IdentityError(
                IdentityCode.EXPIRED,
                "the certificate has expired, and there is no token to enrol again with"
                if self.identity.enrolled
                else "this agent has not finished enrolling, and there is no token",
                where=f"cluster {self.identity.pins.cluster}",
                remedy="make a token with `edict cluster token` and give it by --token-file; enforcement goes on",
            )
        identity = await enrol(self.identity, self._token, address, now=self._clock.now(), call=self._call)
        await self._keep(identity)
        _log.info(
            "enrolled",
            cluster=identity.pins.cluster,
            until=csr.not_after(identity.certificate).isoformat(),
            receipt_key=fingerprint(identity.signer.public_key().public_bytes_raw()),
        )

    async def renew(self, link: Link) -> None:
        """Trade the certificate for a new one with a new key, and store both.

        Raises:
            IdentityError: the certificate is not worth keeping; what there is stays.
            grpc.aio.AioRpcError: the hub refused or could not be reached.
        """
        held = self.identity
        pins = held.pins
        key_pem = csr.new_private_key()
        request = csr.make_csr(key_pem, cluster_id(pins.trust_domain, pins.cluster))
        answer = await link.renew(pb.RenewRequest(csr_pem=request))
        certificate.check(answer.certificate_pem, key_pem, pins, now=self._clock.now(), held=held.certificate)
        await self._keep(replace(held, key_pem=key_pem, certificate=answer.certificate_pem))
        _log.info("certificate renewed", until=csr.not_after(self.identity.certificate).isoformat())

    def renew_at(self) -> datetime:
        """Choose when to renew: at a random part of the certificate's life, so that a fleet spreads out."""
        start, end = csr.not_before(self.identity.certificate), csr.not_after(self.identity.certificate)
        return start + (end - start) * self._rng.uniform(*RENEW_BETWEEN)

    async def _keep(self, identity: Identity) -> None:
        await persist(self._clock, lambda: self._store.save(identity))
        self.identity = identity


def _repinned(identity: Identity, token: Token) -> Identity:
    """Take the addresses and the CA of a newer token. The root stays the one that this agent has followed so far."""
    pins = Pins.of(token)
    if identity.root:
        pins = replace(pins, root_sha256=identity.pins.root_sha256)
    old = identity.pins
    same_issuer = (pins.ca_pem, pins.trust_domain) == (old.ca_pem, old.trust_domain)
    return replace(identity, pins=pins, certificate=identity.certificate if same_issuer else b"")
