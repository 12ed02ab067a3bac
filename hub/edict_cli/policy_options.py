"""The options that verbs on policies without a workspace share: which files, whose, and for which agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edict.errors import UsageError
from edict.ids import is_dns_label
from edict.policy.lockout import DEFAULT_AGENT_NAMESPACE
from edict_cli.codes import Code

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_TEAM = "preview"


def files_option(beginning: str = "A") -> Callable[[F], F]:
    """Add ``-f``, as the argument ``files``; its help begins so."""
    return click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help=f"{beginning} YAML or JSON file, or a folder of them; - is stdin; repeatable.",
    )


team_option = click.option(
    "--team", default=DEFAULT_TEAM, show_default=True, help="Whose policies these are; it is in every name."
)
facts_option = click.option(
    "--facts", "facts_file", type=click.Path(path_type=Path), help="What is known about the cluster; YAML or JSON."
)


def agent_namespace_option(verb: F) -> F:
    """Add ``--agent-namespace``, which must be a DNS label.

    Raises:
        UsageError: EDICT0619, when the command line is read.
    """
    return click.option(
        "--agent-namespace",
        default=DEFAULT_AGENT_NAMESPACE,
        show_default=True,
        callback=_checked_namespace,
        help="Whose way out is always kept.",
    )(verb)


def _checked_namespace(_context: click.Context, _option: click.Parameter, namespace: str) -> str:
    if not is_dns_label(namespace):
        raise UsageError(
            Code.NAME, f"{namespace!r} is no namespace", where="--agent-namespace", remedy="write a DNS label"
        )
    return namespace
