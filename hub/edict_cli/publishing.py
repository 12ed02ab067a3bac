"""One release: what is pending on top of the hub's newest, signed, sent, and found again when the answer was lost.

Every step can be repeated. The snapshot is kept before it is sent, so that one number of a release has one content;
the workspace moves on only after the hub's newest state, with that release in it, has been verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from tuf.api.metadata import Targets

from edict.errors import UsageError
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import Digest
from edict.policy.documents import AnyDocument
from edict.policy.parse import load_one
from edict.trust.describing import alive
from edict.trust.drafting import Base
from edict.trust.holding import holdings_of
from edict.trust.limits import Limits
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, waiver_path
from edict.trust.state import TrustState
from edict_cli import limiting, preparing
from edict_cli import release as hub_release
from edict_cli.codes import Code
from edict_cli.hub import HubClient
from edict_cli.planned import Plan, number_of, signed_snapshot
from edict_cli.preparing import documents_of
from edict_cli.signing import Difference, Signed, difference
from edict_cli.store.metadata import signed, version_of
from edict_cli.store.workspace import Workspace


class Published(msgspec.Struct, frozen=True, rename="camel"):
    """What a publish did: ``action`` is published, refreshed, found or nothing; ``roles`` are those that it changed."""

    release: int
    timestamp_version: int
    action: str
    expires: datetime | None
    changes: tuple[Signed, ...] = ()
    roles: dict[str, Difference] = msgspec.field(default_factory=dict)


def plan(workspace: Workspace, state: TrustState) -> Plan:
    """Lay what is pending over the hub's newest release.

    Raises:
        UsageError: EDICT0613 when a role was published by somebody else since it was signed here; EDICT0631 when
            something has fewer signatures than it needs.
    """
    pending = workspace.pending.roles()
    base = workspace.repository.base(state)
    new = {role: data for role, data in pending.items() if data not in {base.targets.get(role), base.root}}
    for role, data in new.items():
        built_on, present = version_of(role, data) - 1, _version(base, role)
        if built_on != present:
            raise UsageError(
                Code.CONFLICT,
                f"{role} was signed on top of version {built_on}, and version {present} is published",
                where=f"{workspace.folder}/pending",
                remedy="`edict sign --rebase` signs it again on top of the newest release; then publish",
            )
    standings = preparing.standings_of(base, new)
    if not all(one.complete for one in standings):
        raise preparing.below(standings, f"{workspace.folder}/pending")
    targets = alive({**base.targets, **{role: data for role, data in new.items() if role != ROOT}})
    return Plan(
        state=state,
        base=base,
        targets=targets,
        new=new if state.release else {**targets, **new},
        changes=_changes(state, targets),
        number=number_of(workspace, state, targets),
        found=bool(pending and state.release) and not new,
    )


def _version(base: Base, role: str) -> int:
    if role == ROOT:
        root = base.read_root()
        return root.version if root else 0
    known = base.read(role)
    return max(base.versions.get(role, 0), known.version if known else 0)


def publish(workspace: Workspace, hub: HubClient, planned: Plan, *, traceparent: str) -> TrustState:
    """Sign the snapshot, send what is new, and return the hub's newest release, verified.

    Args:
        workspace: locked by the caller.
        hub: connected.
        planned: from :func:`plan`.
        traceparent: of the trace that ends at each agent.

    Raises:
        HubError: what the hub refused, as it said it; EDICT0451 when the answer was lost.
    """
    snapshot = signed_snapshot(workspace, planned)
    metadata = [
        pb.Metadata(role=ROOT, version=version, content=data)
        for version, data in workspace.repository.roots()
        if version > planned.state.root_version or not planned.state.release
    ]
    metadata += [
        pb.Metadata(role=role, version=version_of(role, data), content=data) for role, data in planned.new.items()
    ]  # a new root is the first of them
    metadata.append(pb.Metadata(role=SNAPSHOT, version=planned.number, content=snapshot))
    hub.publish(pb.PublishRequest(metadata=metadata, blobs=_blobs(workspace, planned), traceparent=traceparent))
    return hub_release.newest(workspace, hub)


def documents_after(workspace: Workspace, hub: HubClient, planned: Plan) -> dict[str, AnyDocument]:
    """Return every document of the next release by its path, narrowed to its team's limits.

    Raises:
        TrustError: EDICT0220 when the hub has other documents than were signed for; EDICT0215 when one is beyond its
            team's limits as they will be.
    """
    pending = {item.document: Digest(item.digest) for item in planned.changes}
    kept = [target for path, target in planned.state.documents.items() if path not in pending]
    contents = hub_release.contents(workspace, hub, kept)
    found = {target.path: load_one(contents[target.digest], target.path) for target in kept}
    found |= {path: load_one(workspace.documents.pending(digest), path) for path, digest in pending.items() if digest}
    return limiting.within(found, holdings_of(None, signed(planned.targets[TARGETS], Targets, TARGETS)))


def limits_of_waivers(planned: Plan) -> Limits:
    """Return what the role of waivers may sign in the next release."""
    holdings = holdings_of(None, signed(planned.targets[TARGETS], Targets, TARGETS))
    return limiting.limits_of(waiver_path(""), holdings)


def finish(workspace: Workspace, state: TrustState) -> None:
    """Move the workspace on to a release that has everything pending in it."""
    workspace.repository.advance(state)
    workspace.pending.clear()
    workspace.documents.keep_only(target.digest for target in state.documents.values())


def _changes(state: TrustState, targets: Mapping[str, bytes]) -> tuple[Signed, ...]:
    before = {path: target.digest for path, target in state.documents.items()}
    after = documents_of(targets)
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return tuple(Signed(path, difference(before.get(path), after.get(path)), after.get(path, "")) for path in paths)


def _blobs(workspace: Workspace, planned: Plan) -> list[pb.Blob]:
    held = {target.digest for target in planned.state.documents.values()}
    digests = sorted({Digest(item.digest) for item in planned.changes if item.digest} - held)
    return [pb.Blob(digest=digest, content=workspace.documents.pending(digest)) for digest in digests]
