"""The last known release on disk, in TUF's own layout: immutable ``<version>.<role>.json``, and `timestamp.json`.

Renaming `timestamp.json` into place is the one commit point, as at the hub: a crash before it leaves the release
before. Until the first publish there is no timestamp, and version 1 of every role, as `edict init` made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tuf.api.metadata import Snapshot, Timestamp

from edict.errors import TrustError, UsageError
from edict.trust import verify
from edict.trust.roles import ROOT, SNAPSHOT, TIMESTAMP
from edict.trust.state import Floors, TrustState
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.metadata import signed


class Repository:
    """The `metadata` folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / f"{TIMESTAMP}.json"

    def root(self) -> bytes:
        """Return the newest trust root."""
        return files.read(self._file(ROOT, self._newest_root()))

    def roots(self) -> list[tuple[int, bytes]]:
        """Return every trust root with its version, ascending: each is signed by the one before."""
        return [(version, files.read(self._file(ROOT, version))) for version in range(1, self._newest_root() + 1)]

    def state(self) -> TrustState:
        """Verify again what is stored; expiry is not judged.

        Raises:
            UsageError: EDICT0605 naming the folder and what does not hold.
        """
        try:
            if not self._pointer.exists():
                return verify.pin(self.root())
            timestamp = files.read(self._pointer)
            newest = signed(timestamp, Timestamp, str(self._pointer)).snapshot_meta.version
            snapshot = files.read(self._file(SNAPSHOT, newest), remedy=self._remedy)
            return verify.restore(
                root=self.root(),
                timestamp=timestamp,
                snapshot=snapshot,
                targets=self._targets(snapshot),
                floors=Floors(),
            )
        except TrustError as error:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                f"the stored release does not verify: {error.where}: {error.what}",
                where=str(self._folder),
                remedy=self._remedy,
            ) from None

    def targets(self, state: TrustState) -> Mapping[str, bytes]:
        """Return what authors sign on top of: the release's roles, or before the first those of `edict init`."""
        return state.targets if state.release else self._targets(files.read(self._file(SNAPSHOT, 1)))

    def store_initial(self, made: Mapping[str, bytes]) -> None:
        """Keep what `edict.trust.authoring.initial` made."""
        for role, data in made.items():
            files.write(self._file(role, 1), data)

    def advance(self, state: TrustState) -> None:
        """Keep a verified release: its files first, `timestamp.json` last; then forget what it replaced."""
        if state.timestamp is None or state.snapshot is None:
            return
        contents = {self._file(role, state.versions[role]): data for role, data in state.targets.items()}
        contents[self._file(ROOT, state.root_version)] = state.root
        contents[self._file(SNAPSHOT, state.release)] = state.snapshot
        contents[self._pointer] = state.timestamp
        for path, data in contents.items():
            if not path.exists() or path.read_bytes() != data:
                files.write(path, data)
        for path in self._folder.rglob("*.json"):
            if path not in contents and not path.name.endswith(f".{ROOT}.json"):
                files.remove(path)

    def _newest_root(self) -> int:
        names = (path.name.split(".", 1)[0] for path in self._folder.glob(f"*.{ROOT}.json"))
        versions = [int(name) for name in names if name.isdigit()]
        if not versions:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                "there is no trust root",
                where=str(self._folder),
                remedy="restore the workspace from a backup",
            )
        return max(versions)

    def _targets(self, snapshot: bytes) -> dict[str, bytes]:
        described = signed(snapshot, Snapshot, str(self._folder)).meta
        roles = {name.removesuffix(".json"): meta.version for name, meta in described.items()}
        return {role: files.read(self._file(role, version), remedy=self._remedy) for role, version in roles.items()}

    def _file(self, role: str, version: int) -> Path:
        """Return the path of one version of a role: ``policies/payments-3`` stands in the folder ``policies``."""
        parent, _, name = role.rpartition("/")
        return self._folder / parent / f"{version}.{name}.json"

    @property
    def _remedy(self) -> str:
        return f"delete {self._pointer}, then `edict publish` brings the newest release back, verified from the root"
