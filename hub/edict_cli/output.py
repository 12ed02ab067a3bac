"""The terminal: data on stdout in the asked form, everything else on stderr. NO_COLOR is honoured (by rich)."""

from __future__ import annotations

import enum
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
from rich.table import Table

from edict.errors import printable

F = TypeVar("F", bound=Callable[..., Any])
PIPE_WIDTH = 1000
"""A table that goes into a file or a pipe is not cut to a terminal's width."""


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
    "Waived": "magenta",
    "Unknown": "bold red",
    "added": "green",
    "changed": "yellow",
    "removed": "red",
    "unchanged": "dim",
}


@dataclass
class Sheet:
    """A table: ``wide`` columns show with ``-o wide`` only; a cell is text, coloured by its first word."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    wide: frozenset[str] = frozenset()

    def render(self, *, wide: bool) -> Table:
        """Return what rich prints."""
        shown = [index for index, name in enumerate(self.columns) if wide or name not in self.wide]
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for index in shown:
            table.add_column(self.columns[index].upper(), overflow="fold")
        for row in self.rows:
            table.add_row(*(_cell(row[index]) for index in shown))
        return table


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
            click.echo(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode())
        case Form.YAML:
            click.echo(yaml.safe_dump(plain, sort_keys=False, width=PIPE_WIDTH), nl=False)
        case Form.NAME:
            for name in names:
                click.echo(printable(name))
        case Form.TABLE | Form.WIDE:
            if sheet.rows:
                stdout().print(sheet.render(wide=form is Form.WIDE))


def stdout() -> Console:
    """Return the console of the data."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=PIPE_WIDTH)


def note(text: str) -> None:
    """Tell the person something that is not data; its lines stay lines, so text of others must be `printable`."""
    click.echo("\n".join(printable(line) for line in text.split("\n")), err=True)


_under_way: list[Status] = []


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show that something that may take a while is under way; silent where stderr is no terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield
        return
    with console.status(escape(what)) as status:
        _under_way.append(status)
        try:
            yield
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


def _cell(text: str) -> str:
    text = printable(text)
    style = STATE_STYLES.get(text.split(" ", 1)[0], "")
    return f"[{style}]{escape(text)}[/]" if style else escape(text)
