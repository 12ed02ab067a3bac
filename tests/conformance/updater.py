"""A TUF client for any repository, made of the agent's own steps: what a conformance suite can hold to account.

The agent takes a release whole, from a stream, and knows every role beforehand. A suite serves files over HTTP, looks
at which are asked for, and lets a client keep what verified before a failure. So the order of fetching, the files and
the search for one target are here; every judgement is :mod:`edict.trust.steps` and :func:`edict.trust.verify.follow`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from edict.errors import TrustError
from edict.trust import _check, steps, verify
from edict.trust.codes import Code
from edict.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from edict.trust.state import TrustState

MAX_ROOTS = 256
MAX_VISITED = 32
Fetch = Callable[[str], bytes | None]
"""Returns the content of a path, or None where there is none."""


class NotFoundError(Exception):
    """No role that is responsible for a target names it, or the repository does not have it."""


class Updater:
    """One run of a client.

    Args:
        folder: of the metadata that is trusted, ``<role>.json``.
        metadata: fetches metadata by file name.
        now: for expiry.
    """

    def __init__(self, folder: Path, metadata: Fetch, now: datetime) -> None:
        self._folder = folder
        self._fetch = metadata
        self._now = now
        self._state = self._stored()

    def refresh(self) -> None:
        """Bring the top-level roles up to date; what verified before a failure is kept.

        Raises:
            TrustError: EDICT02xx.
        """
        self._update_roots()
        root = self._root
        _check.unexpired(ROOT, root.version, root.expires, self._now)
        timestamp = self._update_timestamp(root)
        self._snapshot = self._update_snapshot(root, timestamp)
        self._load(TARGETS, root)

    def find(self, path: str) -> TargetFile:
        """Search a target, depth first in the order of delegations.

        Raises:
            TrustError: EDICT02xx.
            NotFoundError: nobody names it.
        """
        stack: list[tuple[str, Root | Targets]] = [(TARGETS, self._root)]
        visited: set[str] = set()
        while stack and len(visited) <= MAX_VISITED:
            role, delegator = stack.pop()
            if role in visited:
                continue
            visited.add(role)
            targets = self._load(role, delegator)
            if path in targets.targets:
                return targets.targets[path]
            if targets.delegations is None:
                continue
            children: list[tuple[str, Root | Targets]] = []
            for child, terminating in targets.delegations.get_roles_for_target(path):
                children.append((child, targets))
                if terminating:
                    stack.clear()
                    break
            stack.extend(reversed(children))
        raise NotFoundError(path)

    @property
    def consistent(self) -> bool:
        """Whether the repository's files carry a version or a digest in their names."""
        return self._root.consistent_snapshot is not False

    @property
    def _root(self) -> Root:
        return Metadata[Root].from_bytes(self._state.root).signed

    def _stored(self) -> TrustState:
        """Take up what is stored, verified again under the stored root; what does not verify is as if it were lost."""
        state = verify.pin(self._read(ROOT) or b"")
        root = Metadata[Root].from_bytes(state.root).signed
        data, floors = self._read(TIMESTAMP), state.floors
        if data is not None and _holds(
            lambda: steps.timestamp(root, data, held=None, lowest=0, lowest_snapshot=0, now=None)
        ):
            timestamp = Metadata[Timestamp].from_bytes(data).signed
            floors = replace(floors, timestamp=timestamp.version, snapshot=timestamp.snapshot_meta.version)
            state = replace(state, timestamp=data, floors=floors)
        kept = self._read(SNAPSHOT)
        if kept is not None and _holds(lambda: steps.snapshot(root, _own(kept), kept, before=None, now=None)):
            state = replace(state, snapshot=kept)
        return state

    def _update_roots(self) -> None:
        for _ in range(MAX_ROOTS):
            data = self._fetch(f"{self._state.root_version + 1}.{ROOT}.json")
            if data is None:
                return
            self._state = verify.follow(self._state, [data])
            self._write(ROOT, data)

    def _update_timestamp(self, root: Root) -> Timestamp:
        data = self._fetch(f"{TIMESTAMP}.json")
        if data is None:
            raise _check.missing(TIMESTAMP, self._state.timestamp_version + 1)
        floors, held = self._state.floors, self._state.timestamp
        try:
            timestamp = steps.timestamp(
                root, data, held=held, lowest=floors.timestamp, lowest_snapshot=floors.snapshot, now=self._now
            )
        except TrustError as error:
            # One version with two contents: the agent refuses the release and says so, the specification keeps what
            # is held in silence. Both keep it.
            if held is None or error.code != f"EDICT{Code.SPLIT_VIEW:04d}":
                raise
            return _old_timestamp(root, held, self._now)
        if held is None or timestamp.version > floors.timestamp:
            self._state = replace(self._state, timestamp=data)
            self._write(TIMESTAMP, data)
        return timestamp

    def _update_snapshot(self, root: Root, timestamp: Timestamp) -> Snapshot:
        meta, before = timestamp.snapshot_meta, self._state.snapshot
        if before is not None and _holds(lambda: steps.snapshot(root, meta, before, before=None, now=self._now)):
            return Metadata[Snapshot].from_bytes(before).signed
        data = self._fetched(SNAPSHOT, meta)
        snapshot = steps.snapshot(root, meta, data, before=before, now=self._now)
        self._write(SNAPSHOT, data)
        return snapshot

    def _load(self, role: str, delegator: Root | Targets) -> Targets:
        """Return a role, verified under this delegator; the stored one where that verifies, too."""
        meta = self._snapshot.meta.get(f"{role}.json")
        if meta is None:
            raise TrustError(Code.LEFT_OUT, f"the snapshot leaves out role {role}", where=_check.place(role, "?"))
        stored = self._read(role)
        if stored is not None and _holds(lambda: steps.targets(delegator, role, meta, stored, now=self._now)):
            return Metadata[Targets].from_bytes(stored).signed
        data = self._fetched(role, meta)
        targets = steps.targets(delegator, role, meta, data, now=self._now)
        self._write(role, data)
        return targets

    def _fetched(self, role: str, meta: MetaFile) -> bytes:
        name = quote(role, "")
        data = self._fetch(f"{meta.version}.{name}.json" if self.consistent else f"{name}.json")
        if data is None:
            raise _check.missing(role, meta.version)
        return data

    def _read(self, role: str) -> bytes | None:
        try:
            return (self._folder / f"{quote(role, '')}.json").read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, role: str, data: bytes) -> None:
        (self._folder / f"{quote(role, '')}.json").write_bytes(data)


def content_of(target: TargetFile, artifacts: Fetch, *, consistent: bool) -> bytes:
    """Fetch a target's content and hold it against its description.

    Raises:
        RepositoryError: it has other bytes.
        NotFoundError: it is not there.
    """
    data = artifacts(_place(target, consistent=consistent))
    if data is None:
        raise NotFoundError(target.path)
    target.verify_length_and_hashes(data)
    return data


def _place(target: TargetFile, *, consistent: bool) -> str:
    folder, _, name = target.path.rpartition("/")
    if not consistent:
        return target.path
    name = f"{next(iter(target.hashes.values()))}.{name}"
    return f"{folder}/{name}" if folder else name


def _old_timestamp(root: Root, data: bytes, now: datetime | None = None) -> Timestamp:
    return steps.timestamp(root, data, held=None, lowest=0, lowest_snapshot=0, now=now)


def _own(snapshot: bytes) -> MetaFile:
    """Describe a stored snapshot by itself: here it only says what may not go back."""
    return MetaFile(_check.parse(SNAPSHOT, snapshot, Snapshot).signed.version)


def _holds(check: Callable[[], object]) -> bool:
    try:
        check()
    except (TrustError, RepositoryError):
        return False
    return True
