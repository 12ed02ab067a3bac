"""Bare python-tuf over the same metadata, as its Updater drives it: what is stored is verified again, then the new."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tuf.api.exceptions import EqualVersionNumberError
from tuf.api.metadata import Targets
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from bench.federation import TEAM
from edict.trust.roles import TARGETS, team_role
from edict.trust.state import Bundle, TrustState


@dataclass(frozen=True)
class Peer:
    """What a client of python-tuf has stored."""

    root: bytes
    timestamp: bytes
    snapshot: bytes
    targets: Mapping[str, bytes]

    @classmethod
    def of(cls, state: TrustState) -> Peer:
        """Take it from a verified state, so that both have the same bytes."""
        return cls(state.root, state.timestamp or b"", state.snapshot or b"", state.targets)

    def refresh(self, new: Bundle) -> TrustedMetadataSet:
        """Load what is stored, then what is new, of the top-level roles."""
        trusted = TrustedMetadataSet(self.root, EnvelopeType.METADATA)
        trusted.update_timestamp(self.timestamp)
        with suppress(EqualVersionNumberError):
            trusted.update_timestamp(new.timestamp or self.timestamp)
        if new.snapshot not in {None, self.snapshot}:
            with suppress(Exception):  # the stored one is older than what the timestamp says: kept for its versions
                trusted.update_snapshot(self.snapshot, trusted=True)
        trusted.update_snapshot(new.snapshot or self.snapshot, trusted=new.snapshot in {None, self.snapshot})
        trusted.update_targets(new.targets.get(TARGETS, self.targets[TARGETS]))
        return trusted

    def everything(self, new: Bundle) -> TrustedMetadataSet:
        """Refresh, and load every delegated role."""
        trusted = self.refresh(new)
        load_delegated(trusted, {**self.targets, **new.targets})
        return trusted


def first_sync(root: bytes, bundle: Bundle, contents: Mapping[str, bytes]) -> int:
    """Let python-tuf take a first release; return how many documents it found good."""
    trusted = TrustedMetadataSet(root, EnvelopeType.METADATA)
    trusted.update_timestamp(bundle.timestamp or b"")
    trusted.update_snapshot(bundle.snapshot or b"")
    trusted.update_targets(bundle.targets[TARGETS])
    load_delegated(trusted, bundle.targets)
    good = 0
    for role in bundle.targets:
        signed = trusted[role]
        assert isinstance(signed, Targets)
        for target in signed.targets.values():
            target.verify_length_and_hashes(contents[target.hashes["sha256"]])
            good += 1
    return good


def load_delegated(trusted: TrustedMetadataSet, targets: Mapping[str, bytes]) -> None:
    """Load every role below targets under the role that delegates to it."""
    for role, data in targets.items():
        if role != TARGETS and (role == team_role(TEAM) or not role.startswith(f"{team_role(TEAM)}-")):
            trusted.update_delegated_targets(data, role, TARGETS)
    for role, data in targets.items():
        if role.startswith(f"{team_role(TEAM)}-"):
            trusted.update_delegated_targets(data, role, team_role(TEAM))
