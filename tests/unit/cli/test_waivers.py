"""Waivers on the author's side: who may sign which, what a release says of them, and what clusters may claim."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from edict.errors import DocumentError, TrustError, UsageError
from edict.ids import ClusterName, Digest
from edict.trust.limits import Limits
from edict.trust.receipts import PolicyReport, PolicyState
from edict_cli import evidence, release, waivers
from edict_cli.conformance import ClusterView
from edict_cli.signing import Difference, sign
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import NOW, FixedClock, MemoryHub, cluster, policy, publish, put
from tests.unit.cli.reporting import ReportingCluster
from tests.unit.cli.waived import delegate, waiver

LATER = NOW + timedelta(days=3)
FRA1 = ReportingCluster("fra1")


@pytest.fixture
def released(workspace: Workspace, hub: MemoryHub) -> Workspace:
    """A published federation with two clusters, one policy, and a role that may sign waivers."""
    put(workspace, policy("deny"), inventory_fra1=cluster("fra1", FRA1.public), inventory_ber1=cluster("ber1"))
    delegate(workspace)
    publish(workspace, hub)
    return workspace


def entries(workspace: Workspace, hub: MemoryHub) -> list[waivers.WaiverEntry]:
    state = hub.verified
    documents = release.documents(workspace, hub, state.documents.values())
    return waivers.entries(state, documents, workspace.session.now())


def test_a_waiver_is_signed_published_and_listed(released: Workspace, hub: MemoryHub) -> None:
    [signed] = put(released, waivers_hotfix=waiver("hotfix", "net/deny", LATER, clusters="{matchLabels: {env: prod}}"))
    assert (signed.document, signed.change) == ("waivers/hotfix", Difference.ADDED)
    publish(released, hub)
    [entry] = entries(released, hub)
    assert (entry.waiver, entry.policy, entry.state, entry.clusters) == ("hotfix", "net/deny", "in force", ())
    assert (entry.expires, entry.approver) == (LATER, "Ann Other")


def test_narrowing_and_removing_a_waiver_are_releases_like_any_other(released: Workspace, hub: MemoryHub) -> None:
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", LATER))
    publish(released, hub)
    assert entries(released, hub)[0].clusters == ("ber1", "fra1")
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", LATER, clusters="{matchLabels: {env: none}}"))
    publish(released, hub)
    assert entries(released, hub)[0].clusters == ()
    sign(released, {"waivers/hotfix": None})
    publish(released, hub)
    assert entries(released, hub) == []


def test_without_the_role_nobody_signs_waivers(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="nobody may sign waivers") as caught:
        put(workspace, waivers_hotfix=waiver("hotfix", "net/deny", LATER))
    assert caught.value.code == "EDICT0608"


def test_a_waiver_that_has_ended_is_not_signed(released: Workspace) -> None:
    with pytest.raises(DocumentError, match=r"EDICT0153.*it ended at"):
        put(released, waivers_hotfix=waiver("hotfix", "net/deny", NOW))
    assert put(released, waivers_hotfix=waiver("hotfix", "net/deny", NOW + timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("limits", "fits"),
    [
        (Limits(max_days=2), False),
        (Limits(max_days=3), True),
        (Limits(policies=("net/*",)), True),
        (Limits(policies=("net/deny",)), True),
        (Limits(policies=("net/den", "other/*")), False),
    ],
)
def test_a_waiver_beyond_the_limits_is_not_signed(workspace: Workspace, limits: Limits, *, fits: bool) -> None:
    delegate(workspace, limits)
    content = waiver("hotfix", "net/deny", LATER)
    if fits:
        assert put(workspace, waivers_hotfix=content)
        return
    with pytest.raises(TrustError, match="EDICT0215"):
        put(workspace, waivers_hotfix=content)


def test_a_waiver_that_ends_while_it_is_pending_is_not_published(released: Workspace, hub: MemoryHub) -> None:
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", NOW + timedelta(hours=1)))
    clock = released.session.clock
    assert isinstance(clock, FixedClock)
    clock.time += timedelta(hours=2)
    with pytest.raises(DocumentError, match="EDICT0153"):
        publish(released, hub)
    clock.time -= timedelta(hours=2)
    assert publish(released, hub).action == "published", "in time it goes out"


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (waiver("hotfix", "net/deny", NOW + timedelta(hours=23)), "EDICT0153.*it ends within a day"),
        (waiver("hotfix", "net/gone", LATER), "EDICT0152.*there is no policy net/gone"),
        (waiver("hotfix", "net/deny", LATER, rule="gone"), "EDICT0152.*net/deny has no egress rule named 'gone'"),
    ],
)
def test_publish_warns_of_waivers_that_end_soon_or_waive_nothing(
    released: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str], content: bytes, warning: str
) -> None:
    put(released, waivers_hotfix=content)
    capsys.readouterr()
    publish(released, hub)
    assert len(re.findall(warning, capsys.readouterr().err)) == 1


def test_a_waiver_for_days_is_no_matter(
    released: Workspace, hub: MemoryHub, capsys: pytest.CaptureFixture[str]
) -> None:
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", LATER))
    publish(released, hub)
    assert "EDICT015" not in capsys.readouterr().err


def claimed(hub: MemoryHub, state: PolicyState, *, release_: int = 0) -> ClusterView:
    """What `edict status` makes of a cluster that says this of the policy."""
    reporting = ReportingCluster("fra1", FRA1.key)
    digest = Digest(hub.verified.documents["policies/net/deny"].digest)
    report = PolicyReport("net/deny", digest, state, reason="waived until then by her: hotfix")
    reporting.report(report, release=release_ or hub.verified.release, time=NOW)
    return evidence.evaluate(hub.verified, ClusterName("fra1"), reporting.said(), now=NOW)[0]


def test_a_waived_policy_shows_as_waived_and_until_when(released: Workspace, hub: MemoryHub) -> None:
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", LATER))
    publish(released, hub)
    view = claimed(hub, PolicyState.WAIVED)
    assert view.state is PolicyState.WAIVED
    assert "until" in view.policies[0].reason


def test_a_cluster_cannot_call_a_policy_waived_that_nobody_waived(released: Workspace, hub: MemoryHub) -> None:
    view = claimed(hub, PolicyState.WAIVED)
    assert view.state is PolicyState.UNKNOWN
    assert "no waiver says so" in view.policies[0].reason
    put(released, waivers_else=waiver("else", "net/deny", LATER, clusters="{matchLabels: {env: none}}"))
    publish(released, hub)
    assert claimed(hub, PolicyState.WAIVED).state is PolicyState.UNKNOWN, "a waiver for other clusters is none here"


def test_a_cluster_cannot_call_a_policy_waived_whose_waiver_has_ended(released: Workspace, hub: MemoryHub) -> None:
    put(released, waivers_hotfix=waiver("hotfix", "net/deny", NOW + timedelta(minutes=1)))
    publish(released, hub)
    state = hub.verified
    reporting = ReportingCluster("fra1", FRA1.key)
    report = PolicyReport("net/deny", Digest(state.documents["policies/net/deny"].digest), PolicyState.WAIVED)
    for minutes, verdict in ((2, PolicyState.WAIVED), (10, PolicyState.UNKNOWN)):
        now = NOW + timedelta(minutes=minutes)
        reporting.report(report, release=state.release, time=now)
        view, _ = evidence.evaluate(state, ClusterName("fra1"), reporting.said(), now=now)
        assert view.state is verdict


def test_a_cluster_that_has_not_heard_that_a_waiver_was_taken_away_is_pending(
    released: Workspace, hub: MemoryHub
) -> None:
    before = hub.verified.release
    publish(released, hub, refresh=True)
    assert claimed(hub, PolicyState.WAIVED, release_=before).state is PolicyState.PENDING
