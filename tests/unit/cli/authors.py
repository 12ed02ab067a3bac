"""An author's workspace on disk, and a hub in memory that verifies as the real one does and can lose its answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import digest_of
from edict.trust import keys, verify
from edict.trust.documents import check_blob
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle
from edict.trust.timestamp import sign_timestamp
from edict_cli.codes import Hub
from edict_cli.founding import Founding, found
from edict_cli.hub import HubClient
from edict_cli.publishing import Published
from edict_cli.session import Session
from edict_cli.signing import Signed, sign
from edict_cli.store.keys import Keys
from edict_cli.store.settings import Address
from edict_cli.store.workspace import Workspace
from edict_cli.verbs.publish import released

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class FixedClock:
    """A clock that stands where a test puts it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def founded(folder: Path, *, teams: Sequence[str] = ("net",), clock: FixedClock | None = None) -> Workspace:
    """A new workspace with keys that have no passphrase."""
    session = Session(folder, clock=clock or FixedClock())
    here = (Address("127.0.0.1", 1),)
    found(
        folder,
        Founding("bank.example", here, here, ("127.0.0.1",), tuple(teams), "embedded"),
        Keys(folder, session),
        None,
        NOW,
    )
    return Workspace(session)


def reopened(workspace: Workspace, folder: Path | None = None) -> Workspace:
    """The workspace as the next command finds it."""
    return Workspace(Session(folder or workspace.folder, clock=workspace.session.clock))


def policy(name: str, *, priority: int = 10, selector: str = "{}") -> bytes:
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: FederatedNetworkPolicy
metadata:
  name: {name}
spec:
  placement:
    clusterSelector: {selector}
  policy:
    tier: Admin
    priority: {priority}
    subject:
      namespaces: {{}}
    egress:
    - action: Accept
      to:
      - networks:
        - 10.0.0.0/8
""".encode()


def cluster(name: str, key: str = "", labels: str = "{}") -> bytes:
    pinned = f"\n  receiptKey:\n    public: '{key}'" if key else ""
    return f"""\
apiVersion: federation.edict.dev/v1alpha1
kind: ManagedCluster
metadata:
  name: {name}
  labels: {labels}
spec:
  plugin: cilium{pinned}
""".encode()


def put(workspace: Workspace, *policies: bytes, team: str = "net", **named: bytes) -> list[Signed]:
    """Sign policies of a team by their names, and documents by paths with ``_`` for ``/``."""
    contents: dict[str, bytes | None] = {
        f"policies/{team}/{content.split(b'name: ')[1].split()[0].decode()}": content for content in policies
    }
    contents.update({path.replace("_", "/"): content for path, content in named.items()})
    return sign(workspace, contents)


def publish(workspace: Workspace, hub: HubClient, *, refresh: bool = False) -> Published:
    return released(workspace, hub, refresh=refresh, allow_lockout=False, ask=False, traceparent="")


class MemoryHub(HubClient):
    """Takes what verifies and gives it back."""

    def __init__(self, workspace: Workspace) -> None:
        self.key = workspace.hub / "timestamp.pem"
        self.roots = {1: (workspace.hub / "root.json").read_bytes()}
        self._clock = workspace.session.clock
        self.verified = verify.pin((workspace.hub / "root.json").read_bytes())
        self.stored: dict[str, bytes] = {}
        self.requests: list[pb.PublishRequest] = []
        self.lose_answer = False
        self.lose_request = False

    def state(self) -> pb.StateResponse:
        known = self.verified
        answer = pb.StateResponse(release=known.release)
        for number, content in sorted(self.roots.items()):
            answer.metadata.add(role=ROOT, version=number, content=content)
        if known.timestamp is not None and known.snapshot is not None:
            answer.metadata.add(role=TIMESTAMP, version=known.timestamp_version, content=known.timestamp)
            answer.metadata.add(role=SNAPSHOT, version=known.release, content=known.snapshot)
            for role, content in known.targets.items():
                answer.metadata.add(role=role, version=known.versions[role], content=content)
        return answer

    def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return {digest: self.stored[digest] for digest in digests if digest in self.stored}

    def publish(self, request: pb.PublishRequest) -> pb.PublishResponse:
        self.requests.append(request)
        if self.lose_request:
            raise HubError(Hub.LOST, "lost")
        sent = {item.role: item.content for item in request.metadata if item.role != ROOT}
        snapshot = sent.pop(SNAPSHOT)
        version = self.verified.timestamp_version + 1
        roots = {item.version: item.content for item in request.metadata if item.role == ROOT and item.version > 1}
        signer = keys.load_signer(self.key, None)
        stamp = sign_timestamp(signer, snapshot, version=version, expires=self._clock.now() + timedelta(days=1))
        state = verify.advance(
            self.verified,
            Bundle(tuple(data for _, data in sorted(roots.items())), stamp, snapshot, sent),
            now=self._clock.now(),
        )
        stored = self.stored | {digest_of(blob.content): blob.content for blob in request.blobs}
        for target in state.documents.values():
            check_blob(target, stored.get(target.digest, b""))
        self.verified, self.stored, self.roots = state, stored, {**self.roots, **roots}
        if self.lose_answer:
            raise HubError(Hub.LOST, "lost")
        return pb.PublishResponse(release=state.release, timestamp_version=version)

    def close(self) -> None:
        """There is nothing to close."""
