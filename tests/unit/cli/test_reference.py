"""`docs/reference/cli.md` is what ``--help`` says."""

from __future__ import annotations

from pathlib import Path

from edict_cli.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_page_is_what_the_command_says() -> None:
    assert PAGE.read_text() == page(), "run `python -m edict_cli.reference docs/reference/cli.md`"
