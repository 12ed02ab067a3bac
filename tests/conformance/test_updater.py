"""The ground that the TUF project's conformance suite covers, against the same entry point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile

from edict.errors import TrustError
from edict.trust import _check
from tests.conformance.repository import NOW, TOP, Repository
from tests.conformance.updater import NotFoundError, Updater, content_of


class Client:
    """A client's folder, and what it trusts."""

    def __init__(self, folder: Path, repo: Repository) -> None:
        self.folder, self.repo = folder, repo
        (folder / "root.json").write_bytes(repo.files["1.root.json"])

    def updater(self, now: datetime = NOW) -> Updater:
        updater = Updater(self.folder, self.repo.fetch, now)
        updater.refresh()
        return updater

    def refused(self, code: str, now: datetime = NOW) -> None:
        with pytest.raises(TrustError) as caught:
            self.updater(now)
        assert caught.value.code == code, caught.value

    @property
    def trusted(self) -> dict[str, int]:
        return {
            path.stem: Metadata[Any].from_bytes(path.read_bytes()).signed.version
            for path in sorted(self.folder.glob("*.json"))
        }


@pytest.fixture(params=[False, True], ids=["versions", "hashes"])
def repo(request: pytest.FixtureRequest) -> Repository:
    return Repository(hashes=request.param)


@pytest.fixture
def client(tmp_path: Path, repo: Repository) -> Client:
    return Client(tmp_path, repo)


def test_a_refresh_asks_for_what_it_needs_and_no_more(client: Client) -> None:
    client.updater()
    assert client.repo.asked == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    assert client.trusted == dict.fromkeys(TOP, 1)
    client.repo.asked.clear()
    client.updater()
    assert client.repo.asked == ["2.root.json", "timestamp.json"], "what is stored is not fetched again"


@pytest.mark.parametrize(
    ("role", "kept"),
    [
        ("root", {"root": 1}),
        ("timestamp", {"root": 2}),
        ("snapshot", {"root": 2, "timestamp": 2}),
        ("targets", {"root": 2, "snapshot": 2, "timestamp": 2}),
    ],
)
def test_what_is_not_signed_is_refused_and_what_came_before_it_is_kept(
    client: Client, role: str, kept: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = client.repo
    stranger: list[Signer] = [CryptoSigner.generate_ed25519()]
    if role == "root":
        repo.signers["root-all"] = stranger
        repo.signers["root"] = stranger
    else:
        repo.signers[role] = stranger
    repo.publish("root", "targets", "snapshot", "timestamp")
    client.refused("EDICT0202")
    assert client.trusted == kept
    monkeypatch.setattr(_check, "signatures", lambda *_: None)
    client.updater()
    assert client.trusted == dict.fromkeys(TOP, 2), "without the check it is taken"


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_nothing_goes_back(client: Client, role: str) -> None:
    repo = client.repo
    repo.publish("targets", "snapshot", "timestamp")
    client.updater()
    repo.signed[role].version = 0
    following = TOP[TOP.index(role) :]
    repo.publish(*following)
    client.refused("EDICT0207")
    assert client.trusted[role] == 2


def test_a_role_does_not_vanish_from_the_snapshot(client: Client) -> None:
    repo = client.repo
    repo.delegate("targets", "team")
    repo.publish("team", "targets", "snapshot", "timestamp")
    client.updater()
    del repo.signed["team"]
    repo.publish("snapshot", "timestamp")
    client.refused("EDICT0207")


@pytest.mark.parametrize("roles", [("timestamp",), ("snapshot", "timestamp")])
def test_new_keys_recover_from_an_absurd_version(client: Client, roles: tuple[str, ...]) -> None:
    repo = client.repo
    for role in roles:
        repo.signed[role].version = 99
    repo.publish(*roles)
    client.updater()
    for role in roles:
        repo.rotate(role)
        repo.signed[role].version = 0
    repo.publish("root", *roles)
    client.updater()
    assert {role: client.trusted[role] for role in roles} == dict.fromkeys(roles, 1)


def test_without_new_keys_an_absurd_version_stays(client: Client) -> None:
    repo = client.repo
    repo.signed["timestamp"].version = 99
    repo.publish("timestamp")
    client.updater()
    repo.signed["timestamp"].version = 0
    repo.publish("root", "timestamp")
    client.refused("EDICT0207")


def test_roots_are_followed_one_by_one(client: Client) -> None:
    repo = client.repo
    for _ in range(5):
        repo.rotate("timestamp")
        repo.publish("root", "timestamp")
    client.updater()
    assert client.trusted["root"] == 6
    repo.signed["root"].version += 1
    repo.publish("root")
    client.updater()
    assert client.trusted["root"] == 6, "version 8 is never asked for while there is no version 7"


def test_a_root_needs_the_old_and_the_new_keys(client: Client) -> None:
    repo = client.repo
    old = list(repo.signers["root"])
    repo.rotate("root")
    repo.signed["root"].version += 1
    for by in (old, repo.signers["root"]):
        repo.serve("root", by)
        client.refused("EDICT0202")
    repo.serve("root", [*old, *repo.signers["root"]])
    client.updater()
    assert client.trusted["root"] == 2


@pytest.mark.parametrize("role", TOP)
def test_what_has_expired_is_not_taken(client: Client, role: str) -> None:
    repo = client.repo
    client.updater()
    repo.signed[role].expires = NOW - timedelta(days=1)
    repo.publish(*(TOP if role == "root" else TOP[TOP.index(role) :]))
    client.refused("EDICT0204")
    assert client.trusted[role] == (2 if role == "root" else 1)


def test_an_expired_root_and_timestamp_are_followed_by_newer_ones(client: Client) -> None:
    repo = client.repo
    client.updater()
    for role in TOP:
        repo.signed[role].expires = NOW + timedelta(days=99)
    repo.publish(*TOP)
    client.updater(NOW + timedelta(days=60))
    assert client.trusted == dict.fromkeys(TOP, 2)


def test_a_threshold_needs_distinct_keys(client: Client) -> None:
    repo = client.repo
    repo.signed["root"].roles["snapshot"].threshold = 2
    repo.publish("root", "snapshot", "timestamp")
    client.refused("EDICT0202")
    repo.add_key("snapshot")
    repo.publish("root", "snapshot", "timestamp")
    client.updater()
    assert client.trusted["snapshot"] == 3


def test_another_type_on_a_role_s_place_is_refused(client: Client) -> None:
    repo = client.repo
    repo.files["timestamp.json"] = repo.files["1.snapshot.json"]
    client.refused("EDICT0201")


@pytest.mark.parametrize("path", ["1.snapshot.json", "1.targets.json", "timestamp.json"])
def test_a_missing_file_is_named(client: Client, path: str) -> None:
    del client.repo.files[path]
    client.refused("EDICT0208")


def test_one_version_of_a_timestamp_keeps_its_content(client: Client) -> None:
    repo = client.repo
    client.updater()
    before = (client.folder / "timestamp.json").read_bytes()
    repo.signed["timestamp"].snapshot_meta.version = 100
    repo.serve("timestamp")
    client.updater()
    assert (client.folder / "timestamp.json").read_bytes() == before


GRAPHS: dict[str, tuple[list[tuple[str, str, bool]], list[str]]] = {
    "two levels": ([("targets", "a", False), ("targets", "b", False), ("b", "c", False)], ["a", "b", "c"]),
    "depth first": (
        [("targets", "a", False), ("targets", "b", False), ("a", "c", False), ("a", "d", False)],
        ["a", "c", "d", "b"],
    ),
    "terminating": (
        [("targets", "a", False), ("targets", "b", False), ("a", "c", True), ("a", "d", False)],
        ["a", "c"],
    ),
    "cycle": (
        [("targets", "a", False), ("targets", "b", False), ("b", "c", False), ("c", "b", False)],
        ["a", "b", "c"],
    ),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_delegations_are_searched_in_order(client: Client, graph: str) -> None:
    delegations, visited = GRAPHS[graph]
    repo = client.repo
    for delegator, role, terminating in delegations:
        repo.delegate(delegator, role, terminating=terminating)
    repo.publish(*dict.fromkeys(role for _, role, _ in delegations), "targets", "snapshot", "timestamp")
    updater = client.updater()
    repo.asked.clear()
    with pytest.raises(NotFoundError):
        updater.find("missing")
    assert [path.split(".")[1] for path in repo.asked] == visited


def test_a_role_under_two_delegators_is_verified_under_each(client: Client) -> None:
    """python-tuf's known gap: verified under the first delegator, it counts under the second."""
    repo = client.repo
    for parent, paths in (("parent-a", ["a/*"]), ("parent-b", ["b/*"])):
        repo.delegate("targets", parent, paths=paths)
        key = repo.delegate(parent, "release", paths=paths)
        if parent == "parent-a":
            key_of_a = key
    for path in ("a/x", "b/x"):
        repo.signed["release"].targets[path] = TargetFile.from_data(path, b"content", ["sha256"])
    repo.signers["release"] = [key_of_a]
    repo.publish("release", "parent-a", "parent-b", "targets", "snapshot", "timestamp")
    updater = client.updater()
    assert updater.find("a/x").path == "a/x"
    with pytest.raises(TrustError, match="EDICT0202"):
        updater.find("b/x")


@pytest.mark.parametrize("role", ["?", "#", "/team", "../team"])
def test_an_unusual_role_name_stays_in_its_folder(client: Client, role: str) -> None:
    repo = client.repo
    repo.delegate("targets", role)
    repo.publish(role, "targets", "snapshot", "timestamp")
    with pytest.raises(NotFoundError):
        client.updater().find("x")
    assert len(client.trusted) == 5
    assert not [path for path in client.folder.parent.iterdir() if path.suffix == ".json"]


def wrong(target: TargetFile) -> None:
    target.hashes = {"unknown": "0" * 64}


@pytest.mark.parametrize("bend", [None, wrong])
def test_a_target_has_the_bytes_that_were_signed(client: Client, bend: Callable[[TargetFile], None] | None) -> None:
    repo = client.repo
    target = TargetFile.from_data("dir/x", b"content", ["sha256"])
    digest = target.hashes["sha256"]
    if bend is not None:
        bend(target)
    repo.signed["targets"].targets["dir/x"] = target
    repo.publish("targets", "snapshot", "timestamp")
    found = client.updater().find("dir/x")
    files = {f"dir/{digest}.x": b"content", f"dir/{'0' * 64}.x": b"content"}
    if bend is None:
        assert content_of(found, files.get, consistent=True) == b"content"
        files = dict.fromkeys(files, b"malicious")
    with pytest.raises(RepositoryError):
        content_of(found, files.get, consistent=True)
