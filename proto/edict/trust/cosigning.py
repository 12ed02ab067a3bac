"""Several signatures under one metadata file: whose they are, how many are missing, and putting one more there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Root, Snapshot, Targets
from tuf.api.serialization.json import JSONSerializer

from edict.trust import _check
from edict.trust._sign import sign
from edict.trust.drafting import Base, Drafted
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, owner_of_role

Signable = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot]


@dataclass(frozen=True)
class Standing:
    """How far the signatures of one file are, by the keys of one delegator; a new root has two, the old and its own.

    Attributes:
        role: whose metadata it is.
        owner: whose keys sign it: of a bin its team's role.
        version: of the metadata.
        threshold: how many signatures are needed.
        signed: the keys whose signatures are good.
        unsigned: the other keys that could sign.
    """

    role: str
    owner: str
    version: int
    threshold: int
    signed: tuple[Key, ...]
    unsigned: tuple[Key, ...]

    @property
    def complete(self) -> bool:
        """Whether the threshold holds."""
        return len(self.signed) >= self.threshold


class Signing:
    """Who may sign what of the next release.

    Args:
        base: what is trusted.
        new: metadata by role, root included where it is new; none of it needs a signature yet.
    """

    def __init__(self, base: Base, new: Mapping[str, bytes]) -> None:
        self._before = base.read_root()
        self._root = _check.parse(ROOT, new[ROOT], Root).signed if ROOT in new else self._before
        self._targets = {**base.targets, **new}
        self._parsed: dict[str, Targets | None] = {}
        top = self._read(TARGETS)
        named = top.delegations.roles if top is not None and top.delegations is not None else None
        self._roles = frozenset(named or ())

    def owner(self, role: str) -> str:
        """Return whose keys sign a role."""
        return owner_of_role(role, self._roles)

    def standings(self, role: str, data: bytes) -> tuple[Standing, ...]:
        """Return how far the signatures of a file are.

        Raises:
            TrustError: EDICT0201 when it cannot be read.
        """
        metadata = parsed(role, data)
        return tuple(self._standing(delegator, role, metadata) for delegator in self._delegators(role))

    def lacking(self, files: Mapping[str, bytes]) -> tuple[Standing, ...]:
        """Return every threshold that does not hold."""
        return tuple(one for role, data in files.items() for one in self.standings(role, data) if not one.complete)

    def signed(self, role: str, data: bytes, signers: Iterable[Signer]) -> bytes:
        """Add the signatures of those of some keys that the role still needs.

        A file whose thresholds hold is returned as it is: its bytes may have been described by a snapshot already.
        """
        for signer in signers:
            wanted = {key.keyid for one in self.standings(role, data) if not one.complete for key in one.unsigned}
            if not wanted:
                break  # before a key is opened for nothing
            if signer.public_key.keyid in wanted:
                metadata = parsed(role, data)
                sign(metadata, signer, append=True)
                data = encoded(metadata)
        return data

    def merged(self, role: str, data: bytes, other: bytes) -> bytes:
        """Add the good signatures of another copy of the same metadata, as many as are still needed."""
        known = parsed(role, data).signatures.keys()
        for keyid, signature in sorted(parsed(role, other).signatures.items()):
            wanted = {key.keyid for one in self.standings(role, data) if not one.complete for key in one.unsigned}
            if keyid in wanted - known:
                metadata = parsed(role, data)
                metadata.signatures[keyid] = signature
                candidate = encoded(metadata)
                if any(keyid in {key.keyid for key in one.signed} for one in self.standings(role, candidate)):
                    data = candidate
        return data

    def _delegators(self, role: str) -> list[Root | Targets]:
        if role == ROOT:
            return [root for root in (self._before, self._root) if root is not None]
        if role in {TARGETS, SNAPSHOT}:
            return [] if self._root is None else [self._root]
        owner = self.owner(role)
        delegator = self._read(TARGETS if owner == role else owner)
        return [] if delegator is None else [delegator]

    def _standing(self, delegator: Root | Targets, role: str, metadata: Signable) -> Standing:
        try:
            result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        except ValueError as error:
            raise _check.shape(role, metadata.signed.version, f"nobody delegates it: {_check.clipped(error)}") from None
        return Standing(
            role=role,
            owner=self.owner(role),
            version=metadata.signed.version,
            threshold=result.threshold,
            signed=tuple(result.signed.values()),
            unsigned=tuple(result.unsigned.values()),
        )

    def _read(self, role: str) -> Targets | None:
        if role not in self._parsed:
            data = self._targets.get(role)
            self._parsed[role] = None if data is None else _check.parse(role, data, Targets).signed
        return self._parsed[role]


def parsed(role: str, data: bytes) -> Signable:
    """Read a file of whatever kind its role must be.

    Raises:
        TrustError: EDICT0201.
    """
    if role == ROOT:
        return _check.parse(role, data, Root)
    return _check.parse(role, data, Snapshot) if role == SNAPSHOT else _check.parse(role, data, Targets)


def encoded(metadata: Signable) -> bytes:
    """Return a file's bytes; its signatures in the order of the keys' ids."""
    metadata.signatures = dict(sorted(metadata.signatures.items()))
    return metadata.to_bytes(JSONSerializer(compact=True))


def kept(drafted: Drafted | Metadata[Snapshot], before: bytes | None, role: str) -> bytes:
    """Return a draft's bytes, or an earlier draft's with its signatures where the two differ in their expiry alone."""
    if before is not None:
        earlier = parsed(role, before)
        if type(earlier.signed) is type(drafted.signed) and same(earlier, drafted):
            return before
    return encoded(drafted)


def same(one: Signable, other: Signable) -> bool:
    """Tell whether two files say the same but for their expiry."""
    first, second = one.signed.to_dict(), other.signed.to_dict()
    return {**first, "expires": ""} == {**second, "expires": ""}
