"""Writes `docs/reference/cli.md` from ``--help``: ``python -m edict_cli.reference docs/reference/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from edict_cli.main import edict

WIDTH = 100
HEAD = """\
# The `edict` command

Written from `--help` by `python -m edict_cli.reference`; a test compares. Exit codes: 0 done, or nothing to do; 1
differences or findings; 2 an error, printed with its code on standard error; 3 partial, a cluster could not be judged.
Data goes to standard output, everything else to standard error; `NO_COLOR` is honoured. The codes are in
[errors.md](errors.md).

Environment: `EDICT_WORKSPACE` (as `-C`), `EDICT_PASSPHRASE` (of the keys), `OTEL_EXPORTER_OTLP_ENDPOINT` (where the
trace of a publish is sent).
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_sections(edict, click.Context(edict, info_name="edict", **edict.context_settings))])


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = context.max_content_width = WIDTH
    depth = len(context.command_path.split())
    yield f"{'#' * min(depth + 1, 3)} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _sections(below, click.Context(below, info_name=name, parent=context))


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the command and its one argument
        sys.exit("usage: python -m edict_cli.reference docs/reference/cli.md")
    Path(sys.argv[1]).write_text(page())
