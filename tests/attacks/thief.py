"""What thieves do with the keys that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Targets

from edict.trust.roles import ROOT
from edict.trust.state import Bundle
from edict.trust.timestamp import sign_timestamp
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
    stamp = sign_timestamp(
        fed.keys.timestamp, bundle.snapshot, version=fed.timestamp_version, expires=fed.now + timedelta(days=1)
    )
    return replace(bundle, timestamp=stamp)


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
