"""The last known release on disk, in TUF's own layout: immutable ``<version>.<role>.json``, and `timestamp.json`.

Renaming `timestamp.json` into place is the one commit point, as at the hub: a crash before it leaves the release
before. Until the first publish there is no timestamp, and version 1 of every role, as the founders signed it; before
they have, there is nothing. `retired.json` remembers every key that once signed for a role and no longer does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from tuf.api.metadata import Snapshot, Targets, Timestamp

from edict.errors import TrustError, UsageError
from edict.trust import verify
from edict.trust.describing import delegated
from edict.trust.drafting import Base
from edict.trust.holding import fingerprint
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from edict.trust.state import Floors, TrustState
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.metadata import signed

RETIRED = "retired.json"


class Repository:
    """The `metadata` folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / f"{TIMESTAMP}.json"

    @property
    def founded(self) -> bool:
        """Whether there is a trust root: its founders have all signed it."""
        return bool(self._root_versions())

    def root(self) -> bytes:
        """Return the newest trust root."""
        return files.read(self._file(ROOT, self._newest_root()))

    def roots(self) -> list[tuple[int, bytes]]:
        """Return the trust roots that were seen here with their versions, ascending."""
        return [(version, files.read(self._file(ROOT, version))) for version in self._root_versions()]

    def state(self) -> TrustState:
        """Verify again what is stored; expiry is not judged.

        Raises:
            UsageError: EDICT0605 naming the folder and what does not hold.
        """
        newest_root, roots = self.root(), self.roots()
        try:
            if not self._pointer.exists():
                return verify.pin(newest_root)
            timestamp = files.read(self._pointer)
            newest = signed(timestamp, Timestamp, str(self._pointer)).snapshot_meta.version
            snapshot = files.read(self._file(SNAPSHOT, newest), remedy=self._remedy)
            return self._restored(roots, timestamp, snapshot)
        except TrustError as error:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                f"the stored release does not verify: {error.where}: {error.what}",
                where=str(self._folder),
                remedy=self._remedy,
            ) from None

    def _restored(self, roots: list[tuple[int, bytes]], timestamp: bytes, snapshot: bytes) -> TrustState:
        """Verify under the newest root, or, where a command died between a new root and its release, the one before."""
        targets = self._targets(snapshot)
        for _, root in reversed(roots[1:]):
            try:
                return self._under(root, timestamp, snapshot, targets)
            except TrustError:
                continue
        return self._under(roots[0][1], timestamp, snapshot, targets)

    @staticmethod
    def _under(root: bytes, timestamp: bytes, snapshot: bytes, targets: Mapping[str, bytes]) -> TrustState:
        return verify.restore(root=root, timestamp=timestamp, snapshot=snapshot, targets=targets, floors=Floors())

    def base(self, state: TrustState | None = None) -> Base:
        """Return what authors sign on top of: a release, before the first the founders' metadata, before that nothing.

        Args:
            state: a newer release than the stored one.
        """
        if not self.founded:
            return Base()
        state = state or self.state()
        if state.snapshot is None:
            return Base(state.root, self._founded())
        described = signed(state.snapshot, Snapshot, str(self._folder)).meta
        versions = {name.removesuffix(".json"): meta.version for name, meta in described.items()}
        return Base(state.root, state.targets, versions)

    def found(self, made: Mapping[str, bytes]) -> None:
        """Keep version 1 of every role; the root last: with it the federation is founded."""
        for role, data in sorted(made.items(), key=lambda item: item[0] == ROOT):
            files.write(self._file(role, 1), data)

    def retired(self) -> Mapping[str, str]:
        """Return the fingerprints of keys that were taken out of a role, each with the role."""
        path = self._folder / RETIRED
        if not path.exists():
            return {}
        try:
            return msgspec.json.decode(files.read(path), type=dict[str, str])
        except msgspec.MsgspecError:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                "the list of retired keys cannot be read",
                where=str(path),
                remedy="restore it from a backup; without it a retired key could be taken for a new one",
            ) from None

    def advance(self, state: TrustState) -> None:
        """Keep a verified release: retired keys and its files first, `timestamp.json` last; then forget the rest."""
        if state.timestamp is None or state.snapshot is None:
            return
        self._retire(self.base(), self.base(state))
        contents = {self._file(role, state.versions[role]): data for role, data in state.targets.items()}
        contents[self._file(ROOT, state.root_version)] = state.root
        contents[self._file(SNAPSHOT, state.release)] = state.snapshot
        contents[self._pointer] = state.timestamp
        for path, data in contents.items():
            if not path.exists() or path.read_bytes() != data:
                files.write(path, data)
        for path in self._folder.rglob("*.json"):
            if path not in contents and not path.name.endswith(f".{ROOT}.json") and path.name != RETIRED:
                files.remove(path)

    def _retire(self, before: Base, after: Base) -> None:
        known = self.retired()
        still = {fingerprint(key) for holding in after.holdings().values() for key in holding.keys}
        gone = {
            fingerprint(key): role
            for role, holding in before.holdings().items()
            for key in holding.keys
            if fingerprint(key) not in still
        }
        if gone.keys() - known.keys():
            retired = {**known, **gone}
            files.write(self._folder / RETIRED, msgspec.json.format(msgspec.json.encode(retired), indent=1))

    def _root_versions(self) -> list[int]:
        names = (path.name.split(".", 1)[0] for path in self._folder.glob(f"*.{ROOT}.json"))
        return sorted(int(name) for name in names if name.isdigit())

    def _newest_root(self) -> int:
        versions = self._root_versions()
        if versions:
            return versions[-1]
        if self._firsts():
            raise self._damaged(
                "there is no trust root",
                "restore the workspace from a backup; where its founders are signing, run `edict sign --in` again",
            )
        raise UsageError(
            Code.NOT_FOUNDED,
            "the federation is not founded: its trust root does not have all signatures that it needs",
            where=str(self._folder),
            remedy="`edict sign --out FILE`, have the other founders sign it, then `edict sign --in FILE`",
        )

    def _founded(self) -> dict[str, bytes]:
        """Return version 1 of every role below the root; none in the workspace of one who joined later.

        Raises:
            UsageError: EDICT0605 when one is gone or is no metadata.
        """
        paths = {str(path.parent.relative_to(self._folder) / path.name[2:-5]): path for path in self._firsts()}
        found = {role: files.read(path) for role, path in sorted(paths.items()) if role not in {ROOT, SNAPSHOT}}
        for role, data in found.items():
            signed(data, Targets, str(paths[role]))
        lost = [role for role in (delegated(found) if TARGETS in found else found) if role not in found]
        if lost or (found and TARGETS not in found):
            raise self._damaged(f"{lost[0] if lost else TARGETS} is gone", "restore the workspace from a backup")
        return found

    def _damaged(self, what: str, remedy: str) -> UsageError:
        return UsageError(Code.WORKSPACE_DAMAGED, what, where=str(self._folder), remedy=remedy)

    def _firsts(self) -> list[Path]:
        return [*self._folder.glob("1.*.json"), *self._folder.glob("*/1.*.json")]

    def _targets(self, snapshot: bytes) -> dict[str, bytes]:
        """Return the files of a snapshot's roles that are here: of roles that are no more there is none."""
        described = signed(snapshot, Snapshot, str(self._folder)).meta
        roles = {name.removesuffix(".json"): meta.version for name, meta in described.items()}
        paths = {role: self._file(role, version) for role, version in roles.items()}
        return {role: files.read(path) for role, path in paths.items() if path.exists()}

    def _file(self, role: str, version: int) -> Path:
        """Return the path of one version of a role: ``policies/payments-3`` stands in the folder ``policies``."""
        parent, _, name = role.rpartition("/")
        return self._folder / parent / f"{version}.{name}.json"

    @property
    def _remedy(self) -> str:
        return f"delete {self._pointer}, then `edict publish` brings the newest release back, verified from the root"
