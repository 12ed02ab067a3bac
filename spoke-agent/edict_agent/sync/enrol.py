"""Enrolment: a one-time token for a certificate, over server-auth TLS that believes the token's CA alone."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import grpc
import grpc.aio
from msgspec.structs import replace

from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName
from edict.pki import csr
from edict.pki.names import cluster_id
from edict.pki.token import Token
from edict.trust import verify
from edict_agent.codes import IdentityCode
from edict_agent.store.identity import Identity
from edict_agent.sync import certificate
from edict_agent.sync.link import CALL_SECONDS

REFUSALS = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)
"""The answers that no second try changes."""


class Enrol(Protocol):
    """Asks one address of the enrolment port."""

    async def __call__(self, address: str, ca_pem: str, request: pb.EnrolRequest) -> pb.EnrolResponse:
        """Return the hub's answer; raises grpc.aio.AioRpcError."""


async def ask(address: str, ca_pem: str, request: pb.EnrolRequest) -> pb.EnrolResponse:
    """Call ``Enrolment.Enrol`` on one address."""
    credentials = grpc.ssl_channel_credentials(root_certificates=ca_pem.encode())
    async with grpc.aio.secure_channel(address, credentials) as channel:
        answer: pb.EnrolResponse = await rpc.EnrolmentStub(channel).Enrol(request, timeout=CALL_SECONDS)
        return answer


async def enrol(identity: Identity, token: Token, address: str, *, now: datetime, call: Enrol = ask) -> Identity:
    """Enrol once, at one address; returns the identity with its certificate and the pinned root.

    Raises:
        IdentityError: EDICT0322 when the hub refuses; as `certificate.check` when it hands out something else.
        TrustError: EDICT0206 when the root is not the pinned one.
        grpc.aio.AioRpcError: the hub could not be reached.
    """
    pins = identity.pins
    request = pb.EnrolRequest(
        cluster=pins.cluster,
        token_secret=token.secret,
        csr_pem=csr.make_csr(identity.key_pem, cluster_id(pins.trust_domain, pins.cluster)),
        receipt_public_key=identity.signer.public_key().public_bytes_raw(),
        root_sha256=pins.root_sha256,
    )
    try:
        answer = await call(address, pins.ca_pem, request)
    except grpc.aio.AioRpcError as error:
        if error.code() in REFUSALS:
            raise _refused(error, address) from None
        raise
    verify.pin(answer.root, pins.root_sha256)
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


def _refused(error: grpc.aio.AioRpcError, address: str) -> IdentityError:
    return IdentityError(
        IdentityCode.ENROLMENT_REFUSED,
        f"the hub refused the token: {error.details() or error.code().name}",
        where=address,
        remedy="make a new token with `edict cluster token`; a token is good for one cluster, once, for a while",
    )
