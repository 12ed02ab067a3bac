"""Giving a hub back what it has lost: this workspace's newest release, to every replica that an address leads to.

What is sent is what authors signed; the hub verifies it, and what agents offer, from its own pinned root. Everything
can be repeated: a hub that has it already says so.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import msgspec
from tuf.api.metadata import Snapshot

from edict.errors import HubError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import Digest
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import TrustState
from edict_cli import release
from edict_cli.codes import Hub
from edict_cli.hub import HubClient
from edict_cli.output import note
from edict_cli.planned import Plan, signed_snapshot
from edict_cli.store.metadata import signed
from edict_cli.store.settings import addresses
from edict_cli.store.workspace import Workspace

BATCH_BYTES = 32 * 1024 * 1024


class Recovered(msgspec.Struct, frozen=True, rename="camel"):
    """What the hub serves now. ``source`` is caller, etcd, or the cluster whose agent had it."""

    release: int
    timestamp_version: int
    changed: bool
    source: str
    missing: tuple[str, ...]


def recover(workspace: Workspace, *, from_agents: bool, renumber: bool) -> Recovered:
    """Recover through each address of the hub: a replica can ask only the agents that are connected to it.

    Args:
        workspace: locked by the caller.
        from_agents: also ask connected agents.
        renumber: sign what this workspace has under a number above all that it and the hub have seen.

    Raises:
        HubError: what the hub refused, as it said it; EDICT0450 when no address answers.
    """
    known = workspace.repository.state()
    where = f"{workspace.folder}/workspace.yaml hub"
    every = [str(address) for address in addresses(workspace.settings.hub, where=where)]
    done: Recovered | None = None
    unreachable: HubError | None = None
    for address in every if from_agents else [workspace.settings.hub]:
        try:
            with HubClient(_at(workspace, address)) as hub:
                metadata = _metadata(workspace, known, _renumbered(workspace, known, hub) if renumber else None)
                done = _together(done, _through(workspace, known, hub, metadata, from_agents=from_agents))
                renumber = False
        except HubError as error:
            if error.code != f"EDICT{Hub.UNREACHABLE:04d}":
                raise
            unreachable = error
            note(error.diagnostics())
    if done is None:
        raise unreachable or AssertionError
    with HubClient(workspace) as hub:
        workspace.repository.advance(release.newest(workspace, hub))
    return done


def _at(workspace: Workspace, address: str) -> Workspace:
    """Return the workspace as one whose hub has this address alone."""
    one = copy.copy(workspace)
    one.settings = msgspec.structs.replace(workspace.settings, hub=address)
    return one


def _through(
    workspace: Workspace, known: TrustState, hub: HubClient, metadata: list[pb.Metadata], *, from_agents: bool
) -> Recovered:
    answer: pb.RecoverResponse | None = None
    changed = False
    for blobs in _batches(workspace, known):
        if answer is not None and not answer.missing:
            break
        answer = hub.recover(pb.RecoverRequest(metadata=metadata, blobs=blobs, from_agents=from_agents))
        changed |= answer.changed
    found = answer or pb.RecoverResponse()
    return Recovered(found.release, found.timestamp_version, changed, found.source, tuple(found.missing))


def _together(before: Recovered | None, now: Recovered) -> Recovered:
    """Join what two replicas answered: the source is that of the one that changed something."""
    if before is None or not before.changed:
        return now
    return now if now.changed else msgspec.structs.replace(now, changed=True, source=before.source)


def _metadata(workspace: Workspace, known: TrustState, renumbered: bytes | None) -> list[pb.Metadata]:
    metadata = [pb.Metadata(role=ROOT, version=version, content=data) for version, data in workspace.repository.roots()]
    if known.snapshot is None:
        return metadata
    if renumbered is None:
        metadata.append(pb.Metadata(role=TIMESTAMP, version=known.timestamp_version, content=known.timestamp or b""))
    metadata.append(pb.Metadata(role=SNAPSHOT, content=renumbered or known.snapshot))
    metadata += [
        pb.Metadata(role=role, version=known.versions[role], content=data)
        for role, data in sorted(known.targets.items())
    ]
    return metadata


def _renumbered(workspace: Workspace, known: TrustState, hub: HubClient) -> bytes:
    """Sign the release that is known under a number that neither it, the hub's, nor a kept snapshot has used."""
    kept = workspace.pending.snapshot()
    used = [known.release, hub.state().release]
    if kept is not None:
        used.append(signed(kept, Snapshot, "pending/snapshot.json").version)
    base = workspace.repository.base(known)
    return signed_snapshot(workspace, Plan(known, base, known.targets, {}, (), max(used) + 1, found=False))


def _batches(workspace: Workspace, known: TrustState) -> Iterator[list[pb.Blob]]:
    """Yield the documents that are here, in batches; at least one, which may be empty."""
    batch: list[pb.Blob] = []
    size = 0
    for digest in sorted({target.digest for target in known.documents.values()}):
        content = workspace.documents.get(Digest(digest))
        if content is None:
            continue
        if size + len(content) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(pb.Blob(digest=digest, content=content))
        size += len(content)
    yield batch
