"""Documents by digest: the author's own and those fetched from the hub. A file is what its name says, or is ignored."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edict.errors import UsageError
from edict.ids import Digest, digest_of
from edict_cli.codes import Code
from edict_cli.store import files


class Documents:
    """The `documents` folder of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, digest: Digest) -> bytes | None:
        """Return a document, or None when it is not here or is damaged: then it is fetched again."""
        path = self._file(digest)
        if not path.exists():
            return None
        data = files.read(path)
        return data if digest_of(data) == digest else None

    def pending(self, digest: Digest) -> bytes:
        """Return a document of what is pending: nobody else may have it.

        Raises:
            UsageError: EDICT0605 when it is gone.
        """
        data = self.get(digest)
        if data is None:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                "a pending document is gone",
                where=str(self._file(digest)),
                remedy="sign it again with `edict sign -f`",
            )
        return data

    def put(self, data: bytes) -> Digest:
        """Keep a document."""
        digest = digest_of(data)
        if self.get(digest) is None:
            files.write(self._file(digest), data)
        return digest

    def keep_only(self, digests: Iterable[Digest]) -> None:
        """Forget every other document."""
        kept = {self._file(digest) for digest in digests}
        for path in self._folder.glob("*.yaml"):
            if path not in kept:
                files.remove(path)

    def _file(self, digest: Digest) -> Path:
        return self._folder / f"{digest}.yaml"
