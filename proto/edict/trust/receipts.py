"""Receipts: what a cluster says of itself, signed by its own key, each naming the one before.

A receipt is a DSSE envelope (secure-systems-lab/dsse v1) around a JSON body. The chain begins with a ``base`` receipt
that forgets everything before it; each later one carries what changed, and the digest of the whole state after it.
"""

from __future__ import annotations

import base64
import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from edict.errors import TrustError
from edict.ids import ClusterName, Digest
from edict.policy.fidelity import RuleFidelity
from edict.trust._check import clipped
from edict.trust.codes import Code

PAYLOAD_TYPE = "application/vnd.edict.receipt.v1+json"
MAX_ENVELOPE = 64 * 1024
MAX_NUMBER = 2**63 - 1
FLOOR_CLEARED = "federation.edict.dev/floor-cleared"
"""Annotation of a signed ManagedCluster: the ``floorLost`` of its receipts that an author has looked into."""


class PolicyState(enum.StrEnum):
    """How one policy stands on one cluster; of a whole cluster also Stale. Silence is Unknown, never Compliant."""

    COMPLIANT = "Compliant"
    PENDING = "Pending"
    DEGRADED = "Degraded"
    DRIFTED = "Drifted"
    STALE = "Stale"
    """The release has expired: it is enforced further, and a hub may be holding back what came after it."""
    WAIVED = "Waived"
    UNKNOWN = "Unknown"


class PolicyReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an agent says of one policy.

    Attributes:
        policy: ``team/name``.
        document: digest of the document that is enforced; with ``Degraded`` of a refused one, the one that is not.
        state: see :class:`PolicyState`.
        accepted: what the plugin said of the objects.
        objects: how many objects stand for it.
        reverts: drift reverted since the agent started.
        code: EDICT05xx where there is trouble; another where a waiver for it does not count; empty otherwise.
        reason: one sentence for each thing that there is to say: also by whom it is waived, and until when.
        rules: fidelity per rule.
    """

    policy: str
    document: Digest
    state: PolicyState
    accepted: Literal["yes", "no", "unobservable"] = "unobservable"
    objects: int = 0
    reverts: int = 0
    code: str = ""
    reason: str = ""
    rules: tuple[RuleFidelity, ...] = ()


class ReceiptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What is signed.

    Attributes:
        previous: SHA-256 of the envelope before, empty for the first of all.
        release: the release that the cluster has verified; 0 is none.
        root_version: of its trust root; 0 where an agent signed that said none of this.
        timestamp_version: of the timestamp that it verified last.
        snapshot_expires: when that release ends, UTC; past it the cluster is stale. None where there is no release.
        floor_lost: since when it no longer knows what it had verified before; empty where it knows.
    """

    cluster: ClusterName
    sequence: Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
    previous: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
    release: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
    time: Annotated[datetime, Meta(tz=True)]
    agent_version: str
    dialect: str
    plugin_version: str
    base: bool
    policies: tuple[PolicyReport, ...]
    removed: tuple[str, ...]
    state_digest: str
    root_version: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0
    timestamp_version: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0
    snapshot_expires: Annotated[datetime, Meta(tz=True)] | None = None
    floor_lost: Annotated[str, Meta(max_length=64)] = ""


@dataclass(frozen=True)
class Evidence:
    """A verified chain, folded: the newest receipt and the state of every policy after it.

    ``gaps`` are the first and the last number of what is missing before a base: what happened meanwhile is not known.
    """

    head: ReceiptBody
    policies: Mapping[str, PolicyReport]
    gaps: tuple[tuple[int, int], ...] = ()


def sign_receipt(body: ReceiptBody, key: Ed25519PrivateKey) -> bytes:
    """Sign a receipt; returns the envelope as JSON bytes.

    Raises:
        TrustError: EDICT0240 when it is larger than 64 KiB; the caller splits it.
    """
    envelope = Envelope(msgspec.json.encode(body), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    data = msgspec.json.encode(envelope.to_dict())
    if len(data) > MAX_ENVELOPE:
        raise TrustError(
            Code.RECEIPT_TOO_LARGE, f"the receipt has {len(data)} bytes and at most {MAX_ENVELOPE} are allowed"
        )
    return data


def verify_receipt(envelope: bytes, public_hex: str, cluster: ClusterName) -> ReceiptBody:
    """Verify one envelope with the key that authors pinned for the cluster, and read it.

    Raises:
        TrustError: EDICT0241 when it is no receipt, EDICT0242 when the signature is not the pinned key's, EDICT0243
            when it speaks of another cluster.
    """
    if len(envelope) > MAX_ENVELOPE:
        raise TrustError(Code.NOT_A_RECEIPT, "the receipt is larger than 64 KiB", where=f"receipts/{cluster}")
    try:
        plain: dict[str, Any] = msgspec.json.decode(envelope)
        signed = Envelope.from_dict(plain)
        key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)))
        if signed.payload_type != PAYLOAD_TYPE:
            raise ValueError(signed.payload_type)  # noqa: TRY301 - one message for every way of being no receipt
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        msgspec.MsgspecError,
        VerificationError,
    ) as error:
        raise TrustError(
            Code.NOT_A_RECEIPT, f"this is no receipt: {clipped(error)}", where=f"receipts/{cluster}"
        ) from None
    try:
        signed.verify([key], 1)
    except (VerificationError, InvalidSignature):
        raise TrustError(
            Code.RECEIPT_KEY,
            "the receipt is not signed by the key that is pinned for the cluster",
            where=f"receipts/{cluster}",
            remedy=f"compare fingerprints with `edict cluster approve {cluster}`; else treat the hub as stolen",
        ) from None
    try:
        body = msgspec.json.decode(signed.payload, type=ReceiptBody)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise TrustError(
            Code.NOT_A_RECEIPT, f"this is no receipt: {clipped(error)}", where=f"receipts/{cluster}"
        ) from None
    named = [report.policy for report in body.policies]
    if len({*named, *body.removed}) != len(named) + len(body.removed):
        raise TrustError(Code.NOT_A_RECEIPT, "the receipt speaks twice of one policy", where=f"receipts/{cluster}")
    if body.cluster != cluster:
        raise TrustError(
            Code.OTHER_CLUSTER, f"the receipt speaks of cluster {body.cluster!r}", where=f"receipts/{cluster}"
        )
    return body


def envelope_digest(envelope: bytes) -> str:
    """Return what the next receipt names as ``previous``: SHA-256 of the envelope, hexadecimal."""
    return hashlib.sha256(envelope).hexdigest()


def state_digest(policies: Mapping[str, PolicyReport]) -> str:
    """Return the digest of a whole state: SHA-256 over the reports in the order of their names."""
    return hashlib.sha256(msgspec.json.encode([policies[name] for name in sorted(policies)])).hexdigest()


def delta(
    previous: Mapping[str, PolicyReport], current: Mapping[str, PolicyReport]
) -> tuple[tuple[PolicyReport, ...], tuple[str, ...]]:
    """Return the reports that are new or differ, and the names that are gone, each in order."""
    changed = tuple(current[name] for name in sorted(current) if previous.get(name) != current[name])
    return changed, tuple(sorted(previous.keys() - current.keys()))


def fold(chain: Iterable[tuple[bytes, ReceiptBody]]) -> Evidence:
    """Fold a verified chain, oldest first. What comes before its first ``base`` receipt only links.

    A base may come after a gap: it says the whole state again, and its number says how many receipts are missing.
    Nothing can be put in the place of one that is missing, because the next to it names its hash.

    Raises:
        TrustError: EDICT0244 when a receipt is missing or out of order; EDICT0245 when the state does not add up.
    """
    policies: dict[str, PolicyReport] = {}
    head: ReceiptBody | None = None
    before = ""
    gaps: list[tuple[int, int]] = []
    known = False
    for envelope, body in chain:
        where = f"receipts/{body.cluster}/{body.sequence}"
        if head is not None and body.base and body.sequence > head.sequence + 1:
            gaps.append((head.sequence + 1, body.sequence - 1))
        elif head is not None and (body.previous != before or body.sequence != head.sequence + 1):
            raise TrustError(
                Code.CHAIN,
                f"a receipt between {head.sequence} and {body.sequence} is missing or was replaced",
                where=where,
            )
        if body.base:
            policies, known = {}, True
        policies.update({report.policy: report for report in body.policies})
        for name in body.removed:
            policies.pop(name, None)
        head, before = body, envelope_digest(envelope)
    if head is None:
        raise TrustError(Code.CHAIN, "there is no receipt")
    if not known:
        raise TrustError(Code.CHAIN, "the chain has no base receipt", where=f"receipts/{head.cluster}/{head.sequence}")
    if state_digest(policies) != head.state_digest:
        raise TrustError(
            Code.STATE_DIGEST,
            "the receipts do not add up to the state that they sign for",
            where=f"receipts/{head.cluster}",
        )
    return Evidence(head, policies, tuple(gaps))


def fingerprint(public: bytes) -> str:
    """Return what a person compares: ``SHA256:`` and the base64 digest of the raw public key."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")
