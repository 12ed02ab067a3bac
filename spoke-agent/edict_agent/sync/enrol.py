"""Enrolment: a certificate for a one-time token, or for the proof of an expired one's key.

Both over server-auth TLS that believes the token's CA alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeAlias

import grpc
import grpc.aio
from msgspec.structs import replace

from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName
from edict.pki import csr
from edict.pki.endorsement import endorse
from edict.pki.names import cluster_id
from edict.pki.reenrol import Claim, prove
from edict.pki.token import Token
from edict.trust import verify
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Identity, Pins
from edict_agent.sync import certificate
from edict_agent.sync.belief import believing
from edict_agent.sync.link import CALL_SECONDS

REFUSALS = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""The answers that no second try changes."""


Request: TypeAlias = pb.EnrolRequest | pb.ReenrolRequest


class Enrol(Protocol):
    """Asks one address of the enrolment port."""

    async def __call__(self, address: str, ca_pem: str, request: Request) -> pb.EnrolResponse:
        """Return the hub's answer; raises grpc.aio.AioRpcError."""


async def ask(address: str, ca_pem: str, request: Request) -> pb.EnrolResponse:
    """Call ``Enrolment.Enrol`` or ``Reenrol`` on one address."""
    credentials = grpc.ssl_channel_credentials(root_certificates=ca_pem.encode())
    async with grpc.aio.secure_channel(address, credentials) as channel:
        stub = rpc.EnrolmentStub(channel)
        method = stub.Enrol if isinstance(request, pb.EnrolRequest) else stub.Reenrol
        answer: pb.EnrolResponse = await method(request, timeout=CALL_SECONDS)
        return answer


async def enrol(
    identity: Identity, token: Token, address: str, *, now: datetime, root: bytes = b"", call: Enrol = ask
) -> Identity:
    """Enrol once, at one address; returns the identity with its certificate and the pinned root.

    With the keys that are next where there are some, and the pins of the token: they are the identity's own in what is
    returned. The root stays the one that the agent has followed so far. A receipt key that is new comes with the
    signature of the one before.

    Raises:
        IdentityError: EDICT0322 when the hub refuses; as `certificate.check` when it hands out something else.
        TrustError: EDICT0206 when the root is not the pinned one.
        grpc.aio.AioRpcError: the hub could not be reached.
    """
    pins, old = _pins(identity, token), identity.signer
    identity = replace(identity, pins=pins)
    if identity.next is not None:
        identity = replace(identity, key_pem=identity.next.key_pem, receipt_key=identity.next.receipt_key, next=None)
    public = identity.signer.public_key().public_bytes_raw()
    changed = public != old.public_key().public_bytes_raw()
    request = pb.EnrolRequest(
        cluster=pins.cluster,
        token_secret=token.secret,
        csr_pem=csr.make_csr(identity.key_pem, cluster_id(pins.trust_domain, pins.cluster)),
        receipt_public_key=public,
        receipt_endorsement=endorse(old, pins.cluster, public) if changed else b"",
        root_sha256=pins.root_sha256,
    )
    try:
        answer = await call(address, believing(pins, root).ca_pem, request)
    except grpc.aio.AioRpcError as error:
        if error.code() in REFUSALS:
            raise _refused(error, address) from None
        raise
    taken = _taken(identity, answer, root, now=now)
    return replace(taken, token=token.secret_sha256.hex())


async def reenrol(identity: Identity, address: str, *, now: datetime, root: bytes = b"", call: Enrol = ask) -> Identity:
    """Trade the expired certificate for one with a new key, at one address; returns the identity with both.

    Raises:
        IdentityError: EDICT0323 when the hub refuses; as `certificate.check` when it hands out something else.
        TrustError: EDICT0206 when the root is not the pinned one.
        grpc.aio.AioRpcError: the hub could not be reached.
    """
    pins, key_pem = identity.pins, csr.new_private_key()
    request = csr.make_csr(key_pem, cluster_id(pins.trust_domain, pins.cluster))
    claim = Claim(identity.certificate, request, int(now.timestamp()))
    asked = pb.ReenrolRequest(
        certificate_pem=claim.certificate_pem,
        csr_pem=claim.csr_pem,
        at_unix=claim.at_unix,
        proof=prove(claim, identity.key_pem),
        root_sha256=pins.root_sha256,
    )
    try:
        answer = await call(address, believing(pins, root).ca_pem, asked)
    except grpc.aio.AioRpcError as error:
        if error.code() in REFUSALS:
            raise _ended(error, pins.cluster) from None
        raise
    return _taken(replace(identity, key_pem=key_pem), answer, root, now=now)


def _pins(identity: Identity, token: Token) -> Pins:
    pins = Pins.of(token)
    return replace(pins, root_sha256=identity.pins.root_sha256) if identity.root else pins


def _taken(identity: Identity, answer: pb.EnrolResponse, root: bytes, *, now: datetime) -> Identity:
    """Check what the hub handed out for an identity's key, and return the identity with it."""
    verify.pin(answer.root, identity.pins.root_sha256)
    pins = believing(identity.pins, root or answer.root)
    certificate.check(answer.certificate_pem, identity.key_pem, pins, now=now)
    return replace(identity, certificate=answer.certificate_pem, root=answer.root)


def checked_cluster(pins_cluster: ClusterName, wanted: str) -> None:
    """Check that the name on the command line is the one of the token or of the stored identity.

    Raises:
        IdentityError: EDICT0321.
    """
    if wanted and wanted != pins_cluster:
        raise IdentityError(
            IdentityCode.OTHER_CLUSTER,
            f"this agent is {pins_cluster!r} and --cluster says {wanted!r}",
            remedy="use the token that was made for this cluster; a cluster's name is fixed when it is installed",
        )


def _ended(error: grpc.aio.AioRpcError, cluster: ClusterName) -> IdentityError:
    return IdentityError(
        IdentityCode.EXPIRED,
        f"the certificate has expired, and the hub does not renew it: {error.details() or error.code().name}",
        where=f"cluster {cluster}",
        remedy=f"make a token with `edict cluster reenrol {cluster}` and give it by --token-file; enforcement goes on",
    )


def _refused(error: grpc.aio.AioRpcError, address: str) -> IdentityError:
    return IdentityError(
        IdentityCode.ENROLMENT_REFUSED,
        f"the hub refused the token: {error.details() or error.code().name}",
        where=address,
        remedy="make a new token with `edict cluster token`; a token is good for one cluster, once, for a while",
    )
