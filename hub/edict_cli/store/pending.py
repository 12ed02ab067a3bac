"""What is signed, or waits for signatures, and is not yet published.

`release.json` is one file, so that it is there whole or not at all: what the authors want, and the metadata that
follows from it and from the release it builds on, with the signatures that were collected. It can be made again on
another release. Documents stand in the workspace's content-addressed folder and are written before it.
`snapshot.json` is the snapshot that a publish made and did not finish with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from securesystemslib.signer import Key

from edict.errors import TrustError, UsageError
from edict.ids import Digest
from edict.trust import limits
from edict.trust.holding import Holding
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.keyring import Public


@dataclass(frozen=True)
class Wanted:
    """What the authors want of the next release.

    Attributes:
        documents: digest of the document at a path; None takes the document away.
        holdings: who signs a role from then on; None takes a team away.
        renew: roles that are signed again for their expiry.
        root_fields: Edict's own fields of the root; None takes one away.
    """

    documents: Mapping[str, Digest | None] = field(default_factory=dict)
    holdings: Mapping[str, Holding | None] = field(default_factory=dict)
    renew: frozenset[str] = frozenset()
    root_fields: Mapping[str, Any] = field(default_factory=dict)


class _Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[Public, ...]
    threshold: int
    limits: dict[str, Any]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    documents: dict[str, Digest | None] = {}
    holdings: dict[str, _Holding | None] = {}
    renew: tuple[str, ...] = ()
    root_fields: dict[str, Any] = {}
    metadata: dict[str, bytes] = {}


class Pending:
    """The `pending` folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "release.json"
        self._snapshot = folder / "snapshot.json"

    def wanted(self) -> Wanted:
        """Return what the authors want.

        Raises:
            UsageError: EDICT0605 when the file is damaged.
        """
        stored = self._load()
        try:
            holdings = {role: _holding(plain) for role, plain in stored.holdings.items()}
        except (msgspec.ValidationError, TrustError) as error:
            raise self._damaged(error) from None
        return Wanted(stored.documents, holdings, frozenset(stored.renew), stored.root_fields)

    def roles(self) -> dict[str, bytes]:
        """Return the metadata by role, in the order in which the roles vouch for each other; a new root is among it.

        Raises:
            UsageError: EDICT0605 when the file is damaged.
        """
        return self._load().metadata

    def put(self, wanted: Wanted, roles: Mapping[str, bytes]) -> None:
        """Replace everything."""
        if not roles and wanted == Wanted():
            files.remove(self._path)
            return
        holdings = {role: _plain(holding) for role, holding in wanted.holdings.items()}
        stored = _File(
            dict(wanted.documents), holdings, tuple(sorted(wanted.renew)), dict(wanted.root_fields), dict(roles)
        )
        files.write(self._path, msgspec.json.format(msgspec.json.encode(stored), indent=1))

    def snapshot(self) -> bytes | None:
        """Return the snapshot that the last publish signed and did not finish with."""
        return files.read(self._snapshot) if self._snapshot.exists() else None

    def keep_snapshot(self, data: bytes) -> None:
        """Keep the signed snapshot until it is published: one version has one content, also when asked twice."""
        files.write(self._snapshot, data)

    def drop(self) -> None:
        """Forget what the authors want. A snapshot that may have left this machine has used its number up: it stays."""
        files.remove(self._path)

    def clear(self) -> None:
        """Forget everything; what the authors want first."""
        files.remove(self._path)
        files.remove(self._snapshot)

    def _load(self) -> _File:
        if not self._path.exists():
            return _File()
        try:
            return msgspec.json.decode(files.read(self._path), type=_File)
        except msgspec.MsgspecError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> UsageError:
        return UsageError(
            Code.WORKSPACE_DAMAGED,
            f"the pending changes cannot be read: {' '.join(str(error).split())}",
            where=str(self._path),
            remedy=f"delete {self._path}, and sign again what was not published",
        )


def _holding(plain: _Holding | None) -> Holding | None:
    if plain is None:
        return None
    keys: tuple[Key, ...] = tuple(public.key for public in plain.keys)
    return Holding(keys, plain.threshold, limits.from_plain(plain.limits))


def _plain(holding: Holding | None) -> _Holding | None:
    if holding is None:
        return None
    return _Holding(tuple(map(Public.of, holding.keys)), holding.threshold, limits.to_plain(holding.limits))
