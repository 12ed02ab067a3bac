"""Enrolment: a certificate for a one-time token, or for the proof of an expired one's key.

Both calls are on the port without client certificates: whoever calls is judged by what is sent alone.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edict import log
from edict.errors import IdentityError
from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import ClusterName, digest_of, is_dns_label
from edict.pki import csr
from edict.pki.endorsement import SIGNATURE_BYTES
from edict.pki.reenrol import Claim
from edict_hub.codes import Identity
from edict_hub.gate import banned, check_counts, not_in_inventory
from edict_hub.relay import Relay
from edict_hub.services._answering import Answering
from edict_hub.services._issuing import Issuer
from edict_hub.status import StatusTable
from edict_hub.tokens import ReceiptKey, Tokens

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
        async with Answering(context, "Enrol", stranger=True):
            cluster = ClusterName(request.cluster)
            _check_form(request)
            user, bans = _user(request), self._status.bans
            since, dated = bans.counts_from(cluster), bans.dated(cluster)
            await self._tokens.check(request.token_secret, cluster, user, since)
            self._check_may(cluster)
            root = self._root(request.root_sha256)
            certificate = await self._issuer.issue(request.csr_pem, cluster, dated)
            receipt_key = ReceiptKey(request.receipt_public_key, request.receipt_endorsement)
            await self._tokens.use(request.token_secret, cluster, user, since, receipt_key)
            _log.info("enrolled", cluster=cluster)
            return pb.EnrolResponse(certificate_pem=certificate, root=root)

    async def Reenrol(self, request: pb.ReenrolRequest, context: Any) -> pb.EnrolResponse:  # noqa: N802 - gRPC's name
        """Trade an expired certificate and the proof of its key for a new certificate.

        Nothing is used up: who repeats a request gets at most a certificate for the key of its certificate request,
        which is worth nothing without that key, and only the agent has it.
        """
        async with Answering(context, "Reenrol", stranger=True):
            claim = Claim(request.certificate_pem, request.csr_pem, request.at_unix)
            cluster = await self._issuer.recognise(claim, request.proof)
            self._check_may(cluster)
            check_counts(self._status.bans, cluster, lambda: request.certificate_pem)
            dated = self._status.bans.dated(cluster)
            root = self._root(request.root_sha256)
            certificate = await self._issuer.issue(request.csr_pem, cluster, dated)
            _log.info("re-enrolled", cluster=cluster)
            return pb.EnrolResponse(certificate_pem=certificate, root=root)

    def _check_may(self, cluster: ClusterName) -> None:
        if not self._relay.inventories(cluster):
            raise not_in_inventory(cluster)
        if cluster in self._status.bans:
            raise banned(cluster)

    def _root(self, sha256: str) -> bytes:
        held = self._relay.held
        roots: list[bytes] = [self._relay.pinned.root, *(held.roots.values() if held else ())]
        for root in roots:
            if digest_of(root) == sha256:
                return root
        raise IdentityError(
            Identity.ROOT_UNKNOWN,
            f"the agent starts from the trust root {sha256[:64]!r}, which this hub does not have",
            remedy="make the token with the root.json of this federation",
        )


def _check_form(request: pb.EnrolRequest) -> None:
    good_key = len(request.receipt_public_key) == RECEIPT_KEY_BYTES
    if (
        not is_dns_label(request.cluster)
        or not good_key
        or len(request.receipt_endorsement) not in {0, SIGNATURE_BYTES}
    ):
        raise IdentityError(
            Identity.RECEIPT_KEY,
            f"an enrolment needs a cluster's name and a receipt key of {RECEIPT_KEY_BYTES} bytes, whose endorsement, "
            f"where it has one, is of {SIGNATURE_BYTES}",
            remedy="enrol with this version's agent",
        )


def _user(request: pb.EnrolRequest) -> str:
    """Return what a retry must have in common with the first attempt: both keys."""
    spki = csr.public_key_of(request.csr_pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki + request.receipt_public_key).hexdigest()
