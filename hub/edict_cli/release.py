"""The newest release as the hub has it, verified from the workspace's own trust root before anything is believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from edict.errors import EdictError, HubError, TrustError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import Digest
from edict.policy.documents import AnyDocument
from edict.trust import verify
from edict.trust.documents import check_blob, read_document
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Bundle, Target, TrustState
from edict_cli.codes import Hub
from edict_cli.hub import HubClient
from edict_cli.store.workspace import Workspace

UNJUDGED = datetime(1970, 1, 1, tzinfo=UTC)
"""An expired release must still be read, to be renewed; who shows it says that it has expired."""
BATCH_BYTES = 2 * 1024 * 1024


def verified(state: TrustState, response: pb.StateResponse) -> TrustState:
    """Verify what the hub has, on top of what this workspace knows.

    Raises:
        TrustError: EDICT02xx when something does not hold, 0207 when it is older than what is known.
        HubError: EDICT0453 when the hub has nothing and a release is known.
    """
    files = {item.role: item.content for item in response.metadata if item.role != ROOT}
    roots = sorted((item.version, item.content) for item in response.metadata if item.role == ROOT)
    newer = tuple(content for version, content in roots if version > state.root_version)
    timestamp, snapshot = files.pop(TIMESTAMP, None), files.pop(SNAPSHOT, None)
    if timestamp is None:
        if state.release:
            raise HubError(
                Hub.LOST_RELEASES,
                f"the hub has no release, and this workspace knows release {state.release}",
                where="State",
                remedy="if its etcd was lost or restored, `edict hub recover`; or check the address of the hub",
            )
        return state
    return verify.advance(state, Bundle(newer, timestamp, snapshot, files), now=UNJUDGED)


def newest(workspace: Workspace, hub: HubClient) -> TrustState:
    """Fetch and verify the newest release."""
    return verified(workspace.repository.state(), hub.state())


def newest_or_known(workspace: Workspace, hub: HubClient) -> tuple[TrustState, EdictError | None]:
    """Fetch and verify the newest release; where that fails, return the workspace's own with what is wrong.

    Judging clusters must go on while the hub is damaged, or lies.
    """
    known = workspace.repository.state()
    try:
        return verified(known, hub.state()), None
    except TrustError as error:
        return known, error
    except HubError as error:
        if error.code != f"EDICT{Hub.LOST_RELEASES:04d}":
            raise
        return known, error


def contents(workspace: Workspace, hub: HubClient, targets: Iterable[Target]) -> dict[Digest, bytes]:
    """Return the bytes of documents: from the workspace, or fetched, checked and kept.

    Raises:
        TrustError: EDICT0220 when the hub answers with other bytes.
    """
    wanted = {target.digest: target for target in targets}
    found = {digest: data for digest in wanted if (data := workspace.documents.get(digest)) is not None}
    missing = [target for digest, target in wanted.items() if digest not in found]
    for batch in _batches(missing):
        answered = hub.blobs([target.digest for target in batch])
        for target in batch:
            data = answered.get(target.digest, b"")
            check_blob(target, data)
            workspace.documents.put(data)
            found[target.digest] = data
    return found


def documents(workspace: Workspace, hub: HubClient, targets: Iterable[Target]) -> dict[str, AnyDocument]:
    """Return documents by path, each held against its signed description."""
    wanted = list(targets)
    found = contents(workspace, hub, wanted)
    return {target.path: read_document(target, found[target.digest]) for target in wanted}


def _batches(targets: Iterable[Target]) -> Iterator[list[Target]]:
    batch: list[Target] = []
    for target in targets:
        batch.append(target)
        if sum(item.length for item in batch) > BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch
