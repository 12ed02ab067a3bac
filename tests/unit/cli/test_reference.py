"""`docs/reference/cli.md` is what ``--help`` says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_page_is_what_the_command_says(tmp_path: Path) -> None:
    """In a process of its own: click keeps how a command that was run alone names its help."""
    fresh = tmp_path / "cli.md"
    subprocess.run([sys.executable, "-m", "edict_cli.reference", fresh], check=True, timeout=60)
    assert PAGE.read_text() == fresh.read_text(), "run `python -m edict_cli.reference docs/reference/cli.md`"
