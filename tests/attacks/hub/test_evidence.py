"""A stolen hub forges, hides, reorders or shows again what clusters signed: what `edict status` then says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust import verify
from edict.trust.receipts import Evidence, PolicyReport, PolicyState
from edict.trust.state import TrustState
from edict_cli import evidence
from edict_cli.conformance import Seen
from edict_cli.evidence import evaluate
from tests.attacks.harness import Off, attack
from tests.attacks.victims import Victim, message
from tests.attacks.weak_reading import ANYHOW, NEVER_SAW, NO_SIGNATURE, PATIENT, READ_ONLY, THE_HUB_S_WORD
from tests.unit.cli.reporting import ReportingCluster
from tests.unit.trust.federation import NOW, Federation, cluster, policy

A = ClusterName("a")


class Reporting:
    """Cluster a, whose receipt key authors have pinned, and what the publisher knows."""

    def __init__(self, fed: Federation) -> None:
        self.cluster = ReportingCluster("a")
        self.fed = fed
        key = f"plugin: cilium, receiptKey: {{public: '{self.cluster.public}'}}".encode()
        fed.put(cluster("a", "{env: prod}").replace(b"plugin: cilium", key))
        self.state = verify.advance(fed.pinned(), fed.publish(), now=fed.now)
        self.seen: Seen | None = None

    def report(self, verdict: PolicyState, *, minutes: int = 0) -> None:
        """Have the cluster sign what becomes of its one policy."""
        document = self.state.documents["policies/net/deny"].digest
        time = NOW + timedelta(minutes=minutes)
        self.cluster.report(PolicyReport("net/deny", document, verdict), release=self.state.release, time=time)

    def compliant(self, receipts: Sequence[pb.Receipt], *, minutes: int = 0) -> bool:
        """Tell whether `edict status` calls the cluster compliant where the hub shows these receipts of it."""
        return compliant(self.state, receipts, minutes=minutes, seen=self.seen)


def compliant(
    state: TrustState, receipts: Sequence[pb.Receipt], *, minutes: int = 0, seen: Seen | None = None, **said: Any
) -> bool:
    status = pb.ClusterStatus(name="a", connected=True, last_seen_unix=int(NOW.timestamp()), receipts=receipts, **said)
    view, _ = evaluate(state, A, status, now=NOW + timedelta(minutes=minutes), seen=seen)
    return view.state is PolicyState.COMPLIANT


@pytest.fixture
def a(fed: Federation) -> Reporting:
    return Reporting(fed)


@attack("signs a receipt with a key of its own", without=[NO_SIGNATURE])
def test_a_receipt_of_its_own(a: Reporting) -> bool:
    a.report(PolicyState.DEGRADED)
    a.cluster.key, a.cluster.chain = Ed25519PrivateKey.generate(), []
    a.cluster._before = {}
    a.report(PolicyState.COMPLIANT)
    return a.compliant(a.cluster.chain)


@attack("changes one word in a receipt", without=[NO_SIGNATURE])
def test_a_receipt_with_another_word(a: Reporting) -> bool:
    a.report(PolicyState.DEGRADED)
    envelope = msgspec.json.decode(a.cluster.chain[0].envelope)
    a.cluster.chain, a.cluster._before = [], {}
    a.report(PolicyState.COMPLIANT)
    better = {**msgspec.json.decode(a.cluster.chain[0].envelope), "signatures": envelope["signatures"]}
    return a.compliant([pb.Receipt(sequence=1, envelope=msgspec.json.encode(better))])


@attack("acknowledges a receipt, throws it away, and shows those around it", without=[ANYHOW])
def test_a_suppressed_receipt(a: Reporting) -> bool:
    """The third says again what the first said, as a delta against the second: alone it looks compliant."""
    for verdict in (PolicyState.COMPLIANT, PolicyState.DEGRADED, PolicyState.COMPLIANT):
        a.report(verdict)
    del a.cluster.chain[1]
    return a.compliant(a.cluster.chain)


@attack("shows a cluster's receipts in another order", without=[ANYHOW])
def test_receipts_in_another_order(a: Reporting) -> bool:
    a.report(PolicyState.COMPLIANT)
    a.report(PolicyState.PENDING)
    a.report(PolicyState.COMPLIANT)
    a.report(PolicyState.DEGRADED)
    first, second, third, fourth = a.cluster.chain
    return a.compliant([first, second, fourth, third])


@attack("shows a later receipt without the base that it rests on", without=[ANYHOW])
def test_receipts_without_their_base(a: Reporting) -> bool:
    a.report(PolicyState.DEGRADED)
    a.report(PolicyState.COMPLIANT)
    return a.compliant(a.cluster.chain[1:])


@attack("goes on showing an old chain, as if the cluster had nothing new to say", without=[PATIENT])
def test_an_old_chain_shown_again(a: Reporting) -> bool:
    """The cluster signs something every ten minutes: after a quarter of an hour its silence is Unknown."""
    a.report(PolicyState.COMPLIANT)
    shown = list(a.cluster.chain)
    a.report(PolicyState.DEGRADED, minutes=10)
    return a.compliant(shown, minutes=16)


@attack("cuts off the tail of a chain that the reader has seen", without=[NEVER_SAW])
def test_a_chain_without_its_tail(a: Reporting) -> bool:
    a.report(PolicyState.COMPLIANT)
    a.report(PolicyState.DEGRADED)
    status = pb.ClusterStatus(name="a", receipts=a.cluster.chain)
    _, a.seen = evaluate(a.state, A, status, now=NOW)
    assert a.seen is not None
    return a.compliant(a.cluster.chain[:1])


@attack("shows one cluster's receipts as another's", without=[READ_ONLY])
def test_another_cluster_s_receipts(a: Reporting) -> bool:
    a.report(PolicyState.DEGRADED)
    return a.compliant(_reports_compliant(a, ReportingCluster("b")))


def _reports_compliant(a: Reporting, other: ReportingCluster) -> Sequence[pb.Receipt]:
    document = a.state.documents["policies/net/deny"].digest
    other.report(PolicyReport("net/deny", document, PolicyState.COMPLIANT), release=a.state.release, time=NOW)
    return other.chain


@attack(
    "shows the receipts of a cluster whose agent was installed with another's key",
    without=[READ_ONLY],
)
def test_receipts_of_a_copied_key(a: Reporting) -> bool:
    """The signature is good: only the name in what is signed tells the two apart."""
    return a.compliant(_reports_compliant(a, ReportingCluster("b", a.cluster.key)))


_judged = evidence._policy


def _whatever_document(target: Any, found: Evidence, *more: Any) -> Any:
    """Take a report for that of the policy that is placed, whatever document it is about."""
    report = found.policies.get(evidence.policy_name(target))
    digest = target.digest
    told = {} if report is None else {report.policy: msgspec.structs.replace(report, document=digest)}
    return _judged(target, Evidence(found.head, {**found.policies, **told}), *more)


@attack(
    "has the publisher's key, and gives two clusters two contents of one release",
    without=[Off(evidence, "_policy", _whatever_document)],
)
async def test_two_contents_of_one_release_for_two_clusters(a: Reporting) -> bool:
    """The cluster has a release of the same number; what it signs names the document that it really has."""
    split = Federation(keys=a.fed.keys)
    split.metadata, split.blobs = dict(a.fed.metadata), dict(a.fed.blobs)
    split.put(policy("deny", priority=999))
    split.release = a.state.release - 1
    victim = await Victim.of(a.fed)
    await victim.hears(message(split.publish(), split.blobs))
    assert (victim.release, victim.priority()) == (a.state.release, 999)
    judged = victim.memory.judged
    assert judged is not None
    reports = [PolicyReport(each.id, each.digest, PolicyState.COMPLIANT) for each in judged.policies]
    a.cluster.report(*reports, release=victim.release, time=NOW)
    return a.compliant(a.cluster.chain)


@attack("says that a silent cluster has applied everything", without=[THE_HUB_S_WORD])
def test_acknowledgements_in_the_place_of_receipts(a: Reporting) -> bool:
    document = a.state.documents["policies/net/deny"].digest
    release = a.state.release
    return compliant(
        a.state,
        [],
        acked_verified=release,
        acked_applied=release,
        acked_accepted=release,
        last_ack=pb.Ack(release=release, stage=pb.ACK_STAGE_ACCEPTED, accepted="yes", error=document),
    )
