"""Conformance comes from receipts that the pinned key signed, and from nothing that a hub says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Digest
from edict.trust.receipts import PolicyReport, PolicyState
from edict.trust.state import TrustState
from edict_cli.conformance import ClusterView, Seen, rollup
from edict_cli.evidence import evaluate
from edict_cli.store.workspace import Workspace
from tests.unit.cli.authors import NOW, MemoryHub, cluster, policy, publish, put
from tests.unit.cli.reporting import ReportingCluster

PATHS = ("policies/net/one", "policies/net/two")


@pytest.fixture
def fra1() -> ReportingCluster:
    return ReportingCluster("fra1")


@pytest.fixture
def state(workspace: Workspace, hub: MemoryHub, fra1: ReportingCluster) -> TrustState:
    put(workspace, policy("one"), policy("two", priority=11), inventory_fra1=cluster("fra1", fra1.public))
    publish(workspace, hub)
    return hub.verified


def reports(state: TrustState, verdict: PolicyState = PolicyState.COMPLIANT) -> list[PolicyReport]:
    """One compliant report for `one`, and one with the verdict for `two`."""
    digests = [Digest(state.documents[path].digest) for path in PATHS]
    states = (PolicyState.COMPLIANT, verdict)
    return [
        PolicyReport(path.removeprefix("policies/"), digest, said)
        for path, digest, said in zip(PATHS, digests, states, strict=True)
    ]


def judged(state: TrustState, said: pb.ClusterStatus, seen: Seen | None = None) -> ClusterView:
    return evaluate(state, ClusterName("fra1"), said, now=NOW, seen=seen)[0]


def test_a_signed_chain_is_believed(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state, PolicyState.PENDING), release=1, time=NOW)
    fra1.report(*reports(state), release=1, time=NOW)
    view = judged(state, fra1.said())
    assert (view.state, view.release, view.sequence) == (PolicyState.COMPLIANT, 1, 2)
    assert rollup(view) == "Compliant 2"


def test_the_worst_policy_gives_the_state(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state, PolicyState.DEGRADED), release=1, time=NOW)
    view = judged(state, fra1.said())
    assert view.state is PolicyState.DEGRADED
    assert rollup(view) == "Degraded 1 · Compliant 1"


def unknown_because(view: ClusterView, reason: str) -> bool:
    states = {report.state for report in view.policies}
    return view.state is PolicyState.UNKNOWN and states == {PolicyState.UNKNOWN} and reason in view.reason


def test_silence_is_unknown_however_connected(state: TrustState) -> None:
    said = pb.ClusterStatus(name="fra1", connected=True, last_seen_unix=1, acked_applied=1)
    assert unknown_because(judged(state, said), "no receipt")


def test_old_receipts_are_silence(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW - timedelta(minutes=16))
    assert unknown_because(judged(state, fra1.said()), "16 min old")


def test_a_receipt_from_the_future_proves_nothing_of_now(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW + timedelta(days=365))
    assert unknown_because(judged(state, fra1.said()), "from the future")


def test_a_time_that_is_none_does_not_end_the_judgement(state: TrustState) -> None:
    assert judged(state, pb.ClusterStatus(name="fra1", last_seen_unix=2**62)).last_seen is None


def test_a_receipt_of_another_key_is_unknown(state: TrustState) -> None:
    forger = ReportingCluster("fra1", Ed25519PrivateKey.generate())
    forger.report(*reports(state), release=1, time=NOW)
    view = judged(state, forger.said())
    assert unknown_because(view, "not signed by the key that is pinned")
    assert view.code == "EDICT0242"


def test_a_changed_receipt_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state, PolicyState.DEGRADED), release=1, time=NOW)
    said = fra1.said()
    said.receipts[0].envelope = said.receipts[0].envelope.replace(b'"sig":"', b'"sig":"0')
    assert judged(state, said).state is PolicyState.UNKNOWN


def test_a_receipt_of_another_cluster_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    other = ReportingCluster("fra2", fra1.key)
    other.report(*reports(state), release=1, time=NOW)
    assert judged(state, other.said()).code == "EDICT0243"


def test_a_gap_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    for verdict in (PolicyState.COMPLIANT, PolicyState.DEGRADED, PolicyState.COMPLIANT):
        fra1.report(*reports(state, verdict), release=1, time=NOW)
    del fra1.chain[1]
    assert judged(state, fra1.said()).code == "EDICT0244"


def test_a_chain_without_its_base_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state, PolicyState.DEGRADED), release=1, time=NOW)
    fra1.report(*reports(state), release=1, time=NOW)
    del fra1.chain[0]
    assert judged(state, fra1.said()).code == "EDICT0244"


def test_a_tail_that_was_seen_and_is_gone_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW)
    fra1.report(*reports(state, PolicyState.DEGRADED), release=1, time=NOW)
    _, seen = evaluate(state, ClusterName("fra1"), fra1.said(), now=NOW)
    fra1.chain.pop()
    assert judged(state, fra1.said()).state is PolicyState.COMPLIANT
    assert unknown_because(judged(state, fra1.said(), seen), "end at 1 now")


def test_a_reinstalled_cluster_starts_its_chain_anew(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW)
    before = Seen("an older key", 9, "")
    assert judged(state, fra1.said(), before).state is PolicyState.COMPLIANT


def test_without_a_pinned_key_everything_is_unknown(
    workspace: Workspace, hub: MemoryHub, fra1: ReportingCluster
) -> None:
    put(workspace, policy("one"), policy("two", priority=11), inventory_fra1=cluster("fra1"))
    publish(workspace, hub)
    fra1.report(*reports(hub.verified), release=1, time=NOW)
    said = fra1.said()
    assert unknown_because(judged(hub.verified, said), "it has not enrolled; give its agent the token of")
    said.pending_receipt_key = b"k" * 32
    assert unknown_because(judged(hub.verified, said), "edict cluster approve fra1")


def test_a_policy_that_the_cluster_leaves_out_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(reports(state)[0], release=1, time=NOW)
    view = judged(state, fra1.said())
    assert [report.state for report in view.policies] == [PolicyState.COMPLIANT, PolicyState.UNKNOWN]
    assert view.state is PolicyState.UNKNOWN


def test_another_version_of_a_policy_is_not_compliant(state: TrustState, fra1: ReportingCluster) -> None:
    one, two = reports(state)
    fra1.report(one, PolicyReport(two.policy, one.document, PolicyState.COMPLIANT), release=1, time=NOW)
    assert judged(state, fra1.said()).policies[1].state is PolicyState.UNKNOWN


def test_a_cluster_that_is_behind_is_pending_where_it_matters(
    workspace: Workspace, hub: MemoryHub, state: TrustState, fra1: ReportingCluster
) -> None:
    fra1.report(*reports(state), release=1, time=NOW)
    put(workspace, policy("two", priority=12))
    publish(workspace, hub)
    view = judged(hub.verified, fra1.said())
    assert (view.behind, rollup(view)) == (1, "Pending 1 · Compliant 1")


def test_a_cluster_that_is_ahead_of_what_the_hub_shows_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=7, time=NOW)
    assert unknown_because(judged(state, fra1.said()), "the hub shows 1 here")


def test_a_policy_that_is_not_placed_there_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    extra = PolicyReport("net/old", Digest("0" * 64), PolicyState.COMPLIANT)
    fra1.report(*reports(state), extra, release=1, time=NOW)
    assert judged(state, fra1.said()).policies[2].state is PolicyState.UNKNOWN


def test_a_cluster_that_is_not_in_the_inventory_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW)
    view, seen = evaluate(state, ClusterName("fra9"), fra1.said(), now=NOW)
    assert (view.state, seen) == (PolicyState.UNKNOWN, None)


def test_past_the_end_of_its_release_a_cluster_is_stale(state: TrustState, fra1: ReportingCluster) -> None:
    assert state.expires is not None
    fra1.report(*reports(state), release=1, time=state.expires, snapshot_expires=state.expires)
    before, _ = evaluate(state, ClusterName("fra1"), fra1.said(), now=state.expires - timedelta(seconds=1))
    after, _ = evaluate(state, ClusterName("fra1"), fra1.said(), now=state.expires)
    assert (before.stale, before.state) == (False, PolicyState.COMPLIANT)
    assert (after.stale, after.state, rollup(after)) == (True, PolicyState.STALE, "Stale · Compliant 2")
    assert "Stale: release 1 expired at" in after.reason


def test_a_cluster_that_a_hub_holds_back_is_seen_by_what_it_signed(
    workspace: Workspace, hub: MemoryHub, state: TrustState, fra1: ReportingCluster
) -> None:
    """The publisher knows release 2; the cluster was shown none after the first, which ends."""
    assert state.expires is not None
    put(workspace, policy("three", selector="{matchLabels: {env: none}}", priority=12))
    publish(workspace, hub)
    now = state.expires + timedelta(hours=1)
    fra1.report(*reports(state), release=1, time=now, snapshot_expires=state.expires)
    view, _ = evaluate(hub.verified, ClusterName("fra1"), fra1.said(), now=now)
    assert (view.behind, view.stale, view.state) == (1, True, PolicyState.STALE)
    assert view.reason.startswith("behind by 1; Stale")


def test_another_release_under_the_same_number_is_unknown(state: TrustState, fra1: ReportingCluster) -> None:
    assert state.expires is not None
    fra1.report(*reports(state), release=1, time=NOW, snapshot_expires=state.expires + timedelta(days=1))
    view = judged(state, fra1.said())
    assert unknown_because(view, "is not the one that is known here")
    assert view.code == "EDICT0209"


def test_a_lost_floor_is_shown_until_it_is_cleared(state: TrustState, fra1: ReportingCluster) -> None:
    fra1.report(*reports(state), release=1, time=NOW, floor_lost="2026-05-01T11:00:00Z")
    view = judged(state, fra1.said())
    assert (view.state, rollup(view)) == (PolicyState.DEGRADED, "FloorLost · Compliant 2")
    assert "FloorLost since 2026-05-01T11:00:00Z" in view.reason
    assert "edict cluster clear-floor fra1" in view.reason
    fra1.report(*reports(state), release=1, time=NOW)
    assert judged(state, fra1.said()).state is PolicyState.COMPLIANT


def test_a_chain_that_goes_on_after_a_gap_is_believed_and_the_gap_is_shown(
    state: TrustState, fra1: ReportingCluster
) -> None:
    for verdict in (PolicyState.COMPLIANT, PolicyState.DEGRADED, PolicyState.DRIFTED):
        fra1.report(*reports(state, verdict), release=1, time=NOW)
    fra1.report(*reports(state), release=1, time=NOW, base=True)
    relayed = fra1.said()
    del relayed.receipts[1:3]
    view = judged(state, relayed)
    assert (view.state, view.missing, view.reason) == (PolicyState.COMPLIANT, "2-3", "receipts 2-3 are missing")
    _, seen = evaluate(state, ClusterName("fra1"), relayed, now=NOW)
    fra1.report(*reports(state), release=1, time=NOW, base=True)
    later = fra1.said()
    del later.receipts[:4]
    assert judged(state, later, seen).state is PolicyState.COMPLIANT


def test_what_was_seen_before_a_base_cannot_be_another(state: TrustState, fra1: ReportingCluster) -> None:
    """A hub that relays from the newest base on cannot have put another receipt in the place of the one before."""
    fra1.report(*reports(state, PolicyState.DEGRADED), release=1, time=NOW)
    _, seen = evaluate(state, ClusterName("fra1"), fra1.said(), now=NOW)
    assert seen is not None
    fra1.report(*reports(state), release=1, time=NOW, base=True)
    relayed = fra1.said()
    del relayed.receipts[0]
    assert judged(state, relayed, seen).state is PolicyState.COMPLIANT
    other = Seen(seen.key, seen.sequence, "0" * 64)
    assert unknown_because(judged(state, relayed, other), "receipt 1 is not the one that was seen before")
