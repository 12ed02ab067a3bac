"""Faulty copies of the packages, and what is found in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

ROOT = Path(__file__).parents[3]
_PACKAGES = ("proto/edict", "spoke-agent/edict_agent")
FOUND, NOTHING, LOST = 3, 0, 4
"""A hunt that ends with anything else has itself gone wrong: what crashes has shown nothing."""


class Mutant(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: the old text, which stands exactly once in the file, becomes the new one."""

    name: str
    dialect: str
    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Make the fault in a copy.

        Raises:
            ValueError: the old text does not stand there exactly once.
        """
        path = root / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name} has lost its place in {self.file}")
        path.write_text(text.replace(self.old, self.new))


@lru_cache
def mutants() -> tuple[Mutant, ...]:
    """Return the table."""
    return msgspec.convert(yaml.safe_load(Path(__file__).with_name("table.yaml").read_text()), tuple[Mutant, ...])


def hunt(folder: Path, mutant: Mutant | None) -> tuple[int, str]:
    """Return the exit code of a hunt in a copy with a fault, or without any, and what it printed."""
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    if mutant is not None:
        try:
            mutant.apply(folder)
        except ValueError as error:
            return LOST, str(error)
    paths = [str(folder / Path(package).parent) for package in _PACKAGES]
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.mutants.hunt", folder, *([mutant.dialect] if mutant else [])],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
