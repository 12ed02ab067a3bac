"""An author's folder.

::

    workspace.yaml   trust domain, addresses of the hub, default team
    keys/            keys.yaml and root, targets, inventory, snapshot, team-<team>    offline; 0600 in a 0700 folder
    operator/        operator.key operator.crt ca.crt                     for the hub's administrative calls
    hub/             hub.yaml and all that it names                       copied to the hub, and nothing else is
    metadata/        the last known release and every trust root
    documents/       documents by digest
    pending/         signed and not yet published
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.session import Session
from edict_cli.store import files, settings
from edict_cli.store.documents import Documents
from edict_cli.store.keys import Keys
from edict_cli.store.pending import Pending
from edict_cli.store.repository import Repository

SETTINGS = "workspace.yaml"
LOCK_SECONDS = 4.0


class Workspace:
    """An open workspace."""

    def __init__(self, session: Session) -> None:
        """Open the session's folder.

        Raises:
            UsageError: EDICT0604 when it is no workspace, EDICT0605 or 0609 when its settings are wrong.
        """
        self.folder = session.folder
        self.session = session
        path = self.folder / SETTINGS
        if not path.is_file():
            here = Path(SETTINGS).is_file()
            raise UsageError(
                Code.NO_WORKSPACE,
                "this folder is not an author's workspace",
                where=str(self.folder),
                remedy="say -C . for the one that you are in"
                if here
                else "name one with -C or EDICT_WORKSPACE, or make one with `edict init`",
            )
        self.settings = settings.load(path)
        self.keys = Keys(self.folder / "keys", session)
        self.repository = Repository(self.folder / "metadata")
        self.documents = Documents(self.folder / "documents")
        self.pending = Pending(self.folder / "pending")

    @property
    def operator(self) -> Path:
        """The folder of the operator's certificate."""
        return self.folder / "operator"

    @property
    def hub(self) -> Path:
        """The folder that goes to the hub."""
        return self.folder / "hub"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace: two commands that sign or publish in one folder run one after the other.

        Raises:
            UsageError: EDICT0622 when another command holds it for longer than four seconds.
        """
        path = self.folder / ".lock"
        try:
            handle = path.open("a")
        except OSError as error:
            raise files.unusable(path, error) from None
        with handle:
            _lock(handle, path)
            yield


def _lock(handle: IO[str], path: Path) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise UsageError(
                    Code.BUSY,
                    "another command is at work in this workspace",
                    where=str(path),
                    remedy="wait until it ends",
                ) from None
            time.sleep(0.05)
        else:
            return
