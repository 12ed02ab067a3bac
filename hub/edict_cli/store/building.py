"""A new workspace on disk: all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.workspace import SETTINGS


def all_or_nothing(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let a function fill a folder beside the wanted one, then move it into place.

    A folder that is there and empty is kept and filled, its settings last: somebody's shell may stand in it.

    Raises:
        UsageError: EDICT0603 when it cannot be written, EDICT0606 when there is something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            Code.ALREADY_THERE,
            "there is something already, and keys are never overwritten",
            where=str(folder),
            remedy="choose another folder, or work in this one with -C",
        )
    wanted = folder.resolve()
    building = wanted.with_name(f".{wanted.name}.making")
    try:
        shutil.rmtree(building, ignore_errors=True)
        files.make_folder(building, files.PRIVATE_FOLDER)
        fill(building)
        _move(building, wanted)
    except OSError as error:
        raise files.unusable(folder, error) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _move(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.replace(folder)
        return
    folder.chmod(files.PRIVATE_FOLDER)
    for part in sorted(building.iterdir(), key=lambda path: path.name == SETTINGS):
        part.replace(folder / part.name)
