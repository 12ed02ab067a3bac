"""Who may sign waivers, where they are placed, and when they count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tuf.api.metadata import Targets

from edict.errors import TrustError
from edict.ids import ClusterName
from edict.policy.documents import Waiver
from edict.policy.parse import load_one
from edict.trust import documents, naming, verify
from edict.trust.custom import WaiverCustom, custom_of
from edict.trust.documents import read_document
from edict.trust.drafting import Base, Wish, draft
from edict.trust.limits import FIELD, UNLIMITED, Limits
from edict.trust.placement import placed
from edict.trust.roles import ROOT, TARGETS, WAIVERS
from edict.trust.state import TrustState
from edict.trust.waivers import beyond_limits, counts_from, has_ended
from tests.unit.trust.federation import NOW, Federation, cluster, policy
from tests.unit.trust.test_verify import resigned
from tests.unit.trust.waiving import LATER, delegate, waive, waiver

HOTFIX = "waivers/hotfix"


def advance(fed: Federation) -> TrustState:
    return verify.advance(fed.pinned(), fed.publish(), now=NOW)


@pytest.fixture
def fed() -> Federation:
    federation = Federation()
    federation.put(cluster("a", "{env: prod}"), cluster("b", "{env: dev}"), policy("deny"))
    return federation


def test_a_federation_may_do_without_waivers(fed: Federation) -> None:
    assert {target.kind for target in advance(fed).documents.values()} == {"FederatedNetworkPolicy", "ManagedCluster"}


def test_a_waiver_is_verified_and_read(fed: Federation) -> None:
    content = waiver("hotfix", rule="out")
    waive(fed, delegate(fed, Limits(max_days=7)), content)
    target = advance(fed).documents[HOTFIX]
    assert (target.kind, target.team, target.name, target.limits) == ("Waiver", "", "hotfix", Limits(max_days=7))
    document = read_document(target, content)
    assert isinstance(document, Waiver)
    assert isinstance(target.custom, WaiverCustom)
    assert target.custom.rule == document.spec.rule
    assert target.custom.expires == LATER


def test_a_waiver_that_a_team_signed_rejects_the_release(fed: Federation) -> None:
    key = delegate(fed)
    waive(fed, fed.keys.teams["net"], waiver("hotfix"))
    with pytest.raises(TrustError, match="EDICT0202") as caught:
        advance(fed)
    assert caught.value.where.startswith("metadata/waivers/")
    delegate(fed, by=fed.keys.teams["net"])
    waive(fed, fed.keys.teams["net"], waiver("hotfix"))
    assert HOTFIX in advance(fed).documents, "with its key in the delegation the team's signature would count"
    assert key.public_key != fed.keys.teams["net"].public_key


def move(source: str, to: str, path: str) -> Callable[[Federation, Any], None]:
    """Take the description of a document out of a role, and put it under a path into another."""

    def edit(fed: Federation, key: Any) -> None:
        found: list[Any] = []
        team = fed.keys.teams["net"]
        by = {WAIVERS: key, "inventory": fed.keys.inventory}

        def take(signed: Targets) -> None:
            found.append(signed.targets.popitem()[1])

        def put(signed: Targets) -> None:
            signed.targets[path] = found[0]

        fed.metadata[source] = resigned(fed.metadata[source], by.get(source, team), take)
        fed.metadata[to] = resigned(fed.metadata[to], by.get(to, team), put)

    return edit


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (move(WAIVERS, "policies/net-4", HOTFIX), "EDICT0213"),
        (move(WAIVERS, "policies/net-4", "policies/net/deny"), "EDICT0214"),
        (move(WAIVERS, "inventory", "inventory/hotfix"), "EDICT0214"),
        (move("policies/net-4", WAIVERS, "policies/net/deny"), "EDICT0213"),
        (move("policies/net-4", WAIVERS, "waivers/deny"), "EDICT0214"),
        (move("inventory", WAIVERS, "waivers/b"), "EDICT0214"),
    ],
)
def test_each_role_names_its_own_kind_alone(
    fed: Federation, edit: Callable[[Federation, Any], None], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = delegate(fed)
    waive(fed, key, waiver("hotfix"))
    assert advance(fed).release, "unmoved it is a good release"
    edit(fed, key)
    with pytest.raises(TrustError, match=code):
        advance(fed)
    if code == "EDICT0214":
        monkeypatch.setattr(naming, "_POLICY", ("FederatedNetworkPolicy", object))
        monkeypatch.setattr(naming, "_FLAT", dict.fromkeys(("inventory", WAIVERS), ("Waiver", object)))
        assert advance(fed).release, "without the check one kind passes for another"


def entry_of(top: Targets, role: str) -> Any:
    assert top.delegations is not None
    assert top.delegations.roles is not None
    return top.delegations.roles[role]


@pytest.mark.parametrize(
    ("role", "limits"),
    [
        (WAIVERS, {"tiers": ["Admin"]}),
        (WAIVERS, {"maxDays": 0}),
        (WAIVERS, {"maxDays": "7"}),
        (WAIVERS, {"max_days": 7}),
        (WAIVERS, {"policies": []}),
        (WAIVERS, {"policies": ["*"]}),
        (WAIVERS, {"policies": ["net/*", "net/*"]}),
        (WAIVERS, {"policies": ["net/a/b"]}),
        ("inventory", {"maxDays": 7}),
        ("policies/net", {"maxDays": 7}),
        ("policies/net", {"policies": ["net/*"]}),
    ],
)
def test_limits_of_another_role_or_of_no_meaning_reject_the_release(
    fed: Federation, role: str, limits: dict[str, Any]
) -> None:
    delegate(fed)

    def limit(top: Targets) -> None:
        entry_of(top, role).unrecognized_fields = {FIELD: limits}

    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, limit)
    with pytest.raises(TrustError, match="EDICT0214"):
        advance(fed)


def wider_paths(top: Targets) -> None:
    entry_of(top, WAIVERS).paths = ["waivers/*", "policies/*/*"]


def passed_on(top: Targets) -> None:
    entry_of(top, WAIVERS).terminating = False


@pytest.mark.parametrize("edit", [wider_paths, passed_on])
def test_the_role_owns_its_paths_alone_and_ends_the_search(fed: Federation, edit: Callable[[Targets], None]) -> None:
    delegate(fed)
    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, edit)
    with pytest.raises(TrustError, match="EDICT0214"):
        advance(fed)


def test_a_document_that_says_more_than_its_signed_copy_is_refused(
    fed: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = delegate(fed)
    waive(fed, key, waiver("hotfix"))
    later = load_one(waiver("hotfix", expires=LATER + timedelta(days=300)), "test")

    def longer(signed: Targets) -> None:
        plain = signed.targets[HOTFIX].unrecognized_fields["custom"]
        plain["expires"] = later.spec.expires.isoformat()  # type: ignore[union-attr]

    fed.metadata[WAIVERS] = resigned(fed.metadata[WAIVERS], key, longer)
    target = advance(fed).documents[HOTFIX]
    with pytest.raises(TrustError, match="EDICT0221"):
        read_document(target, waiver("hotfix"))
    monkeypatch.setattr(documents, "custom_of", lambda _document: target.custom)
    assert read_document(target, waiver("hotfix")), "without the comparison the copy could last longer"


def test_new_limits_count_for_waivers_that_did_not_change(fed: Federation) -> None:
    key = delegate(fed)
    waive(fed, key, waiver("hotfix"))
    state = advance(fed)
    assert state.documents[HOTFIX].limits == UNLIMITED
    before = fed.metadata[WAIVERS]
    delegate(fed, Limits(policies=("other/*",)), by=key)
    assert fed.metadata[WAIVERS] == before
    after = verify.advance(state, fed.publish(), now=NOW)
    assert after.documents[HOTFIX].limits == Limits(policies=("other/*",))


def test_a_role_that_is_taken_away_takes_its_waivers_with_it(fed: Federation) -> None:
    waive(fed, delegate(fed), waiver("hotfix"))
    state = advance(fed)
    made = draft(Base(fed.metadata[ROOT], fed.targets), Wish({WAIVERS: None}), NOW)
    made[TARGETS].sign(fed.keys.targets)
    fed.metadata[TARGETS] = made[TARGETS].to_bytes()
    after = verify.advance(state, fed.publish(), now=NOW)
    assert HOTFIX in state.documents
    assert HOTFIX not in after.documents


@pytest.mark.parametrize(
    ("content", "here"),
    [
        (waiver("hotfix"), {"a", "b"}),
        (waiver("hotfix", clusters="{matchLabels: {env: prod}}"), {"a"}),
        (waiver("hotfix", "net/prod"), {"a"}),
        (waiver("hotfix", "net/gone"), set()),
        (waiver("hotfix", "gone/deny"), set()),
        (waiver("hotfix", expires=NOW - timedelta(days=1)), {"a", "b"}),
    ],
)
def test_a_waiver_is_placed_where_it_and_its_policy_are(fed: Federation, content: bytes, here: set[str]) -> None:
    fed.put(policy("prod", selector="{matchLabels: {env: prod}}", priority=11))
    waive(fed, delegate(fed), content)
    state = advance(fed)
    found = {name for name in "ab" if HOTFIX in [target.path for target in placed(state, ClusterName(name))]}
    assert found == here


def copy(**more: Any) -> WaiverCustom:
    custom = custom_of(load_one(waiver("hotfix", **more), "test"))
    assert isinstance(custom, WaiverCustom)
    return custom


def test_a_waiver_ends_at_its_end() -> None:
    assert not has_ended(copy(), LATER - timedelta(microseconds=1))
    assert has_ended(copy(), LATER)


@pytest.mark.parametrize(
    ("limits", "days_before", "counts"),
    [
        (UNLIMITED, 3000, True),
        (Limits(max_days=2), 3, False),
        (Limits(max_days=2), 2, True),
        (Limits(max_days=2), 1, True),
        (Limits(policies=("net/deny",)), 1, True),
        (Limits(policies=("a/*", "net/*")), 1, True),
        (Limits(policies=("ne/*", "net/den", "a/deny")), 1, False),
    ],
)
def test_what_is_beyond_the_limits_does_not_count(limits: Limits, days_before: int, *, counts: bool) -> None:
    now = LATER - timedelta(days=days_before)
    error = beyond_limits(copy(), limits, HOTFIX, now)
    assert (error is None) == counts
    if error is not None:
        assert (error.code, error.where) == ("EDICT0215", HOTFIX)


def test_a_long_waiver_counts_in_its_last_days_alone_whenever_it_was_signed() -> None:
    limits = Limits(max_days=30)
    long = copy(expires=NOW + timedelta(days=1000))
    begins = counts_from(long, limits)
    assert begins == NOW + timedelta(days=970)
    assert beyond_limits(long, limits, HOTFIX, begins - timedelta(seconds=1)) is not None
    assert beyond_limits(long, limits, HOTFIX, begins) is None
    assert counts_from(long, UNLIMITED) is None


def test_an_end_at_the_edge_of_the_calendar_is_judged_too() -> None:
    far = copy(expires=NOW.replace(year=9000))
    assert beyond_limits(far, Limits(max_days=1), HOTFIX, NOW) is not None
    assert not has_ended(far, NOW)
