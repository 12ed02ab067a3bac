"""From a real hub to a file, and from the file to a judgement without it."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import msgspec
import pytest
from aetcd import rpc as etcd_rpc

from edict.ids import Digest
from edict.trust.receipts import PolicyReport, PolicyState, envelope_digest
from edict_cli import exporting
from edict_cli.hub import HubClient
from edict_cli.main import run
from tests.env import Etcd
from tests.env.fixtures import require_parts
from tests.integration.cli.conftest import hub_on
from tests.integration.cli.desk import PASSPHRASE, Desk, Ended, EnrolledCluster
from tests.unit.cli.authors import policy

pytestmark = pytest.mark.parts


class Told:
    """A federation that has something to prove: three releases, a cluster with four receipts."""

    def __init__(self, desk: Desk, tmp_path: Path) -> None:
        self.desk = desk
        document = tmp_path / "deny.yaml"
        document.write_bytes(policy("deny", selector="{matchLabels: {env: prod}}"))
        desk("cluster", "add", "fra1", "--plugin", "cilium", "--label", "env=prod", "--owner", "platform")
        desk("sign", "-f", str(document))
        desk("publish")
        self.cluster = EnrolledCluster("fra1", desk("cluster", "token", "fra1").out.strip())
        desk("cluster", "approve", "fra1", "--yes", "--publish")
        self.tell(release=1)
        self.tell(release=2, state=PolicyState.DEGRADED)
        document.write_bytes(policy("deny", selector="{matchLabels: {env: prod}}", priority=12))
        desk("sign", "-f", str(document))
        self.newest = desk.json("publish")["release"]
        self.tell(release=self.newest)
        self.tell(release=self.newest)
        self.root = desk.workspace / "metadata" / "1.root.json"

    def tell(self, *, release: int, state: PolicyState = PolicyState.COMPLIANT) -> None:
        digest = self.desk.json("get", "policies")[0]["digest"]
        self.cluster.tell(PolicyReport("net/deny", Digest(digest), state, accepted="yes"), release=release)

    def export(self, out: Path, *arguments: str, expect: int = 0) -> dict[str, Any]:
        report: dict[str, Any] = self.desk.json("audit", "export", "--out", str(out), *arguments, expect=expect)
        return report

    def head(self) -> str:
        last = self.cluster.chain[-1]
        return f"fra1={last.sequence}:{envelope_digest(last.envelope)}"


class OwnDesk(Desk):
    """A desk that outlives a test, so it catches what is printed itself."""

    def __call__(self, *arguments: str, expect: int | None = 0) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(["-C", str(self.workspace), *arguments])
        ended = Ended(code, out.getvalue(), err.getvalue(), 0)
        assert expect is None or ended.code == expect, ended
        return ended


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    require_parts("etcd")
    with Etcd.start(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture(scope="module")
def told(etcd: Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """One for all tests: who spoils something mends it."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDICT_PASSPHRASE", PASSPHRASE)
        with hub_on(etcd, folder) as hub:
            yield Told(OwnDesk(hub.workspace, cast("Any", None)), folder)


@contextlib.contextmanager
def without(etcd: Etcd, *names: str, instead: bytes | None = None) -> Iterator[None]:
    """Take keys out of etcd, or put something in their place, for a while."""
    with grpc.insecure_channel(etcd.endpoint.removeprefix("http://")) as channel:
        stub = etcd_rpc.KVStub(channel)
        found = [stub.Range(etcd_rpc.RangeRequest(key=name.encode()), timeout=5).kvs[0] for name in names]
        for kv in found:
            if instead is None:
                stub.DeleteRange(etcd_rpc.DeleteRangeRequest(key=kv.key), timeout=5)
            else:
                stub.Put(etcd_rpc.PutRequest(key=kv.key, value=instead), timeout=5)
        try:
            yield
        finally:
            for kv in found:
                stub.Put(etcd_rpc.PutRequest(key=kv.key, value=kv.value), timeout=5)


def verify(told: Told, file: Path, *arguments: str, expect: int = 0) -> dict[str, Any]:
    report: dict[str, Any] = told.desk.json(
        "audit", "verify", str(file), "--root", str(told.root), *arguments, expect=expect
    )
    return report


def test_an_export_of_a_real_hub_holds_without_it(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    made = told.export(one)
    told.export(two)
    assert one.read_bytes() == two.read_bytes(), "the same evidence, the same bytes"
    assert one.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(HubClient, "__init__", lambda *_: pytest.fail("verify must not ask the hub"))
    found = verify(told, one, "--head", told.head())
    assert found == made
    row = found["clusters"][0]
    assert (row["cluster"], row["verified"], row["last"], row["findings"]) == ("fra1", 4, 4, 0)
    assert (row["firstRelease"], row["lastRelease"], row["early"]) == (1, told.newest, 1)
    table = told.desk("audit", "verify", str(one), "--root-sha256", found["root"])
    assert "4 of 4" in table.out
    assert "nothing was found" in table.err
    assert "Without --head" in table.err


def test_the_state_as_of_a_time(told: Told, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    told.export(out)
    second = msgspec.json.decode(_payload(told.cluster.chain[1].envelope))["time"]
    at = (datetime.fromisoformat(second) + timedelta(microseconds=1)).isoformat()
    state = verify(told, out, "--at", at)["states"][0]
    assert (state["sequence"], state["policies"][0]["state"]) == (2, "Degraded")
    assert state["policies"][0]["receipt"] == envelope_digest(told.cluster.chain[1].envelope)
    table = told.desk("audit", "verify", str(out), "--root", str(told.root), "--at", at).out
    assert "net/deny" in table
    year = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    assert verify(told, out, "--at", year)["states"][0]["policies"][0]["state"] == "Unknown"


def _payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def test_an_export_can_begin_with_a_release(told: Told, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    report = told.export(out, "--since", str(told.newest), "--cluster", "fra1")
    assert (report["since"], report["firstRelease"], report["only"]) == (told.newest, told.newest, ["fra1"])
    assert report["clusters"][0]["receipts"] == 4, "what leads up to it, from the base"
    ended = told.desk("audit", "verify", str(out), "--root", str(told.root))
    assert "begins with release" in ended.err


def test_an_auditor_needs_no_key_of_an_author(told: Told, tmp_path: Path) -> None:
    folder = tmp_path / "auditor"
    folder.mkdir()
    told.desk("operator", "issue", "ada", "--role", "auditor", "--out", str(folder / "operator"))
    shutil.copy(told.desk.workspace / "workspace.yaml", folder)
    (folder / "metadata").mkdir()
    shutil.copy(told.root, folder / "metadata")
    assert run(["-C", str(folder), "audit", "export", "--out", str(tmp_path / "out.jsonl")]) == 0
    told.desk("operator", "issue", "vera", "--role", "viewer", "--out", str(tmp_path / "viewer"))
    shutil.rmtree(folder / "operator")
    (tmp_path / "viewer").rename(folder / "operator")
    assert run(["-C", str(folder), "audit", "export", "--out", str(tmp_path / "other.jsonl")]) == 2
    assert not (tmp_path / "other.jsonl").exists()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("/edict/v1/receipts/fra1/00000000000000000002", "EDICT0244"),
        ("/edict/v1/metadata/snapshot/2", "EDICT0251"),
        ("/edict/v1/metadata/inventory/2", "EDICT0208"),
    ],
)
def test_what_a_hub_drops_is_named_and_written_all_the_same(
    told: Told, etcd: Etcd, tmp_path: Path, key: str, code: str
) -> None:
    out = tmp_path / "out.jsonl"
    with without(etcd, key):
        report = told.export(out, expect=3)
    assert code in {finding["code"] for finding in report["findings"]}, report["findings"]
    assert verify(told, out, expect=1)["findings"] == report["findings"]


def test_a_dropped_tail_is_seen_with_the_head_and_by_who_looked_before(told: Told, etcd: Etcd, tmp_path: Path) -> None:
    assert told.desk.json("status")["clusters"][0]["sequence"] == 4
    head = {"sequence": 3, "base": 1, "digest": envelope_digest(told.cluster.chain[2].envelope)}
    out = tmp_path / "out.jsonl"
    with (
        without(etcd, "/edict/v1/receipts/fra1/00000000000000000004"),
        without(etcd, "/edict/v1/clusters/fra1/receipt-head", instead=json.dumps(head).encode()),
    ):
        assert [finding["code"] for finding in told.export(out, expect=3)["findings"]] == ["EDICT0253"]
        (told.desk.workspace / "seen.json").rename(tmp_path / "seen.json")
        told.export(tmp_path / "unseen.jsonl")
        (tmp_path / "seen.json").rename(told.desk.workspace / "seen.json")
        status = told.desk.json("status", expect=3)["clusters"][0]
    assert (status["state"], status["code"]) == ("Unknown", "EDICT0244")
    found = verify(told, out, "--head", told.head(), expect=1)["findings"]
    assert [(finding["code"], finding["where"]) for finding in found] == [("EDICT0253", "receipts/fra1/4")]


def test_documents_that_the_hub_lost_are_named_and_the_others_written(
    told: Told, etcd: Etcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = told.desk.json("get", "policies")[0]["digest"]
    monkeypatch.setattr(exporting, "BATCH_BYTES", 10**9)
    with without(etcd, f"/edict/v1/blobs/{digest}"):
        report = told.export(tmp_path / "out.jsonl", expect=3)
    assert {(finding["code"], finding["where"]) for finding in report["findings"]} == {("EDICT0255", f"blobs/{digest}")}


def test_a_hub_that_sends_what_no_file_can_hold_leaves_no_file(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    monkeypatch.setattr("edict.trust.audit.lines.MAX_LINE", 100)
    ended = told.desk("audit", "export", "--out", str(out), expect=2)
    assert "EDICT0250" in ended.err
    assert list(tmp_path.glob("*out.jsonl*")) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "EDICT0601"),
        (["--root", "root.json", "--root-sha256", "0" * 64], "EDICT0601"),
        (["--root-sha256", "xyz"], "EDICT0601"),
        (["--root-sha256", "0" * 64], "EDICT0603"),
        (["--root", "nowhere.json"], "EDICT0603"),
        (["--root-sha256", "0" * 64, "--head", "fra1=0:abc"], "EDICT0601"),
        (["--root-sha256", "0" * 64, "--head", f"Fra1=1:{'0' * 64}"], "EDICT0619"),
        (["--root-sha256", "0" * 64, "--at", "yesterday"], "EDICT0601"),
        (["--root-sha256", "0" * 64, "--at", "2026-05-01T12:00"], "EDICT0601"),
    ],
)
def test_what_is_asked_wrongly_is_told(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "verify", "nowhere.jsonl", *arguments]) == 2
    assert code in capsys.readouterr().err


def test_a_file_that_is_none_is_told(told: Told, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"nonsense\n")
    ended = told.desk("audit", "verify", str(bad), "--root", str(told.root), expect=2)
    assert "EDICT0250" in ended.err
    assert "Traceback" not in ended.err
    made = tmp_path / "made.jsonl"
    told.export(made)
    assert "EDICT0606" in told.desk("audit", "export", "--out", str(made), expect=2).err
    assert "EDICT0206" in told.desk("audit", "verify", str(made), "--root-sha256", "0" * 64, expect=2).err
