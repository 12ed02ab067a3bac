"""Writes docs/reference/errors.md from the codes in the code: `python docs/reference/generate.py`. A test compares."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("errors.md")
FOLDERS = ("proto", "hub", "spoke-agent")
HEAD = """\
# Error codes

Every error is printed as `Error [EDICTnnnn] (place) what. Try: remedy` on standard error; a code has one meaning and
keeps it. Commands end with 0 (done, nothing to do), 1 (differences or findings), 2 (an error) or 3 (partial: a cluster
could not be judged).
"""
FAMILIES = {
    1: "Documents",
    2: "Trust: something signed does not verify",
    3: "Identity: names, certificates, keys, tokens",
    4: "Hub and store",
    5: "Agent: translating, applying, keeping",
    6: "Commands",
}


def codes() -> Iterator[tuple[int, str]]:
    """Yield number and meaning of every member of every ``codes.py``: the string below the member says it."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("codes.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    yield from _members(node)


def _members(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not (isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)):
            continue
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
            raise SystemExit(f"{ast.unparse(item)} has no meaning below it")
        yield int(str(item.value.value)), " ".join(str(after.value.value).split())


def page() -> str:
    """Return the whole page."""
    found = sorted(codes())
    numbers = [number for number, _ in found]
    if twice := {number for number in numbers if numbers.count(number) > 1}:
        raise SystemExit(f"used twice: {sorted(twice)}")
    parts = [HEAD]
    for family, title in FAMILIES.items():
        rows = [f"| EDICT{number:04d} | {what} |" for number, what in found if number // 100 == family]
        if rows:
            parts.append("\n".join([f"## {title}", "", "| code | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(PAGE.write_text(page()) == 0)
