"""What thieves do with the keys that they have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Targets, Timestamp

from edict.trust.roles import ROOT
from edict.trust.state import Bundle
from tests.unit.trust.federation import Federation


def forged(data: bytes, edit: Callable[[Any], None], *by: Signer) -> bytes:
    """Return metadata with another content, signed by the given keys alone."""
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    edit(metadata.signed)
    metadata.signatures.clear()
    for signer in by:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def next_version(signed: Any) -> None:
    """Edit nothing but the version."""
    signed.version += 1


def stamped(fed: Federation, bundle: Bundle, *, version: int = 0) -> Bundle:
    """Return a bundle with a new timestamp of the hub's key over its snapshot."""
    fed.timestamp_version = version or fed.timestamp_version + 1
    assert bundle.snapshot is not None
    described = MetaFile.from_data(_version(bundle.snapshot), bundle.snapshot, ["sha256"])
    expires = fed.now + timedelta(days=1)
    stamp = Metadata(Timestamp(version=fed.timestamp_version, expires=expires, snapshot_meta=described))
    stamp.sign(fed.keys.timestamp)
    return replace(bundle, timestamp=stamp.to_bytes())


def without_the_team(top: Targets) -> None:
    """Edit targets: nobody delegates to the team any more, and all its policies are gone."""
    top.version += 1
    assert top.delegations is not None
    assert top.delegations.roles is not None
    del top.delegations.roles["policies/net"]


def root_with(fed: Federation, edit: Callable[[Root], None], *more: Signer) -> bytes:
    """Return the authors' next root, well signed."""

    def next_root(root: Root) -> None:
        root.version += 1
        edit(root)

    return forged(fed.metadata[ROOT], next_root, fed.keys.root, *more)


def replaces(role: str, old: Signer, new: Signer) -> Callable[[Root], None]:
    """Return the edit of a root that takes one key of a role away and adds another."""

    def edit(root: Root) -> None:
        root.revoke_key(old.public_key.keyid, role)
        root.add_key(new.public_key, role)

    return edit


def swapped(bundle: Bundle, roles: Mapping[str, bytes]) -> Bundle:
    """Return a bundle with other bytes for some of its roles; its snapshot still speaks of the former ones."""
    return replace(bundle, targets={**bundle.targets, **roles})


def _version(snapshot: bytes) -> int:
    return int(json.loads(snapshot)["signed"]["version"])
