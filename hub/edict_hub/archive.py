"""The archive of receipts: immutable objects below one fsspec URL, each a span of one cluster's receipts.

An object is named ``<cluster>/<first>-<last>-<sha256>.jsonl`` by what is in it, so that nothing is ever overwritten
with something else, and two replicas that write the same span write the same object. Its lines are those of an export
(:mod:`edict.trust.audit.lines`). What it holds is evidence by its signatures alone; the digest finds damage.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import fsspec
import msgspec
from fsspec.implementations.local import LocalFileSystem

from edict.errors import HubError, printable
from edict.federation.v1 import federation_pb2 as pb
from edict.ids import ClusterName
from edict.trust.audit.lines import ReceiptLine, encode
from edict_hub.codes import Code
from edict_hub.store import keys

R = TypeVar("R")
MAX_OBJECT = 16 * 1024 * 1024
THREADS = 2
"""Of the archive's own: one that hangs takes none from verification."""
_NAME = re.compile(rf"([0-9]{{{keys.SEQUENCE_DIGITS}}})-([0-9]{{{keys.SEQUENCE_DIGITS}}})-([0-9a-f]{{64}})\.jsonl")


@dataclass(frozen=True, order=True)
class Span:
    """One object: the first and the last sequence, the digest of its bytes, its path."""

    first: int
    last: int
    sha256: str
    path: str


class Archive:
    """Writes, lists and reads objects; every failure is HubError EDICT0437."""

    def __init__(self, url: str) -> None:
        """Open an archive.

        Args:
            url: ``file:///folder``, ``s3://bucket/prefix`` or another that fsspec knows; without credentials, which its
                driver reads from the environment.

        Raises:
            HubError: EDICT0405 when it cannot be used.
        """
        parts = urlsplit(url)
        if not parts.scheme or "://" not in url or parts.username or parts.password:
            raise _unusable("it is no URL without credentials")
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:
            raise _unusable(str(error)) from None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="archive")

    async def put(self, cluster: ClusterName, receipts: Sequence[pb.Receipt]) -> Span:
        """Write consecutive receipts as one object, and read it again; returns once it is there, whole."""
        lines = [encode(ReceiptLine(cluster, each.sequence, each.envelope)) for each in receipts]
        data = b"".join(lines)
        first, last = receipts[0].sequence, receipts[-1].sequence
        sha256 = hashlib.sha256(data).hexdigest()
        digits = keys.SEQUENCE_DIGITS
        path = f"{self._root}/{cluster}/{first:0{digits}d}-{last:0{digits}d}-{sha256}.jsonl"
        await self._run(lambda: self._put(path, data))
        return Span(first, last, sha256, path)

    async def spans(self, cluster: ClusterName) -> list[Span]:
        """Return the objects of a cluster, by their first sequence; they may overlap."""
        return await self._run(lambda: self._spans(cluster))

    async def read(self, span: Span, cluster: ClusterName) -> list[pb.Receipt]:
        """Return the receipts of an object.

        Raises:
            HubError: EDICT0440 when its bytes are not those of its name.
        """
        data = await self._run(lambda: self._read(span.path))
        if len(data) > MAX_OBJECT or hashlib.sha256(data).hexdigest() != span.sha256:
            raise _damaged(span, "its bytes are not those that its name says")
        try:
            lines = [msgspec.json.decode(line, type=ReceiptLine) for line in io.BytesIO(data)]
        except (msgspec.MsgspecError, RecursionError):
            raise _damaged(span, "it holds other things than receipts") from None
        return [pb.Receipt(sequence=line.sequence, envelope=line.content) for line in lines if line.cluster == cluster]

    def close(self) -> None:
        """End the archive's threads; what hangs is left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except HubError:
            raise
        except Exception as error:  # noqa: BLE001 - fsspec's drivers raise what their libraries do
            raise HubError(
                Code.ARCHIVE,
                f"the archive of receipts fails: {type(error).__name__}: {printable(str(error)[:200])}",
                where="archive",
                remedy="check that it is reachable, that the hub may write there, and its driver's own settings",
            ) from None

    def _put(self, path: str, data: bytes) -> None:
        if isinstance(self._files, LocalFileSystem):
            _write_durably(Path(path), data)
        else:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, data)
        if self._read(path) != data:
            raise OSError("what was written reads back as something else")

    def _spans(self, cluster: ClusterName) -> list[Span]:
        self._files.invalidate_cache()
        try:
            paths: list[str] = self._files.ls(f"{self._root}/{cluster}", detail=False)
        except FileNotFoundError:
            return []
        named = ((_NAME.fullmatch(path.rpartition("/")[2]), path) for path in paths)
        return sorted(Span(int(match[1]), int(match[2]), match[3], path) for match, path in named if match)

    def _read(self, path: str) -> bytes:
        with self._files.open(path, "rb") as opened:
            data: bytes = opened.read(MAX_OBJECT + 1)
        return data


def _write_durably(path: Path, data: bytes) -> None:
    """Write a local file whole or not at all, and on the disk before it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with temporary.open("xb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unusable(why: str) -> HubError:
    return HubError(
        Code.CONFIG,
        f"the archive cannot be used: {printable(why)}",
        where="archive",
        remedy="write file:///var/lib/edict/receipts, or s3://bucket/prefix with s3fs installed",
    )


def _damaged(span: Span, why: str) -> HubError:
    return HubError(Code.KEY_DAMAGED, why, where=f"archive/{span.path}", remedy="restore this object from a backup")
