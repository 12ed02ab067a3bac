"""A stolen hub answers authors: what they build the next release on, and which documents they read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from edict.errors import TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.trust import keys, verify
from edict.trust.roles import ROOT
from edict.trust.state import TrustState
from edict_cli import release
from edict_cli.store.workspace import Workspace
from tests.attacks import weak
from tests.attacks.harness import Off, attack
from tests.attacks.thief import forged
from tests.unit.cli.authors import MemoryHub, founded, policy, publish, put, reopened

_judged = release.verified


def _knows_nothing(_state: TrustState, response: pb.StateResponse) -> TrustState:
    """Believe a hub's release as if nothing had been seen before."""
    (root,) = (item.content for item in response.metadata if item.role == ROOT)
    return _judged(verify.pin(root), response)


class Lying(MemoryHub):
    """Shows authors what it likes."""

    shown: pb.StateResponse | None = None
    documents: bytes | None = None

    def state(self) -> pb.StateResponse:
        return self.shown or super().state()

    def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return super().blobs(digests) if self.documents is None else dict.fromkeys(digests, self.documents)


@pytest.fixture
def author(tmp_path: Path) -> Workspace:
    return founded(tmp_path / "edict")


@attack(
    "shows the publisher an older release, to have the next one built on it",
    without=[Off(release, "verified", _knows_nothing)],
)
def test_an_older_release_shown_to_the_publisher(author: Workspace) -> bool:
    """What was published meanwhile would be undone, under a signature of the publisher's."""
    hub = Lying(author)
    put(author, policy("one"))
    publish(author, hub)
    older = hub.state()
    put(author, policy("one", priority=99))
    publish(reopened(author), hub)
    hub.shown = older
    with contextlib.suppress(TrustError):
        return release.newest(reopened(author), hub).release == older.release
    return False


@attack("shows the publisher a role that the hub signed itself", without=[weak.UNDESCRIBED, weak.UNSIGNED], alone=True)
def test_a_role_of_its_own_shown_to_the_publisher(author: Workspace) -> bool:
    """The publisher's next snapshot would describe it."""
    hub = Lying(author)
    put(author, policy("one"))
    publish(author, hub)
    shown, own = hub.state(), keys.load_signer(author.hub / "timestamp.pem", None)
    for item in shown.metadata:
        if item.role.startswith("policies/") and b"net/one" in item.content:
            item.content = forged(item.content, lambda signed: signed.targets.clear(), own)
    hub.shown = shown
    with contextlib.suppress(TrustError):
        return "policies/net/one" not in release.newest(reopened(author), hub).documents
    return False


@attack(
    "answers an author with other documents than were signed", without=[Off(release, "check_blob", lambda *_: None)]
)
def test_other_documents_shown_to_an_author(author: Workspace) -> bool:
    """An author who looks at what is published, or signs a change of it, would read the thief's words."""
    hub = Lying(author)
    put(author, policy("one"))
    publish(author, hub)
    hub.documents = policy("one", priority=99)
    (target,) = (each for each in hub.verified.documents.values() if each.team)
    for path in (author.folder / "documents").rglob("*"):
        if path.is_file():
            path.unlink()
    with contextlib.suppress(TrustError):
        return release.contents(reopened(author), hub, [target])[target.digest] == hub.documents
    return False
