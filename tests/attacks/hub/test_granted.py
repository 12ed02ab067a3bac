"""What a stolen hub is granted, and where it ends: one complete older release, until its snapshot expires, and seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edict.errors import AgentError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName, Digest
from edict.trust import verify
from edict.trust.receipts import PolicyReport, PolicyState
from edict_agent.codes import Code
from edict_agent.conformance.chain import Chain
from edict_agent.conformance.statement import Statement
from edict_agent.reporter import STATUS, Reporter
from edict_agent.store.secrets import StateStore
from edict_cli import release
from edict_cli.evidence import evaluate
from edict_cli.fleet import Fleet, FleetView
from edict_cli.store.workspace import Workspace
from tests.attacks.thief import stamped
from tests.attacks.victims import Victim, message
from tests.unit.agent.test_chain import KEY
from tests.unit.cli import authors
from tests.unit.cli.authors import MemoryHub, founded, publish, put, reopened
from tests.unit.cli.reporting import ReportingCluster
from tests.unit.trust.federation import Federation, cluster, policy

DAY = timedelta(days=1)
PINNED = f"plugin: cilium, receiptKey: {{public: {KEY.public_key().public_bytes_raw().hex()}}}".encode()


@pytest.fixture
def fed(fed: Federation) -> Federation:
    """The receipt key of cluster a is pinned, and there is a second policy."""
    fed.put(cluster("a", "{env: prod}").replace(b"plugin: cilium", PINNED), policy("other", priority=20))
    return fed


def days(fed: Federation, victim: Victim, count: float) -> None:
    """Let time pass for everybody."""
    fed.now += count * DAY
    victim.clock.turn(count * DAY)


async def test_one_complete_older_release_is_granted_until_its_snapshot_expires(fed: Federation) -> None:
    old = fed.publish()
    fed.put(policy("deny", priority=11))
    fed.publish()
    held, fresh = await Victim.of(fed), await Victim.of(fed)
    for _ in range(6):
        await held.hears(message(stamped(fed, old), fed.blobs))
        days(fed, held, 1)
    fresh.clock.turn(6 * DAY)
    await fresh.hears(message(stamped(fed, old), fed.blobs))
    for each in (held, fresh):
        assert {name: each.priority(name) for name in each.policies} == {"net/deny": 10, "net/other": 20}, "it is whole"
    days(fed, held, 2)
    late = await Victim.of(fed)
    for each in (held, late):
        acks = await each.hears(message(stamped(fed, old), fed.blobs))
        assert acks[-1].error_code == "EDICT0204"
    assert late.release == 0


async def test_past_the_expiry_the_cluster_is_stale_says_so_and_goes_on_enforcing(fed: Federation) -> None:
    old = fed.publish()
    fed.put(policy("deny", priority=11))
    known = verify.advance(fed.pinned(), fed.publish(), now=fed.now)
    victim = await Victim.of(fed)
    await victim.hears(message(old, fed.blobs))
    days(fed, victim, 8)

    again = await victim.restarted()
    assert again.policies.keys() == {"net/deny", "net/other"}, "it is enforced further, after a restart too"
    store = StateStore(again.kube, "edict-system", clock=again.clock)
    await store.load()
    chain = Chain(store, KEY, again.memory.cluster, clock=again.clock, version="1", on_receipt=lambda: None)
    reporter = Reporter(again.kube, "edict-system", again.memory, chain, clock=again.clock)
    reporter.problem = AgentError(Code.NO_API, "nothing is looked at in this test")
    statement = reporter._statement()
    assert statement is not None
    await reporter._show(statement)
    shown = again.kube.objects["configmaps", "edict-system", STATUS]["data"]
    assert (shown["stale"], shown["release"]) == ("true", "2")

    reports = {name: PolicyReport(name, _digest(again, name), PolicyState.COMPLIANT) for name in again.policies}
    await chain.say(replace(statement, policies=reports))
    receipt = chain.next_unsent()
    said = pb.ClusterStatus(name="a", receipts=[receipt] if receipt else [])
    view, _ = evaluate(known, ClusterName("a"), said, now=again.clock.now())
    assert view.state is not PolicyState.COMPLIANT
    assert view.behind == 1
    assert "behind by 1" in view.reason
    assert "Stale" in view.reason


def _digest(victim: Victim, name: str) -> Digest:
    assert victim.memory.judged is not None
    return next(each.digest for each in victim.memory.judged.policies if each.id == name)


async def test_receipts_that_a_lie_about_the_newest_hides_are_named(fed: Federation) -> None:
    """It says that it lost what it had confirmed: the agent signs its whole state, and what came before."""
    known = verify.advance(fed.pinned(), fed.publish(), now=fed.now)
    victim = await Victim.of(fed)
    store = StateStore(victim.kube, "edict-system", clock=victim.clock)
    await store.load()
    chain = Chain(store, KEY, ClusterName("a"), clock=victim.clock, version="1", on_receipt=lambda: None)
    documents = {name: known.documents[f"policies/{name}"].digest for name in ("net/deny", "net/other")}

    async def says(verdict: PolicyState) -> pb.Receipt:
        reports = {name: PolicyReport(name, document, verdict) for name, document in documents.items()}
        await chain.say(Statement(known.release, "cilium", "1", reports))
        receipt = chain.next_unsent()
        assert receipt is not None
        chain.acknowledged(receipt.sequence)
        return receipt

    first = await says(PolicyState.COMPLIANT)
    await says(PolicyState.DEGRADED)
    chain.follow(first.sequence)
    third = await says(PolicyState.COMPLIANT)
    said = pb.ClusterStatus(name="a", receipts=[first, third])
    view, _ = evaluate(known, ClusterName("a"), said, now=victim.clock.now())
    assert view.state is PolicyState.COMPLIANT, "what holds now is signed, whole"
    assert "receipts 2-2 are missing" in view.reason


def _shown(workspace: Workspace, hub: MemoryHub, fra1: ReportingCluster) -> FleetView:
    """What `edict status` shows in a workspace."""
    state, trouble = release.newest_or_known(workspace, hub)
    fleet = Fleet(workspace, [], timedelta(minutes=15))
    fleet.take(pb.StatusResponse(clusters=[fra1.said()]))
    return fleet.view(state, trouble)


def test_a_hub_that_holds_back_is_seen_by_comparing_heads(tmp_path: Path) -> None:
    """It shows its operators the older release too: who knows the newer one sees both, the lie and the cluster."""
    publisher = founded(tmp_path / "edict")
    hub, fra1 = MemoryHub(publisher), ReportingCluster("fra1")
    put(publisher, authors.policy("one"), inventory_fra1=authors.cluster("fra1", fra1.public))
    publish(publisher, hub)
    older = hub.verified
    document = older.documents["policies/net/one"].digest
    fra1.report(PolicyReport("net/one", document, PolicyState.COMPLIANT), release=older.release, time=authors.NOW)
    honest = _shown(reopened(publisher), hub, fra1)
    assert [each.state for each in honest.clusters] == [PolicyState.COMPLIANT]
    assert not honest.faults

    put(publisher, authors.policy("one", priority=11))
    publish(publisher, hub)
    hub.verified = older
    seen = _shown(reopened(publisher), hub, fra1)
    assert [fault.code for fault in seen.faults] == ["EDICT0207"]
    assert (seen.release, seen.clusters[0].behind) == (older.release + 1, 1)
    assert seen.clusters[0].state is PolicyState.PENDING
