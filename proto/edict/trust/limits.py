"""What a delegator lets a role do, beyond its paths: signed into the delegator's own entry, enforced by every reader.

A limit narrows (clusters, namespaces) where a narrower policy still means something, and refuses (tiers, priorities,
actions) where it would not.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from edict.errors import TrustError
from edict.ids import is_dns_label
from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.model import (
    Action,
    LabelSelector,
    LabelSelectorRequirement,
    NamespacedPod,
    Operator,
    Subject,
    Tier,
)
from edict.trust.codes import Code
from edict.trust.roles import FLAT, WAIVERS

FIELD = "x-edict-limits"
"""The field of a delegated role's entry that carries its limits."""
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server itself keeps on every namespace."""
MAX_PRIORITY = 1000
MAX_DAYS = 3650
Number = Annotated[int, Meta(ge=0, le=MAX_PRIORITY)]
Days = Annotated[int, Meta(ge=1, le=MAX_DAYS)]


class Priorities(Struct, frozen=True, forbid_unknown_fields=True):
    """An inclusive range of priorities; the lowest number goes first."""

    first: Number
    last: Number

    def __post_init__(self) -> None:
        """Refuse a range without numbers."""
        if self.first > self.last:
            raise ValueError(f"the range {self.first}-{self.last} is empty")


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """Limits of a role. What is None is not limited. A team has the first five, the role of waivers the last two.

    Attributes:
        tiers: in which its policies may stand.
        priorities: that they may have.
        actions: that their rules may take.
        clusters: on which they count; elsewhere they are as if not placed.
        namespaces: names of the namespaces whose pods they may be about; every subject is narrowed to them.
        max_days: how far ahead a waiver may end, at the time at which it is to count.
        policies: that may be waived: ``team/name``, or ``team/*`` for all of a team.
    """

    tiers: tuple[Tier, ...] | None = None
    priorities: Priorities | None = None
    actions: tuple[Action, ...] | None = None
    clusters: LabelSelector | None = None
    namespaces: tuple[str, ...] | None = None
    max_days: Days | None = None
    policies: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse an empty list, which would allow nothing, and what names no namespace or no policy."""
        for field in ("tiers", "actions", "namespaces", "policies"):
            value = getattr(self, field)
            if value is not None and (not value or len(set(value)) != len(value)):
                raise ValueError(f"{field} must name something, each once")
        for name in self.namespaces or ():
            if not is_dns_label(name):
                raise ValueError(f"{name!r} is no namespace's name")
        for pattern in self.policies or ():
            team, _, name = pattern.partition("/")
            if not is_dns_label(team) or not (name == "*" or is_dns_label(name)):
                raise ValueError(f"{pattern!r} is neither team/name nor team/*")

    def suit(self, role: str) -> bool:
        """Tell whether a role can have these limits: the inventory has none, each other role its own."""
        of_waivers = Limits(max_days=self.max_days, policies=self.policies)
        if role in FLAT:
            return self == (of_waivers if role == WAIVERS else UNLIMITED)
        return of_waivers == UNLIMITED


UNLIMITED = Limits()


def from_plain(plain: Any) -> Limits:
    """Read limits from a delegation's entry.

    Raises:
        msgspec.ValidationError: they are not such limits, or say something that this version does not know.
    """
    return msgspec.convert(plain, Limits)


def to_plain(limits: Limits) -> dict[str, Any]:
    """Return limits as JSON types, lists for tuples, as whoever reads them has them; empty where nothing is limited."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(limits))
    return plain


def limited(document: FederatedNetworkPolicy, limits: Limits, path: str) -> FederatedNetworkPolicy:
    """Return what a policy may say under its team's limits: itself, or the same with a narrower subject.

    Raises:
        TrustError: EDICT0215 when its tier, its priority or an action of a rule is beyond them.
    """
    policy = document.spec.policy
    if limits.tiers is not None and policy.tier not in limits.tiers:
        raise _beyond(path, f"tier {policy.tier}", ", ".join(limits.tiers))
    span = limits.priorities
    if span is not None and not span.first <= policy.priority <= span.last:
        raise _beyond(path, f"priority {policy.priority}", f"{span.first} to {span.last}")
    if limits.actions is not None:
        used = {rule.action for rule in policy.ingress} | {rule.action for rule in policy.egress}
        for action in sorted(used - set(limits.actions)):
            raise _beyond(path, f"action {action}", ", ".join(limits.actions))
    if limits.namespaces is None:
        return document
    narrowed = replace(policy, subject=_within(policy.subject, limits.namespaces))
    return replace(document, spec=replace(document.spec, policy=narrowed))


def _within(subject: Subject, names: tuple[str, ...]) -> Subject:
    if subject.pods is not UNSET:
        pods = subject.pods
        return Subject(pods=NamespacedPod(pods.pod_selector, _named(pods.namespace_selector, names)))
    if subject.namespaces is not UNSET:
        return Subject(namespaces=_named(subject.namespaces, names))
    return subject


def _named(selector: LabelSelector, names: tuple[str, ...]) -> LabelSelector:
    requirement = LabelSelectorRequirement(NAMESPACE_NAME, Operator.IN, tuple(sorted(names)))
    return replace(selector, match_expressions=(*selector.match_expressions, requirement))


def _beyond(path: str, what: str, allowed: str) -> TrustError:
    return TrustError(
        Code.BEYOND_LIMITS,
        f"it has {what}, and its team may use {allowed} alone",
        where=path,
        remedy="change the document, or have the targets role widen the team's limits with `edict trust delegate`",
    )
