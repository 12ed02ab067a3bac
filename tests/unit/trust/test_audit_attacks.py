"""The hub keeps receipts and cannot alter, drop, forge or reorder them unseen; with its one check off, each passes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from edict.errors import TrustError
from edict.ids import ClusterName
from edict.trust import _check
from edict.trust.audit import signing
from edict.trust.audit.chain import Chain, Head
from edict.trust.audit.history import History
from edict.trust.audit.lines import DocumentLine, Header, Line, MetadataLine, ReceiptLine
from edict.trust.audit.report import Report
from edict.trust.audit.signing import Signing
from edict.trust.receipts import PAYLOAD_TYPE, ReceiptBody, envelope_digest, sign_receipt
from edict.trust.roles import INVENTORY, SNAPSHOT
from tests.unit.trust.exports import DENY, DENY_2, TEST_ONLY, Story, codes, compliant, inventory, judged, story
from tests.unit.trust.federation import NOW

Off = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def made() -> Story:
    return story()


def believed(envelope: bytes, _key: str, _cluster: ClusterName) -> ReceiptBody:
    """Read a receipt without verifying it."""
    return msgspec.json.decode(base64.b64decode(msgspec.json.decode(envelope)["payload"]), type=ReceiptBody)


def signatures_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signing, "verify_receipt", believed)


def order_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "_is_behind", lambda *_: False)
    patch.setattr(Chain, "_look_for_gap", lambda *_: None)


def links_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "_is_linked", lambda *_: True)


def releases_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(History, "_missing", lambda *_: None)
    patch.setattr(Signing, "_unknown_release", lambda *_: None)


def of(lines: list[Line], cluster: str) -> list[int]:
    """Return where the receipts of a cluster stand."""
    return [index for index, line in enumerate(lines) if isinstance(line, ReceiptLine) and line.cluster == cluster]


def altered(envelope: bytes) -> bytes:
    plain = msgspec.json.decode(envelope)
    payload = base64.b64decode(plain["payload"]).replace(b'"agentVersion":"1"', b'"agentVersion":"2"')
    return msgspec.json.encode({**plain, "payload": base64.b64encode(payload).decode()})


def alter_a_byte(lines: list[Line], _made: Story) -> None:
    last = of(lines, "a")[-1]
    lines[last] = msgspec.structs.replace(lines[last], content=altered(lines[last].content))  # type: ignore[union-attr]


def drop_one(lines: list[Line], _made: Story) -> None:
    del lines[of(lines, "a")[2]]


def drop_the_first(lines: list[Line], _made: Story) -> None:
    del lines[of(lines, "a")[0]]


def forge_with_the_hub_s_key(lines: list[Line], made: Story) -> None:
    cluster = made.clusters["a"]
    signer = made.fed.keys.timestamp
    assert isinstance(signer, CryptoSigner)
    hub = Ed25519PrivateKey.from_private_bytes(signer._private_key.private_bytes_raw())  # type: ignore[union-attr]
    body = msgspec.structs.replace(cluster.bodies[-1], agent_version="forged")
    lines[of(lines, "a")[-1]] = ReceiptLine("a", body.sequence, sign_receipt(body, hub))


def reorder(lines: list[Line], _made: Story) -> None:
    one, two = of(lines, "a")[3:5]
    lines[one], lines[two] = lines[two], lines[one]


def replay_a_past_receipt(lines: list[Line], _made: Story) -> None:
    places = of(lines, "a")
    lines.insert(places[-1] + 1, lines[places[-1]])


def swap_clusters(lines: list[Line], _made: Story) -> None:
    for index, line in enumerate(lines):
        if isinstance(line, ReceiptLine):
            lines[index] = msgspec.structs.replace(line, cluster={"a": "b", "b": "a"}[line.cluster])
    lines.sort(key=lambda line: (line.cluster, line.sequence) if isinstance(line, ReceiptLine) else ("", 0))


def relabel_the_key(lines: list[Line], _made: Story) -> None:
    last = of(lines, "a")[-1]
    plain = msgspec.json.decode(lines[last].content)  # type: ignore[union-attr]
    plain["signatures"][0]["keyid"] = "0" * 64
    lines[last] = ReceiptLine("a", lines[last].sequence, msgspec.json.encode(plain))  # type: ignore[union-attr]


def remove_the_release(lines: list[Line], _made: Story) -> None:
    """And let the next one bring its documents, so that nothing else is missed."""
    documents = [line for line in lines if isinstance(line, DocumentLine)]
    kept = [line for line in lines if line not in documents and not _is_release(line, 3)]
    begin = of(kept, "a")[0]
    lines[:] = [*kept[:begin], *documents, *kept[begin:]]


def _is_release(line: Line, number: int) -> bool:
    return isinstance(line, MetadataLine) and line.role == SNAPSHOT and line.version == number


def splice(lines: list[Line], made: Story) -> None:
    """The beginning of one chain and the end of another of the same cluster, as after a copy of its key."""
    other = story_of_the_same_keys(made)
    places = of(lines, "a")
    for place in places[3:]:
        lines[place] = other[place]


def story_of_the_same_keys(made: Story) -> list[Line]:
    cluster = made.clusters["a"]
    bodies = [msgspec.structs.replace(body, agent_version="other") for body in cluster.bodies]
    envelopes: list[bytes] = []
    for body in bodies:
        before = envelope_digest(envelopes[-1]) if envelopes else ""
        envelopes.append(sign_receipt(msgspec.structs.replace(body, previous=before), cluster.key))
    receipts = [ReceiptLine("a", body.sequence, data) for body, data in zip(bodies, envelopes, strict=True)]
    return [*made.lines()[: of(made.lines(), "a")[0]], *receipts, *made.clusters["b"].lines()]


def claim_what_is_not_placed(lines: list[Line], made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(hours=1), compliant(DENY_2), compliant(TEST_ONLY, "other"))
    lines.insert(of(lines, "a")[-1] + 1, cluster.lines()[-1])


def claim_another_state(lines: list[Line], made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(hours=1), compliant(DENY_2), state_digest="0" * 64)
    lines.insert(of(lines, "a")[-1] + 1, cluster.lines()[-1])


def go_back(lines: list[Line], made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(2, NOW + timedelta(hours=1), compliant(DENY))
    lines.insert(of(lines, "a")[-1] + 1, cluster.lines()[-1])


def another_release_of_this_number(lines: list[Line], made: Story) -> None:
    cluster = made.clusters["a"]
    cluster.say(4, NOW + timedelta(hours=1), compliant(DENY_2), snapshot_expires=NOW + timedelta(days=300))
    lines.insert(of(lines, "a")[-1] + 1, cluster.lines()[-1])


def silence_a_cluster(lines: list[Line], _made: Story) -> None:
    lines[:] = [line for line in lines if not (isinstance(line, ReceiptLine) and line.cluster == "a")]


def leave_out_a_document(lines: list[Line], _made: Story) -> None:
    lines[:] = [line for line in lines if not (isinstance(line, DocumentLine) and line.content == DENY)]


def placed_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "_is_placed", lambda *_: True)


def state_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("edict.trust.audit.state.state_digest", lambda _state: "0" * 64)
    patch.setattr("edict.trust.audit.state.Folded.apply", lambda *_: True)


def judgement_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "_judge", lambda *_: None)


def end_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "_end", lambda *_: None)


def documents_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("edict.trust.audit.verifier.Audit._look_for_documents", lambda *_: None)


ATTACKS: dict[str, tuple[Callable[[list[Line], Story], None], str, Off]] = {
    "alter a byte": (alter_a_byte, "EDICT0242", signatures_off),
    "drop one": (drop_one, "EDICT0244", order_off),
    "drop the first": (drop_the_first, "EDICT0244", order_off),
    "forge with the hub's keys": (forge_with_the_hub_s_key, "EDICT0242", signatures_off),
    "reorder": (reorder, "EDICT0244", order_off),
    "replay": (replay_a_past_receipt, "EDICT0244", order_off),
    "swap two clusters": (swap_clusters, "EDICT0242", signatures_off),
    "relabel the key": (relabel_the_key, "EDICT0242", signatures_off),
    "remove the release": (remove_the_release, "EDICT0251", releases_off),
    "splice two exports": (splice, "EDICT0244", links_off),
    "claim what is not placed": (claim_what_is_not_placed, "EDICT0252", placed_off),
    "claim another state": (claim_another_state, "EDICT0245", state_off),
    "go back": (go_back, "EDICT0256", judgement_off),
    "another release of this number": (another_release_of_this_number, "EDICT0209", judgement_off),
    "silence a cluster": (silence_a_cluster, "EDICT0254", end_off),
    "leave out a document": (leave_out_a_document, "EDICT0255", documents_off),
}


@pytest.mark.parametrize(("attack", "code", "off"), ATTACKS.values(), ids=ATTACKS.keys())
def test_what_a_hub_does_to_evidence_is_found_and_works_without_its_check(
    made: Story,
    attack: Callable[[list[Line], Story], None],
    code: str,
    off: Off,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = made.lines()
    assert judged(lines, made.root).holds
    attack(lines, made)
    report = judged(lines, made.root)
    assert code in codes(report), report.findings
    off(monkeypatch)
    weak = judged(lines, made.root)
    assert weak.holds, weak.findings


def test_a_missing_tail_is_seen_by_who_has_read_the_head_in_the_cluster(made: Story) -> None:
    cluster = made.clusters["a"]
    head = Head(5, envelope_digest(cluster.envelopes[-1]))
    assert judged(made.lines(), made.root, heads={"a": head}).holds
    lines = made.lines()
    del lines[of(lines, "a")[-1]]
    assert judged(lines, made.root).holds, "without the head nobody can know"
    report = judged(lines, made.root, heads={"a": head})
    assert [(finding.code, finding.where) for finding in report.findings] == [("EDICT0253", "receipts/a/5")]
    assert "tail" in report.findings[0].what


def test_a_head_that_the_chain_has_otherwise_is_seen(made: Story) -> None:
    assert codes(judged(made.lines(), made.root, heads={"a": Head(4, "0" * 64)})) == {"EDICT0253"}
    assert codes(judged(made.lines(), made.root, heads={"nobody": Head(4, "0" * 64)})) == {"EDICT0253"}


def test_a_head_before_the_begin_of_an_export_is_not_missed(made: Story) -> None:
    receipts = [line for line in made.receipts() if isinstance(line, ReceiptLine) and line.sequence > 2]
    export: list[Line] = [Header(since=3), *made.history, *receipts]
    assert judged(export, made.root, heads={"a": Head(2, "0" * 64)}).holds


def test_a_hub_cannot_pin_a_key_of_its_own(made: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """It signs inventory and snapshot with what it has, and a chain that goes with them."""
    thief = made.fed.keys.timestamp
    made.clusters["a"].key = own = Ed25519PrivateKey.generate()
    made.fed.put(inventory("a", own), by=thief)
    made.fed.keys = replace(made.fed.keys, snapshot=thief)
    release = made.publish()
    made.clusters["a"].say(release, NOW + timedelta(hours=1), compliant(DENY_2), base=True)
    report = judged(made.lines(), made.root)
    assert {"EDICT0202", "EDICT0242"} <= codes(report)
    monkeypatch.setattr(_check, "signatures", lambda *_: None)
    assert judged(made.lines(), made.root).holds


def test_the_metadata_that_pins_a_key_cannot_be_altered(made: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = made.lines()
    place = next(i for i, line in enumerate(lines) if isinstance(line, MetadataLine) and line.role == INVENTORY)
    line = lines[place]
    assert isinstance(line, MetadataLine)
    lines[place] = msgspec.structs.replace(line, content=line.content.replace(b"prod", b"test"))
    report = judged(lines, made.root)
    assert {"EDICT0205", "EDICT0242", "EDICT0254"} == codes(report)
    assert any(finding.where == f"metadata/inventory/{line.version}" for finding in report.findings)
    monkeypatch.setattr(_check, "signatures", lambda *_: None)
    monkeypatch.setattr(_check, "described", lambda *_: None)
    assert not {"EDICT0205", "EDICT0242", "EDICT0254"} & codes(judged(lines, made.root))


def test_another_federation_is_not_believed(made: Story) -> None:
    with pytest.raises(TrustError, match="EDICT0206"):
        judged(made.lines(), story().root)


def rekeyed(made: Story) -> tuple[Story, Ed25519PrivateKey]:
    """A new key is pinned, and the cluster goes on with it."""
    cluster = made.clusters["a"]
    old, cluster.key = cluster.key, Ed25519PrivateKey.generate()
    cluster.say(4, NOW + timedelta(hours=1), compliant(DENY_2), base=True)
    release = made.publish(inventory("a", cluster.key))
    cluster.say(release, NOW + timedelta(hours=2), compliant(DENY_2))
    return made, old


def test_a_key_change_that_authors_signed_holds_and_is_told(made: Story) -> None:
    rekeyed(made)
    report = judged(made.lines(), made.root)
    assert report.holds, report.findings
    assert [(key.sequence, key.pinned) for key in report.clusters[0].keys] == [(1, 2), (6, 5)]
    assert report.clusters[0].early == 1


def test_an_old_key_no_longer_signs(made: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    _, old = rekeyed(made)
    cluster = made.clusters["a"]
    cluster.key = old
    cluster.say(5, NOW + timedelta(hours=3), compliant(DENY_2), base=True)
    report = judged(made.lines(), made.root)
    assert [(finding.code, finding.where) for finding in report.findings] == [("EDICT0242", "receipts/a/8")]
    monkeypatch.setattr(Signing, "_is_in_force", lambda *_: True)
    assert judged(made.lines(), made.root).holds


def test_a_threshold_of_authors_is_asked_of_every_release(made: Story) -> None:
    lines = made.lines()
    place = next(i for i, line in enumerate(lines) if _is_release(line, 4))
    line = lines[place]
    assert isinstance(line, MetadataLine)
    metadata: Metadata[Any] = Metadata.from_bytes(line.content)
    metadata.signatures.clear()
    lines[place] = MetadataLine(SNAPSHOT, 4, metadata.to_bytes())
    assert {"EDICT0202", "EDICT0251"} == codes(judged(lines, made.root))


def test_a_receipt_verifies_with_nothing_but_dsse(made: Story) -> None:
    """The pre-authentication encoding of DSSE v1, written down once more."""
    cluster = made.clusters["a"]
    plain = msgspec.json.decode(cluster.envelopes[0])
    kind, payload = plain["payloadType"].encode(), base64.b64decode(plain["payload"])
    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    cluster.key.public_key().verify(base64.b64decode(plain["signatures"][0]["sig"]), pae)
    assert plain["payloadType"] == PAYLOAD_TYPE
    assert set(plain) == {"payload", "payloadType", "signatures"}
    assert Envelope.from_dict(plain).payload == payload


def spans(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in report.findings]


def test_what_does_not_verify_is_told_as_spans(made: Story) -> None:
    lines = made.lines()
    for place in of(lines, "a")[1:4]:
        line = lines[place]
        assert isinstance(line, ReceiptLine)
        lines[place] = msgspec.structs.replace(line, content=altered(line.content))
    assert spans(judged(lines, made.root)) == [("EDICT0242", "receipts/a/2-4"), ("EDICT0244", "receipts/a/5")]
