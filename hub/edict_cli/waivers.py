"""Waivers before they are signed and in a release: which count, which cannot, and which end soon. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from edict.errors import DocumentError
from edict.policy.checks import Finding
from edict.policy.codes import Code as Document
from edict.policy.documents import AnyDocument, FederatedNetworkPolicy, Waiver
from edict.policy.origin import Where
from edict.policy.parse import load_one
from edict.policy.rules import rules_of
from edict.policy.selectors import matches
from edict.trust.custom import ClusterCustom, PolicyCustom, WaiverCustom, custom_of
from edict.trust.limits import Limits
from edict.trust.roles import policy_path_of
from edict.trust.state import TrustState
from edict.trust.waivers import beyond_limits, has_ended

SOON = timedelta(days=1)
_NO_POLICY = "there is no policy"
_NOTHING, _ENDED = (f"EDICT{code:04d}" for code in (Document.WAIVED_NOTHING, Document.WAIVER_ENDED))


class WaiverEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One waiver of the release, and the clusters on which its policy is placed and it is for.

    Attributes:
        rule: ``ingress NAME`` or ``egress NAME``; empty where the whole policy is waived.
        state: ``in force``, ``ended``, ``beyond limits``, or ``waives nothing``.
        why: of the last two.
    """

    waiver: str
    policy: str
    rule: str
    clusters: tuple[str, ...]
    approver: str
    reason: str
    expires: datetime
    state: str
    why: str


def check(documents: Mapping[str, AnyDocument], limits: Limits, now: datetime) -> None:
    """Refuse waivers that count nowhere from the beginning.

    Args:
        documents: what is to be signed or published, by path.
        limits: of the role of waivers.
        now: for both.

    Raises:
        DocumentError: EDICT0153 for one that has ended.
        TrustError: EDICT0215 for one beyond its limits.
    """
    for path, _, copy in _waivers(documents):
        if has_ended(copy, now):
            raise DocumentError(
                Document.WAIVER_ENDED,
                f"it ended at {_moment(copy.expires)}",
                where=Where("Waiver", "spec.expires", path),
                remedy="sign it anew with a later end, or take it out with `edict sign --remove-waiver`",
            )
        if (error := beyond_limits(copy, limits, path, now)) is not None:
            raise error


def findings(documents: Mapping[str, AnyDocument], limits: Limits, now: datetime) -> Iterator[Finding]:
    """Yield what to say of the waivers of a whole release: those that have ended, end soon, or waive nothing."""
    for path, _, copy in _waivers(documents):
        where = Where("Waiver", "spec.expires", path)
        if has_ended(copy, now):
            remedy = f"edict sign --remove-waiver {path.rpartition('/')[2]}, or sign it anew with a later end"
            yield Finding(_ENDED, where, f"it ended at {_moment(copy.expires)}: its policy is enforced", remedy)
            continue
        if has_ended(copy, now + SOON):
            yield Finding(
                _ENDED, where, f"it ends within a day, at {_moment(copy.expires)}", "sign it anew to renew it"
            )
        if (error := beyond_limits(copy, limits, path, now)) is not None:
            yield Finding(error.code, where, error.what, error.remedy)
        if why := _nothing(copy, documents):
            yield _waives_nothing(path, why)


def absent(contents: Mapping[str, bytes | None], known: Collection[str]) -> Iterator[Finding]:
    """Yield a warning for each waiver of a policy that is not there.

    Args:
        contents: what was signed, by path.
        known: the paths of all documents.
    """
    documents = {path: load_one(content, path) for path, content in contents.items() if content is not None}
    for path, _, copy in _waivers(documents):
        if policy_path_of(copy.policy) not in known:
            yield _waives_nothing(path, f"{_NO_POLICY} {copy.policy}")


def entries(state: TrustState, documents: Mapping[str, AnyDocument], now: datetime) -> list[WaiverEntry]:
    """Return the waivers of a release, those that end first at the top.

    Args:
        state: the verified release.
        documents: its waivers and the policies that are waived, by path.
        now: for what counts.
    """
    found = []
    for path, waiver, copy in _waivers(documents):
        error = beyond_limits(copy, state.documents[path].limits, path, now)
        nothing = _nothing(copy, documents)
        if has_ended(copy, now):
            judged, why = "ended", ""
        elif error is not None:
            judged, why = "beyond limits", error.what
        else:
            judged, why = ("waives nothing", nothing) if nothing else ("in force", "")
        entry = WaiverEntry(
            waiver=waiver.metadata.name,
            policy=copy.policy,
            rule=f"{copy.rule.direction} {copy.rule.name}" if copy.rule else "",
            clusters=tuple(_clusters(copy, state)),
            approver=waiver.spec.approver,
            reason=waiver.spec.reason,
            expires=copy.expires.astimezone(UTC),
            state=judged,
            why=why,
        )
        found.append(entry)
    return sorted(found, key=lambda entry: (entry.expires, entry.waiver))


def _waivers(documents: Mapping[str, AnyDocument]) -> Iterator[tuple[str, Waiver, WaiverCustom]]:
    for path, document in sorted(documents.items()):
        if isinstance(document, Waiver):
            copy = custom_of(document)
            if isinstance(copy, WaiverCustom):
                yield path, document, copy


def _nothing(copy: WaiverCustom, documents: Mapping[str, AnyDocument]) -> str:
    """Return why a waiver waives nothing; empty where it waives something."""
    policy = documents.get(policy_path_of(copy.policy))
    if not isinstance(policy, FederatedNetworkPolicy):
        return f"{_NO_POLICY} {copy.policy}"
    wanted = copy.rule
    if wanted is None:
        return ""
    count = sum(
        (rule.direction, rule.rule.name) == (wanted.direction, wanted.name) for rule in rules_of(policy.spec.policy)
    )
    if count == 1:
        return ""
    return f"{copy.policy} has {count or 'no'} {wanted.direction} rule{'s' if count else ''} named {wanted.name!r}"


def _waives_nothing(path: str, why: str) -> Finding:
    where = Where("Waiver", "spec.policy", path)
    remedy = "`edict get policy TEAM/NAME` shows the names of a policy's rules"
    if why.startswith(_NO_POLICY):
        remedy = "`edict get policies` lists what there is"
    return Finding(_NOTHING, where, f"it waives nothing: {why}", remedy)


def _clusters(copy: WaiverCustom, state: TrustState) -> Iterator[str]:
    """Yield the clusters on which the policy is placed and that the waiver selects."""
    policy = state.documents.get(policy_path_of(copy.policy))
    if policy is None or not isinstance(policy.custom, PolicyCustom):
        return
    selectors = [copy.cluster_selector, policy.custom.cluster_selector]
    selectors += [policy.limits.clusters] if policy.limits.clusters is not None else []
    for _, target in sorted(state.documents.items()):
        cluster = target.custom
        if isinstance(cluster, ClusterCustom) and all(matches(one, cluster.labels) for one in selectors):
            yield target.name


def _moment(then: datetime) -> str:
    return f"{then.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
