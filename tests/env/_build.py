"""Builds parts into the cache, one at a time on this machine, and says where they are.

A part is complete when its folder has a stamp. It is built in a folder of another name, stamped, and renamed, so an
interrupted build is never taken for a finished one; Go's own build cache makes the next attempt carry on.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import assert_never

import msgspec
from filelock import FileLock, Timeout

from tests.env import _progress
from tests.env._errors import EnvError
from tests.env._parts import PARTS, GoBinary, ModuleFiles, Part, SystemFiles
from tests.env._progress import Progress
from tests.env._recipes import Workshop, carry_out

_STAMP = "stamp.json"
_ASSETS = {"etcd": "etcd", "kube-apiserver": "kube-apiserver"}
"""Parts that KUBEBUILDER_ASSETS may hold ready-made, and their file names there."""


class Stamp(msgspec.Struct, frozen=True):
    """Written last into a part's folder; `seconds` is how long the build took."""

    part: str
    version: str
    fingerprint: str
    seconds: float


def cache_dir() -> Path:
    """Return ``$EDICT_CACHE``, or ``$XDG_CACHE_HOME/edict``, or ``~/.cache/edict``."""
    if ours := os.environ.get("EDICT_CACHE"):
        return Path(ours).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edict"


def asset(part: Part) -> Path | None:
    """Return the ready-made binary of `part` in KUBEBUILDER_ASSETS or of the operating system, if there is one."""
    if isinstance(part.recipe, SystemFiles):
        named = os.environ.get(part.recipe.variable)
        return next((path for path in map(Path, (named,) if named else part.recipe.ready) if path.is_file()), None)
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder or part.name not in _ASSETS:
        return None
    path = Path(folder) / _ASSETS[part.name]
    return path if path.is_file() else None


def folder_of(part: Part) -> Path:
    """Return the folder in the cache that holds `part` once it is built."""
    return cache_dir() / "parts" / f"{part.name}-{part.version}"


def stamp_of(part: Part) -> Stamp | None:
    """Return the stamp of `part` if it is built, whole, and by the present recipe; else None."""
    try:
        stamp = msgspec.json.decode((folder_of(part) / _STAMP).read_bytes(), type=Stamp)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return stamp if stamp.fingerprint == part.fingerprint else None


def _location(part: Part) -> Path:
    match part.recipe:
        case GoBinary(binary=name) | SystemFiles(main=name):
            return folder_of(part) / name
        case ModuleFiles():
            return folder_of(part)
        case _ as never:
            assert_never(never)


def locate(part: Part) -> Path | None:
    """Return the binary (or, for files, the folder) of `part`, or None if it has to be built first."""
    return asset(part) or (_location(part) if stamp_of(part) else None)


def _build(part: Part, progress: Progress, work: Callable[[Workshop], None]) -> None:
    """Build one part; the lock is held."""
    started = time.monotonic()
    final = folder_of(part)
    final.parent.mkdir(parents=True, exist_ok=True)
    for left in final.parent.glob(".building-*"):  # of a build that was killed: nobody else holds the lock
        shutil.rmtree(left, ignore_errors=True)
    room = Path(tempfile.mkdtemp(prefix=".building-", dir=final.parent))
    try:
        scratch, result = room / "scratch", room / "result"
        scratch.mkdir()
        result.mkdir()
        log = cache_dir() / "logs" / f"{part.name}-{part.version}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        work(Workshop(part, scratch, result, log, cache_dir(), progress))
        stamp = Stamp(part.name, part.version, part.fingerprint, round(time.monotonic() - started, 1))
        (result / _STAMP).write_bytes(msgspec.json.encode(stamp))
        if final.exists():
            final.rename(room / "replaced")
        result.rename(final)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _await_lock(lock: FileLock, progress: Progress) -> None:
    while not lock.is_locked:
        try:
            lock.acquire(timeout=1)
        except Timeout:
            progress.phase("waiting for another build on this machine")


def build_part(
    part: Part,
    *,
    show: Callable[[str], AbstractContextManager[Progress]] = _progress.show,
    work: Callable[[Workshop], None] = carry_out,
) -> Path:
    """Build `part` unless it is there; return its binary or folder; raise EnvError. `work` is for tests."""
    found = locate(part)
    if found:
        return found
    cache_dir().mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_dir() / "build.lock")
    with show(part.label) as progress:
        _await_lock(lock, progress)
        try:
            found = locate(part)  # another process may have built it meanwhile
            if not found:
                _build(part, progress, work)
        finally:
            lock.release()
    return found or _location(part)


def ensure_parts(names: Iterable[str] | None = None) -> dict[str, Path]:
    """Build what is missing of `names` (None: everything); return name → binary, or folder for files.

    Raises EnvError: EDICT9003 for an unknown name, EDICT9001 or EDICT9002 when a part cannot be built.
    """
    wanted = list(PARTS) if names is None else list(names)
    for name in wanted:
        if name not in PARTS:
            raise EnvError("EDICT9003", f"part {name}", "there is no such part", remedy=f"one of {', '.join(PARTS)}")
    return {name: build_part(PARTS[name]) for name in wanted}
