"""An export is judged whole, from the trust root alone, whatever the date; what a damaged one says is an error."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edict.errors import TrustError
from edict.ids import digest_of
from edict.trust import verify
from edict.trust.audit import history, lines
from edict.trust.audit.chain import Asked
from edict.trust.audit.findings import MOST
from edict.trust.audit.history import Trusted
from edict.trust.audit.lines import Header, Line, MetadataLine, ReceiptLine, encode, read
from edict.trust.audit.report import ClusterAt, Report
from edict.trust.audit.verifier import Audit
from edict.trust.receipts import PolicyReport, PolicyState
from edict.trust.roles import ROOT, SNAPSHOT
from edict.trust.state import Bundle
from tests.unit.trust.exports import (
    DENY,
    DENY_2,
    Reporter,
    Story,
    codes,
    compliant,
    inventory,
    judged,
    rotated,
    story,
    written,
)
from tests.unit.trust.federation import NOW, Federation, signer


@pytest.fixture
def made() -> Story:
    return story()


def test_an_export_is_judged_from_the_root_alone(made: Story) -> None:
    report = judged(made.lines(), made.root)
    assert report.holds
    assert (report.releases, report.first_release, report.last_release) == (3, 2, 4)
    assert [(row.cluster, row.receipts, row.verified, row.last) for row in report.clusters] == [
        ("a", 5, 5, 5),
        ("b", 5, 5, 5),
    ]


def test_the_root_may_be_given_as_a_digest(made: Story) -> None:
    audit = Audit(Trusted(digest_of(made.root)), Asked())
    for line in read(io.BytesIO(written(made.lines()))):
        audit.take(line)
    assert audit.report().holds
    other = Audit(Trusted("0" * 64), Asked())
    other.take(Header())
    with pytest.raises(TrustError, match="EDICT0206"):
        other.report()


def test_the_same_evidence_gives_the_same_bytes(made: Story) -> None:
    assert written(made.lines()) == written(list(read(io.BytesIO(written(made.lines()))))[:-1])


def test_a_year_later_everything_has_expired_and_holds(made: Story) -> None:
    later = NOW + timedelta(days=800)
    bundle = Bundle(
        timestamp=made.fed.stamped().timestamp, snapshot=made.fed.metadata[SNAPSHOT], targets=made.fed.targets
    )
    with pytest.raises(TrustError, match="EDICT0204"):
        verify.advance(made.fed.pinned(), bundle, now=later)
    assert judged(made.lines(), made.root, at=later).holds


def test_releases_of_several_roots_belong_each_to_its_own(made: Story) -> None:
    made.history.insert(1, MetadataLine(ROOT, 2, rotated(made.fed, root=signer(), snapshot=signer())))
    release = made.publish()
    made.clusters["a"].say(release, NOW + timedelta(hours=1), compliant(DENY_2), root_version=2)
    assert judged(made.lines(), made.root).holds
    made.clusters["a"].say(release, NOW + timedelta(hours=2), compliant(DENY_2), root_version=1)
    assert codes(judged(made.lines(), made.root)) == {"EDICT0251"}


def test_a_root_in_the_middle_begins_trust_there(made: Story) -> None:
    second = rotated(made.fed, snapshot=signer())
    made.history.insert(1, MetadataLine(ROOT, 2, second))
    made.publish()
    report = judged(made.lines(), second)
    assert (report.releases, report.first_release) == (1, 5)
    assert "EDICT0202" in codes(report), "what was signed before cannot be proven from a later root"


def test_a_broken_chain_of_roots_is_found(made: Story) -> None:
    stranger = Federation(now=NOW)
    made.history.insert(1, MetadataLine(ROOT, 2, stranger.metadata[ROOT]))
    assert codes(judged(made.lines(), made.root)) == {"EDICT0207"}
    made.history[1] = MetadataLine(ROOT, 2, rotated(stranger))
    assert codes(judged(made.lines(), made.root)) == {"EDICT0202"}


def test_what_the_plugin_refuses_may_be_an_older_version(made: Story) -> None:
    """A policy that a plugin cannot say stays as it was: the report then names what stands, or what does not."""
    older = msgspec.structs.replace(compliant(DENY), state=PolicyState.DEGRADED, code="EDICT0501")
    made.clusters["a"].say(4, NOW + timedelta(hours=1), older)
    assert judged(made.lines(), made.root).holds
    made.clusters["a"].say(4, NOW + timedelta(hours=2), compliant(DENY))
    assert codes(judged(made.lines(), made.root)) == {"EDICT0252"}


def test_signed_before_its_key_was_pinned_counts_once_an_author_pinned_it() -> None:
    made = Story()
    made.clusters["a"] = cluster = Reporter("a")
    first = made.publish(inventory("a", None), DENY)
    cluster.say(first, NOW, compliant(DENY), base=True)
    unpinned = judged(made.lines(), made.root)
    assert codes(unpinned) == {"EDICT0242"}
    cluster.say(made.publish(inventory("a", cluster.key)), NOW, compliant(DENY))
    report = judged(made.lines(), made.root)
    assert report.holds
    assert report.clusters[0].early == 1


def test_an_export_since_a_release_does_not_ask_for_what_is_before(made: Story) -> None:
    kept = [line for line in made.history if not (isinstance(line, MetadataLine) and _release(line) in {2, 3})]
    documents = [line for line in kept if not isinstance(line, MetadataLine)]
    metadata = [line for line in kept if isinstance(line, MetadataLine)]
    receipts = [line for line in made.receipts() if isinstance(line, ReceiptLine) and line.sequence >= 3]
    assert judged([Header(since=4), *metadata, *documents, *receipts], made.root).holds
    whole = judged([Header(), *metadata, *documents, *receipts], made.root)
    assert {"EDICT0244", "EDICT0251"} == codes(whole)
    claimed = [Header(since=400), *metadata, *documents, *receipts]
    assert judged(claimed, made.root).since == 400
    nothing_of_it = [line for line in receipts if line.sequence == 3]
    assert codes(judged([Header(since=4), *metadata, *documents, *nothing_of_it], made.root)) == {"EDICT0254"}


def _release(line: MetadataLine) -> int:
    return line.version if line.role == SNAPSHOT else 0


def test_an_export_of_nothing_does_not_hold(made: Story) -> None:
    assert codes(judged([Header(), made.history[0]], made.root)) == {"EDICT0254"}


def test_a_history_that_ends_before_what_is_known_does_not_hold(made: Story) -> None:
    assert judged(made.lines(), made.root, release=4).holds
    assert codes(judged(made.lines(), made.root, release=5)) == {"EDICT0251"}


def test_only_the_clusters_that_were_asked_for_are_missed(made: Story) -> None:
    receipts = [line for line in made.receipts() if isinstance(line, ReceiptLine) and line.cluster == "a"]
    report = judged([Header(clusters=("a",)), *made.history, *receipts], made.root)
    assert report.holds
    assert report.only == ("a",)
    assert codes(judged([Header(), *made.history, *receipts], made.root)) == {"EDICT0254"}


def state(report: Report, cluster: str) -> ClusterAt:
    return next(state for state in report.states if state.cluster == cluster)


def test_the_state_as_of_a_time_names_its_evidence(made: Story) -> None:
    then = state(judged(made.lines(), made.root, at=NOW + timedelta(minutes=15)), "a")
    assert (then.release, then.sequence, then.signed_at) == (2, 2, NOW + timedelta(minutes=11))
    policy = then.policies[0]
    assert (policy.policy, policy.state, policy.sequence) == ("net/deny", PolicyState.COMPLIANT, 2)
    assert policy.document == digest_of(DENY)
    later = state(judged(made.lines(), made.root, at=NOW + timedelta(minutes=45)), "a")
    assert (later.sequence, later.policies[0].sequence, later.policies[0].document) == (5, 3, digest_of(DENY_2))
    assert later.receipt == judged(made.lines(), made.root).clusters[0].head


@pytest.mark.parametrize(
    ("minutes", "reason"), [(0, "no verified receipt is as old"), (5, ""), (200, "the newest receipt is 159 min older")]
)
def test_silence_is_unknown(made: Story, minutes: int, reason: str) -> None:
    then = state(judged(made.lines(), made.root, at=NOW + timedelta(minutes=minutes)), "a")
    assert then.reason == reason
    assert {policy.state for policy in then.policies} <= {PolicyState.UNKNOWN}


def test_what_stands_behind_a_gap_is_unknown_until_a_base(made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(minutes=51), compliant(DENY_2), base=True)
    receipts = [line for line in made.receipts() if line != cluster.lines()[2]]
    export: list[Line] = [Header(), *made.history, *receipts]
    gap = state(judged(export, made.root, at=NOW + timedelta(minutes=45)), "a")
    assert "no base" in gap.reason
    assert {policy.state for policy in gap.policies} == {PolicyState.UNKNOWN}
    known = state(judged(export, made.root, at=NOW + timedelta(minutes=55)), "a")
    assert known.policies[0].state is PolicyState.COMPLIANT


def test_what_is_not_reported_or_not_placed_is_unknown(made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(minutes=51), PolicyReport("net/gone", digest_of(DENY), PolicyState.DEGRADED))
    at = NOW + timedelta(minutes=52)
    found = {policy.policy: policy.reason for policy in state(judged(made.lines(), made.root, at=at), "a").policies}
    assert found == {
        "net/deny": "the cluster does not report it",
        "net/gone": "the release does not place it there",
    }


def test_the_times_of_receipts_are_held_against_each_other_and_the_release(made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(minutes=1), compliant(DENY_2))
    cluster.say(4, NOW + timedelta(days=9), compliant(DENY_2), floor_lost="2026-05-01")
    row = judged(made.lines(), made.root).clusters[0]
    assert (row.clock_back, row.stale, row.floor_lost) == (1, 1, 1)
    assert (row.silences, row.longest_silence) == (1, int(timedelta(days=9, minutes=-1).total_seconds()))


# Damaged files

WHOLE = story()
DATA = written(WHOLE.lines())


def outcome(data: bytes) -> Report | TrustError:
    try:
        return judged(data, WHOLE.root)
    except TrustError as error:
        return error


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"\x00" * 100,
        DATA[:-1],
        DATA[: len(DATA) // 2],
        DATA + DATA,
        DATA + b"\n",
        DATA.replace(b'"lines":', b'"lines":1'),
        b"[" * 100_000 + b"\n",
        DATA.split(b"\n", 1)[1],
        encode(Header(version=9)) + DATA.split(b"\n", 1)[1],
    ],
)
def test_a_file_that_is_no_whole_export_is_an_error_with_a_line(data: bytes) -> None:
    error = outcome(data)
    assert isinstance(error, TrustError)
    assert error.code == "EDICT0250"
    assert error.where.startswith("line ") or not data


def test_a_newer_format_is_named() -> None:
    error = outcome(b'{"kind":"header","format":"edict-audit","version":2,"new":[]}\n')
    assert "version 2" in str(error)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(0, 255), st.integers(0, 3))
def test_a_damaged_byte_is_an_error(place: int, value: int, how: int) -> None:
    damaged = [
        DATA[:place] + bytes([value]) + DATA[place + 1 :],
        DATA[:place] + DATA[place + 1 :],
        DATA[:place] + bytes([value]) + DATA[place:],
        DATA[:place],
    ][how]
    found = outcome(damaged)
    assert damaged == DATA or (isinstance(found, TrustError) and found.code.startswith("EDICT02")), found


def field(line: Line, name: str, value: object) -> Line:
    return msgspec.structs.replace(line, **{name: value}) if hasattr(line, name) else line


ROLES = st.sampled_from(["snapshot", "root", "../../x"])
NAMES = st.sampled_from(["a", "../../x", "a\n", ""])
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"{}", b"[" * 5000, b'{"signed":{},"signatures":[]}', b'{"payload":"","signatures":[]}']),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_that_somebody_made_up_is_judged_or_refused(data: st.DataObject) -> None:
    """Whole by its digest, and of any lines: what was exported, in another order, twice, with other contents."""
    made = WHOLE.lines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(1, len(made) - 1))
        match data.draw(st.integers(0, 4)):
            case 0:
                del made[place]
            case 1:
                made.insert(data.draw(st.integers(1, len(made))), made[place])
            case 2:
                made[place] = field(made[place], "content", data.draw(CONTENTS))
            case 3:
                made[place] = field(made[place], "version", data.draw(st.integers(1, 2**63 - 1)))
                made[place] = field(made[place], "sequence", data.draw(st.integers(1, 2**63 - 1)))
            case _:
                made[place] = field(made[place], "role", data.draw(ROLES))
                made[place] = field(made[place], "cluster", data.draw(NAMES))
    outcome(written(made))


class Endless:
    """A file whose one line has no end; counts what is asked of it."""

    def __init__(self) -> None:
        self.asked = 0

    def readline(self, size: int, /) -> bytes:
        self.asked += size
        return b"{" * size


def test_an_endless_line_is_read_to_its_bound_and_no_further() -> None:
    source = Endless()
    with pytest.raises(TrustError, match="EDICT0250"):
        list(read(source))
    assert source.asked == lines.MAX_LINE + 1


def test_endless_metadata_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_HELD", 1000)
    audit = Audit(Trusted.file(WHOLE.root), Asked())
    for number in range(10):
        audit.take(MetadataLine(f"policies/x{number}", 1, b"x" * 100))
    audit.take(MetadataLine("policies/x0", 2, b"y" * 100))
    with pytest.raises(TrustError, match="EDICT0250"):
        audit.take(MetadataLine("policies/y", 1, b"x"))


def test_endless_findings_are_counted_and_not_kept() -> None:
    audit = Audit(Trusted.file(WHOLE.root), Asked())
    for number in range(1, MOST + 100):
        audit.take(MetadataLine(SNAPSHOT, number, b"{}"))
    report = audit.report()
    assert len(report.findings) == MOST
    assert report.omitted == 99
    assert not report.holds


def test_what_is_printed_of_a_strange_name_is_data(made: Story) -> None:
    """No path is ever made of what stands in a file: there is nothing to escape to."""
    export = [*made.lines(), ReceiptLine("../../etc/passwd", 1, b"{}")]
    report = judged(export, made.root)
    assert report.findings[0].where == "receipts/../../etc/passwd/1"
    assert json.loads(msgspec.json.encode(report))["clusters"]
