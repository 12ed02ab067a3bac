"""What is signed and not yet published.

`changes.json` is what the author wants; the signed metadata beside it follows from that and from the release it
builds on, so it can be made again on another one. Documents stand in the workspace's content-addressed folder and are
written first; `changes.json` is written last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from edict.errors import UsageError
from edict.ids import Digest
from edict_cli.codes import Code
from edict_cli.store import files

Wanted = Mapping[str, Digest | None]
"""Digest of the document wanted at a path; None takes the document away."""


class Pending:
    """The `pending` folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._changes = folder / "changes.json"
        self._snapshot = folder / "snapshot.json"

    def wanted(self) -> Wanted:
        """Return the changes that were signed.

        Raises:
            UsageError: EDICT0605 when the file is damaged.
        """
        if not self._changes.exists():
            return {}
        try:
            return msgspec.json.decode(files.read(self._changes), type=dict[str, Digest | None])
        except msgspec.MsgspecError as error:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                f"the pending changes cannot be read: {error}",
                where=str(self._changes),
                remedy=f"delete {self._folder}, and sign again what was not published",
            ) from None

    def roles(self) -> dict[str, bytes]:
        """Return the signed metadata by role."""
        return {
            str(path.relative_to(self._metadata).with_suffix("")): files.read(path)
            for path in sorted(self._metadata.rglob("*.json"))
        }

    def put(self, wanted: Wanted, roles: Mapping[str, bytes]) -> None:
        """Replace everything: metadata first, then what it is for."""
        for role, data in roles.items():
            files.write(self._file(role), data)
        for role in self.roles().keys() - roles.keys():
            files.remove(self._file(role))
        files.write(self._changes, msgspec.json.format(msgspec.json.encode(dict(wanted)), indent=2))

    def snapshot(self) -> bytes | None:
        """Return the snapshot that the last publish signed and did not finish with."""
        return files.read(self._snapshot) if self._snapshot.exists() else None

    def keep_snapshot(self, data: bytes) -> None:
        """Keep the signed snapshot until it is published: one version has one content, also when asked twice."""
        files.write(self._snapshot, data)

    def clear(self) -> None:
        """Forget everything; what the author wants first, so that a crash leaves nothing half wanted."""
        files.remove(self._changes)
        for role in self.roles():
            files.remove(self._file(role))
        files.remove(self._snapshot)

    def _file(self, role: str) -> Path:
        return self._metadata / f"{role}.json"
