"""An author in a benchmark's own process: signs and publishes without the start of a command in between."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import grpc
from tuf.api.metadata import Metadata, Snapshot

from edict.federation.v1 import federation_pb2 as pb
from edict.federation.v1 import federation_pb2_grpc as rpc
from edict.ids import digest_of
from edict.policy.parse import load_one
from edict.trust import authoring
from edict.trust.keys import load_signer
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP, policy_path, team_role


class Author:
    """Holds the keys of a workspace and the newest release."""

    def __init__(self, workspace: Path, address: str, team: str, passphrase: bytes) -> None:
        operator = workspace / "operator"
        credentials = grpc.ssl_channel_credentials(
            (operator / "ca.crt").read_bytes(),
            (operator / "operator.key").read_bytes(),
            (operator / "operator.crt").read_bytes(),
        )
        self._admin = rpc.AdminStub(grpc.secure_channel(address, credentials))
        self._team = team
        self._signer = load_signer(workspace / "keys" / f"team-{team}.pem", passphrase)
        self._publisher = load_signer(workspace / "keys" / "snapshot.pem", passphrase)
        state = self._admin.State(pb.StateRequest())
        self.release = int(state.release)
        self._before = next(
            Metadata[Snapshot].from_bytes(item.content).signed for item in state.metadata if item.role == SNAPSHOT
        )
        self._targets = {
            item.role: item.content for item in state.metadata if item.role not in {ROOT, SNAPSHOT, TIMESTAMP}
        }

    def prepare(self, content: bytes) -> tuple[pb.PublishRequest, str]:
        """Sign one policy into the next release; returns the request and the document's digest."""
        document = load_one(content, "bench.yaml")
        path = policy_path(self._team, document.metadata.name)
        now = datetime.now(UTC)
        item = authoring.Change(path, content, document)
        changed = authoring.change(self._targets, team_role(self._team), [item], self._signer, now)
        self._targets.update(changed)
        self.release += 1
        snapshot = authoring.snapshot(
            self._targets, self._publisher, version=self.release, now=now, before=self._before
        )
        metadata = [
            pb.Metadata(role=role, version=json.loads(data)["signed"]["version"], content=data)
            for role, data in {**changed, SNAPSHOT: snapshot}.items()
        ]
        digest = digest_of(content)
        return pb.PublishRequest(metadata=metadata, blobs=[pb.Blob(digest=digest, content=content)]), digest

    def publish(self, request: pb.PublishRequest) -> None:
        """Send a prepared release; returns when it is committed."""
        self._admin.Publish(request, timeout=30)
