"""The terminal: data on stdout in the asked form, everything else on stderr. NO_COLOR is honoured (by rich)."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import msgspec
import yaml
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from edict.errors import printable

F = TypeVar("F", bound=Callable[..., Any])
YAML_WIDTH = 1000
GAP = 2
"""Blanks between two columns."""


class Form(enum.StrEnum):
    """What ``-o`` chooses."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"

    @property
    def structured(self) -> bool:
        """Whether it is for a program: the whole of the data, without a headline."""
        return self in {Form.JSON, Form.YAML}


STATE_STYLES = {
    "Compliant": "green",
    "Pending": "cyan",
    "Degraded": "red",
    "Drifted": "yellow",
    "Stale": "yellow",
    "FloorLost": "red",
    "Waived": "magenta",
    "Unknown": "bold red",
    "added": "green",
    "changed": "yellow",
    "removed": "red",
    "unchanged": "dim",
    "error": "red",
    "warning": "yellow",
}


@dataclass
class Sheet:
    """A table: ``wide`` columns show with ``-o wide`` only; a cell is text, coloured by its first word."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    wide: frozenset[str] = frozenset()

    def render(self, *, wide: bool) -> Text:
        """Return what rich prints: a row is one line however long, so that no word is broken, as kubectl does."""
        shown = [index for index, name in enumerate(self.columns) if wide or name not in self.wide]
        lines = [[Text(self.columns[index].upper(), "bold") for index in shown]]
        lines += [[_cell(row[index]) for index in shown] for row in self.rows]
        widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
        return Text("\n", no_wrap=True, overflow="ignore").join(_line(cells, widths) for cells in lines)


def forms(*allowed: Form) -> Callable[[F], F]:
    """Add ``-o`` to a verb; without arguments it takes table, json and yaml."""
    choice = click.Choice([form.value for form in allowed or (Form.TABLE, Form.JSON, Form.YAML)])

    def to_form(_context: click.Context, _option: click.Parameter, value: str) -> Form:
        return Form(value)

    return click.option(
        "-o",
        "--output",
        "form",
        type=choice,
        default="table",
        show_default=True,
        callback=to_form,
        help="How to print.",
    )


def emit(form: Form, data: Any, sheet: Sheet, *, names: Sequence[str] = ()) -> None:
    """Print data: ``data`` whole for a program, ``sheet`` for a person, ``names`` one a line."""
    plain = msgspec.to_builtins(data, enc_hook=str)
    match form:
        case Form.JSON:
            click.echo(as_json(plain, indent=2))
        case Form.YAML:
            click.echo(yaml.safe_dump(plain, sort_keys=False, width=YAML_WIDTH), nl=False)
        case Form.NAME:
            for name in names:
                click.echo(printable(name))
        case Form.TABLE | Form.WIDE:
            if sheet.rows:
                stdout().print(sheet.render(wide=form is Form.WIDE), soft_wrap=True)


def as_json(data: Any, *, indent: int = -1) -> str:
    """Return JSON, on one line unless ``indent`` says otherwise; what is not printable stands in it as its escape."""
    text = msgspec.json.format(msgspec.json.encode(data), indent=indent).decode()
    return "\n".join(line if line.isprintable() else "".join(map(_in_json, line)) for line in text.split("\n"))


def stdout() -> Console:
    """Return the console of the data."""
    return Console(file=sys.stdout, highlight=False)


def note(text: str) -> None:
    """Tell the person something that is not data; its lines stay lines, so text of others must be `printable`."""
    click.echo("\n".join(printable(line) for line in text.split("\n")), err=True)


_under_way: list[Status] = []


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show that something that may take a while is under way; silent where stderr is no terminal.

    What it yields takes other words for what is under way now.
    """
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(escape(what)) as status:
        _under_way.append(status)
        try:
            yield lambda text: status.update(escape(text))
        finally:
            _under_way.remove(status)


def ask_secret(question: str) -> bytes:
    """Ask on the terminal for what must not be seen; progress stands still meanwhile."""
    for status in _under_way:
        status.stop()
    answer: str = click.prompt(question, hide_input=True, err=True)
    for status in _under_way:
        status.start()
    return answer.encode()


def _in_json(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def _cell(text: str) -> Text:
    text = printable(text)
    return Text(text, STATE_STYLES.get(text.split(" ", 1)[0], ""))


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return a row; nothing stands behind its last word."""
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell).append(" " * (width - cell.cell_len + GAP))
    line.rstrip()
    return line
