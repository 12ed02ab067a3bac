"""The running agent's identity: made once, enrolled by a token, renewed in time, and where that failed re-enrolled.

Every change is stored before it is used. A token that this identity has not enrolled with yet replaces it, whatever
its certificate says; until the hub has taken the token, the present identity goes on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.pki import csr
from edict.pki.names import cluster_id
from edict.pki.token import Token
from edict.trust.receipts import fingerprint
from edict_agent.backoff import RECONNECT, pause, persist
from edict_agent.codes import IdentityCode
from edict_agent.starting import stored_or_made
from edict_agent.store.identity import Identity, IdentityStore
from edict_agent.sync import certificate
from edict_agent.sync.addresses import Addresses
from edict_agent.sync.belief import believing
from edict_agent.sync.enrol import Enrol, ask, enrol, reenrol
from edict_agent.sync.link import Link

RENEW_BETWEEN = (0.50, 0.65)
EXPIRED_THERE = "EDICT0345"
"""What a hub says when the certificate behind an open connection has expired by its clock."""
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
        self._fresh = identity.next is not None
        self._refused = False
        self.on_receipt_key: Callable[[Ed25519PrivateKey], None] = lambda _key: None
        """Called when receipts are to be signed with another key."""
        self.root: Callable[[], bytes] = lambda: self.identity.root
        """Returns the newest verified root."""

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
        """Read the stored identity, or make one from the token. Raises as `stored_or_made`."""
        identity = await stored_or_made(store, token, cluster, clock)
        return cls(identity, store, token, clock=clock, rng=rng, call=call)

    @property
    def usable(self) -> bool:
        """Whether nothing has to be asked of the enrolment port: a good certificate, and no token to be used."""
        return self._valid and not self._fresh

    @property
    def _valid(self) -> bool:
        """Whether there is a certificate that has not expired, by this clock and by the hub's."""
        held = self.identity
        return held.enrolled and not self._refused and self._clock.now() < csr.not_after(held.certificate)

    @property
    def believed(self) -> Identity:
        """The identity, with the authorities that count now in the place of the one that the token pinned."""
        return replace(self.identity, pins=believing(self.identity.pins, self.root()))

    @property
    def of_a_believed_authority(self) -> bool:
        """Whether an authority that counts now issued the certificate."""
        return certificate.believed(self.identity.certificate, self.believed.pins, self._clock.now())

    @property
    def left(self) -> timedelta:
        """For how long the certificate is still good."""
        return csr.not_after(self.identity.certificate) - self._clock.now()

    def refused(self, details: str) -> None:
        """Take why a hub ended a call: a certificate that has expired there has expired, whatever the clock here."""
        self._refused |= EXPIRED_THERE in details

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

    async def obtain(self, address: str) -> None:
        """Get a certificate at one address: by a token that was not used yet, else by the key of the expired one.

        A token that is refused, or not asked about because no hub answers, costs nothing while there is another way.

        Raises:
            IdentityError: EDICT0322 or EDICT0323, or the certificate is not worth keeping.
            TrustError: EDICT0206 for another root.
            grpc.aio.AioRpcError: the hub could not be reached.
        """
        if self._fresh or not self.identity.enrolled:
            try:
                return await self.enrol(address)
            except grpc.aio.AioRpcError as error:
                if not self._valid:
                    raise
                _log.warning("token not used yet", status=error.code().name, error=error.details() or "")
                return None
            except EdictError as error:
                if not self.identity.enrolled:
                    raise
                _log.error("token not taken", code=error.code, error=str(error))
                self._fresh, self.identity = False, replace(self.identity, next=None)
        if not self._valid:
            await self._reenrol(address)
        return None

    async def _reenrol(self, address: str) -> None:
        try:
            identity = await reenrol(self.identity, address, now=self._clock.now(), root=self.root(), call=self._call)
        except IdentityError as error:
            if self._token is None:
                raise
            _log.warning("not re-enrolled; the token is tried", code=error.code, error=str(error))
            await self.enrol(address)
        else:
            await self._keep(identity)
            _log.info("re-enrolled", until=csr.not_after(identity.certificate).isoformat())

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
                "this agent has not finished enrolling, and there is no token",
                where=f"cluster {self.identity.pins.cluster}",
                remedy="make a token with `edict cluster token` and give it by --token-file; enforcement goes on",
            )
        before = self.identity.receipt_key
        identity = await enrol(
            self.identity, self._token, address, now=self._clock.now(), root=self.root(), call=self._call
        )
        await self._keep(identity)
        self._fresh = False
        if identity.receipt_key != before:
            self.on_receipt_key(identity.signer)
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
        pins = self.believed.pins
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
        self.identity, self._refused = identity, False
