"""Enrolment: a one-time token and a certificate request for a certificate, on the port without client certificates."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edict import log
from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of, is_dns_label
from edict.pki.codes import Code as Pki
from edict_hub.codes import Identity
from edict_hub.gate import banned, not_in_inventory
from edict_hub.relay import Relay
from edict_hub.services._answering import Answering
from edict_hub.services._issuing import Issuer
from edict_hub.status import StatusTable
from edict_hub.tokens import Tokens

_log = log.get(__name__)
RECEIPT_KEY_BYTES = 32


class Enrolment(rpc.EnrolmentServicer):
    """The enrolment service."""

    def __init__(self, *, relay: Relay, status: StatusTable, tokens: Tokens, issuer: Issuer) -> None:
        self._relay = relay
        self._status = status
        self._tokens = tokens
        self._issuer = issuer

    async def Enrol(self, request: pb.EnrolRequest, context: Any) -> pb.EnrolResponse:  # noqa: N802 - gRPC's name
        """Check everything, use the token up, answer."""
        async with Answering(context, "Enrol"):
            cluster = ClusterName(request.cluster)
            if not is_dns_label(cluster) or len(request.receipt_public_key) != RECEIPT_KEY_BYTES:
                raise IdentityError(
                    Identity.RECEIPT_KEY,
                    "an enrolment needs a cluster's name and a receipt key of 32 bytes",
                    remedy="enrol with this version's agent",
                )
            user = _user(request)
            await self._tokens.check(request.token_secret, cluster, user)
            if not self._relay.inventories(cluster):
                raise not_in_inventory(cluster)
            if cluster in self._status.banned:
                raise banned(cluster)
            root = self._root(request.root_sha256)
            certificate = await self._issuer.issue(request.csr_pem, cluster)
            await self._tokens.use(request.token_secret, cluster, user, request.receipt_public_key)
            _log.info("enrolled", cluster=cluster)
            return pb.EnrolResponse(certificate_pem=certificate, root=root)

    def _root(self, sha256: str) -> bytes:
        held = self._relay.held
        roots: list[bytes] = [self._relay.pinned.root, *(held.roots.values() if held else ())]
        for root in roots:
            if digest_of(root) == sha256:
                return root
        raise IdentityError(
            Identity.ROOT_UNKNOWN,
            f"the token pins the trust root {sha256[:64]!r}, which this hub does not have",
            remedy="make the token with the root.json of this federation",
        )


def _user(request: pb.EnrolRequest) -> str:
    """Return what a retry must have in common with the first attempt: both keys."""
    try:
        public = x509.load_pem_x509_csr(request.csr_pem).public_key()
    except ValueError as error:
        raise IdentityError(
            Pki.REQUEST, f"the certificate request cannot be read: {error}", remedy="enrol again"
        ) from None
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki + request.receipt_public_key).hexdigest()
