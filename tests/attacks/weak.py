"""Weakened verifiers: each is what a defence would be if it had been forgotten. Tests put them in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from edict.ids import ClusterName, Digest
from edict.trust import _check, documents, graph, steps
from edict.trust.custom import from_plain
from edict.trust.limits import UNLIMITED, Limits
from edict.trust.placement import placed
from edict.trust.roles import ROOT, TARGETS
from edict.trust.state import Proof, Target, TrustState
from edict_agent.sync import judge
from edict_agent.sync.judge import Judged
from tests.attacks.harness import Off


def _nothing(*_: Any, **__: Any) -> None:
    """Check nothing."""


def _one_is_enough(delegator: Root | Targets, role: str, metadata: Metadata[Any]) -> None:
    """Take one good signature of a role's keys for its threshold."""
    found = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not found.signed:
        raise UnsignedMetadataError


def _ids_not_keys(delegator: Root | Targets, role: str, metadata: Metadata[Any]) -> None:
    """Count key ids, as TUF's own client does, not what the keys are."""
    delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)


def _any_key_of_the_root(delegator: Root | Targets, role: str, metadata: Metadata[Any]) -> None:
    """Take a signature of any key that the delegator lists, whatever role it is for."""
    for key in delegator.keys.values() if isinstance(delegator, Root) else ():
        if key.keyid in metadata.signatures:
            key.verify_signature(metadata.signatures[key.keyid], metadata.signed_bytes)
            return
    delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)


def _signed_only(
    delegator: Root | Targets, role: str, _meta: MetaFile, data: bytes, *, now: datetime | None
) -> Targets:
    """Read a targets role that its delegator's keys signed, whatever the snapshot says of it."""
    del now
    metadata = _check.parse(role, data, Targets)
    _check.signatures(delegator, role, metadata)
    return metadata.signed


def _self_signed_root(_current: Root, data: bytes) -> Root:
    """Take a root that is signed by itself, whatever the one before says."""
    metadata = _check.parse(ROOT, data, Root)
    _check.signatures(metadata.signed, ROOT, metadata)
    return metadata.signed


_timestamp, _snapshot, _walk, _select = steps.timestamp, steps.snapshot, graph.walk, judge.select


def _no_floor(root: Root, data: bytes, *, held: bytes | None, **judged: Any) -> Timestamp:
    """Read a timestamp as if nothing had been accepted before."""
    return _timestamp(root, data, held=held, lowest=0, lowest_snapshot=0, now=judged["now"])


def _forgets_contents(root: Root, data: bytes, *, held: bytes | None, **judged: Any) -> Timestamp:
    """Read a timestamp without holding it against the one of the same version."""
    del held
    return _timestamp(root, data, held=None, **judged)


def _described_by_nobody(root: Root, meta: MetaFile, data: bytes, **judged: Any) -> Snapshot:
    """Read a snapshot whatever the timestamp says of its bytes."""
    return _snapshot(root, MetaFile.from_data(meta.version, data, ["sha256"]), data, **judged)


def _rebound(root: Root, root_bytes: bytes, snapshot: Snapshot, held: Mapping[str, bytes], **more: Any) -> graph.Walked:
    """Take what was verified before for verified, whoever delegates it now: python-tuf's known gap."""

    def above(role: str) -> bytes:
        if role == TARGETS:
            return root_bytes
        team, _, bin_number = role.rpartition("-")
        return held[team] if bin_number and team in held else held[TARGETS]

    known = {role: replace(proof, above=above(role)) for role, proof in more.pop("known").items()}
    return _walk(root, root_bytes, snapshot, held, known=known, **more)


class _PassesOver(graph._Walk):
    """Pass over a role that is not there, as TUF's own client does for one that it does not need."""

    def _load(self, delegator: Root | Targets, above: bytes, role: str, *more: Any) -> Proof:
        if f"{role}.json" in self.snapshot.meta and role in self.held:
            return super()._load(delegator, above, role, *more)
        return Proof(b"", above, UNLIMITED, 1, self.snapshot.expires, {}, None)


def _what_there_is(
    state: TrustState, blobs: Mapping[Digest, bytes], cluster: ClusterName, at: datetime, traceparent: str = ""
) -> Judged:
    """Go on without the documents that are not there."""
    there = {path: target for path, target in state.documents.items() if target.digest in blobs}
    return replace(_select(replace(state, documents=there), blobs, cluster, at, traceparent), state=state)


def _every_document(
    state: TrustState, blobs: Mapping[Digest, bytes], cluster: ClusterName, at: datetime, traceparent: str = ""
) -> Judged:
    """Keep whatever was sent."""
    return replace(_select(state, blobs, cluster, at, traceparent), blobs=blobs)


def _any_path(role: str, signed: Targets, *, team: str, allowed: Limits) -> dict[str, Target]:
    """Take every path that a team's role names, and believe the path for whose it is."""
    found = {}
    for path, entry in signed.targets.items():
        kind, _, name = path.partition("/")
        owner, name = name.rsplit("/", 1) if kind == "policies" else ("", name)
        found[path] = Target(
            path=path,
            role=role,
            digest=Digest(entry.hashes["sha256"]),
            length=entry.length,
            kind="FederatedNetworkPolicy" if owner else "ManagedCluster",
            team=owner,
            name=name,
            custom=from_plain(entry.custom),
            limits=allowed,
        )
    del team
    return found


def _wherever_it_says(state: TrustState, cluster: ClusterName) -> tuple[Target, ...]:
    """Place policies by their own selector alone."""
    free = {path: replace(target, limits=UNLIMITED) for path, target in state.documents.items()}
    return placed(replace(state, documents=free), cluster)


UNSIGNED = Off(_check, "signatures", _nothing)
ONE_IS_ENOUGH = Off(_check, "signatures", _one_is_enough)
IDS_NOT_KEYS = Off(_check, "signatures", _ids_not_keys)
SPELLINGS_ARE_KEYS = Off(_check, "material", lambda key: str(key.keyval["public"]).encode())
ANY_KEY_OF_THE_ROOT = Off(_check, "signatures", _any_key_of_the_root)
UNDESCRIBED = Off(_check, "described", _nothing)
SIGNED_ONLY = Off(steps, "targets", _signed_only)
SELF_SIGNED_ROOT = Off(steps, "next_root", _self_signed_root)
NO_FLOOR = Off(steps, "timestamp", _no_floor)
NOT_COMPARED = Off(steps, "_compared", _nothing)
FORGETS_CONTENTS = Off(steps, "timestamp", _forgets_contents)
SNAPSHOT_UNDESCRIBED = Off(steps, "snapshot", _described_by_nobody)
NO_RESET = Off(steps, "replaced", lambda *_: False)
NEVER_EXPIRES = Off(_check, "unexpired", _nothing)
ANY_DOCUMENT = Off(documents, "check_blob", _nothing)
NO_LIMITS = Off(documents, "limited", lambda document, *_: document)
REBOUND = Off(graph, "walk", _rebound)
PASSES_OVER_ROLES = Off(graph, "_Walk", _PassesOver)
WHAT_THERE_IS = Off(judge, "select", _what_there_is)
EVERY_DOCUMENT = Off(judge, "select", _every_document)
ANY_PATH = Off(graph, "documents_of", _any_path)
NO_CLUSTER_LIMITS = Off(judge, "placed", _wherever_it_says)
