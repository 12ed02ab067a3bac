"""What types cannot say: upstream's limits and CEL rules (network-policy-api v0.2.0) and our own.

``validate`` raises the first thing that is wrong, with its field, its line and what to write instead.
"""

from __future__ import annotations

import re
from typing import assert_never

from msgspec import UNSET

from edict.errors import DocumentError
from edict.ids import is_dns_label
from edict.policy._failing import Place
from edict.policy._labels import check_annotations, check_labels, check_selector
from edict.policy._rules import check_policy
from edict.policy._waivers import check_waiver
from edict.policy.codes import Code
from edict.policy.documents import (
    AnyDocument,
    FederatedNetworkPolicy,
    FederatedNetworkPolicySpec,
    ManagedCluster,
    ManagedClusterSpec,
    ObjectMeta,
    Waiver,
)
from edict.policy.lockout import WAY_OUT_ID
from edict.policy.origin import Origin

MAX_POLICY_ID = 63
"""``<team>.<name>`` is the value of a label on every rendered object."""
_CONTROL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:[A-Za-z0-9][A-Za-z0-9._:/-]*")
_MAX_CONTROL = 128
_MAX_CONTROLS = 64
_RECEIPT_KEY = re.compile(r"[0-9a-f]{64}")
_NO_ORIGIN = Origin()


def validate(document: AnyDocument, origin: Origin = _NO_ORIGIN) -> None:
    """Check a document.

    Args:
        document: what :mod:`edict.policy.parse` returned, or what was built in memory.
        origin: where it stands; without it errors carry no file and line.

    Raises:
        DocumentError: EDICT0109 and EDICT0120 to EDICT0130.
    """
    place = Place(f"{type(document).__name__} {document.metadata.name}".strip(), origin)
    _check_meta(document.metadata, place.child("metadata"))
    match document:
        case FederatedNetworkPolicy():
            _check_policy(document.spec, place.child("spec"))
        case ManagedCluster():
            _check_cluster(document.spec, place.child("spec"))
        case Waiver():
            check_waiver(document.spec, place.child("spec"))
        case _:
            assert_never(document)


def policy_id(team: str, name: str) -> str:
    """Return ``<team>/<name>``, by which a policy is known across the federation.

    Raises:
        DocumentError: EDICT0120; a name is no DNS-1123 label, ``<team>.<name>`` is too long, or it is reserved.
    """
    for what, value in (("team", team), ("policy", name)):
        if not is_dns_label(value):
            raise DocumentError(
                Code.NAME,
                f"the {what} name {value!r} is no DNS label",
                where=f"{team}/{name}",
                remedy="write at most 63 of a-z 0-9 - that begin and end with a letter or a digit",
            )
    if len(team) + 1 + len(name) > MAX_POLICY_ID:
        raise DocumentError(
            Code.NAME,
            f"{team}.{name} has {len(team) + 1 + len(name)} characters, more than {MAX_POLICY_ID}",
            where=f"{team}/{name}",
            remedy=f"shorten the policy's name to {max(MAX_POLICY_ID - len(team) - 1, 0)} characters",
        )
    if f"{team}/{name}" == WAY_OUT_ID:
        raise DocumentError(
            Code.NAME,
            f"{WAY_OUT_ID} is the name of the built-in policy",
            where=f"{team}/{name}",
            remedy="give the policy another name",
        )
    return f"{team}/{name}"


def _check_meta(metadata: ObjectMeta, place: Place) -> None:
    if not is_dns_label(metadata.name):
        place.child("name").fail(
            Code.NAME,
            f"the name {metadata.name!r} is no DNS label",
            "write at most 63 of a-z 0-9 - that begin and end with a letter or a digit",
        )
    check_labels(metadata.labels, place.child("labels"))
    check_annotations(metadata.annotations, place.child("annotations"))


def _check_policy(spec: FederatedNetworkPolicySpec, place: Place) -> None:
    check_selector(spec.placement.cluster_selector, place.child("placement").child("clusterSelector"))
    controls = place.child("controls")
    controls.count(spec.controls, 0, _MAX_CONTROLS)
    controls.unique(spec.controls)
    for index, control in enumerate(spec.controls):
        if len(control) > _MAX_CONTROL or _CONTROL.fullmatch(control) is None:
            controls.item(index).fail(
                Code.CONTROL, f"{control!r} is no framework id", "write FRAMEWORK:ID, such as CIS:5.3.2"
            )
    if spec.rollout is not UNSET and not is_dns_label(spec.rollout.name):
        place.child("rollout").child("name").fail(
            Code.NAME, f"{spec.rollout.name!r} is no DNS label", "write the name of a Rollout"
        )
    check_policy(spec.policy, place.child("policy"))


def _check_cluster(spec: ManagedClusterSpec, place: Place) -> None:
    if spec.receipt_key is not UNSET and _RECEIPT_KEY.fullmatch(spec.receipt_key.public) is None:
        place.child("receiptKey").child("public").fail(
            Code.RECEIPT_KEY,
            "the receipt key is not 32 bytes in lower-case hexadecimal",
            "let edict cluster approve write it",
        )
