"""The top of the `edict` command: options for every verb, and the one place where an error becomes a message."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

import click

from edict.errors import EdictError, UsageError
from edict_cli.codes import Code
from edict_cli.session import Session

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # grpc's C core would write its own lines between ours

VERBS = (
    "init",
    "cluster",
    "lint",
    "translate",
    "explain",
    "diff",
    "sign",
    "publish",
    "status",
    "get",
    "audit",
    "trust",
    "operator",
    "hub",
    "version",
)
ERROR = 2


class Verbs(click.Group):
    """Loads a verb when it is asked for, so that `edict version` does not import cryptography."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they are used."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        return cast("click.Command", import_module(f"edict_cli.verbs.{cmd_name}").command)


def _version(context: click.Context, _option: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click calls it
    if asked:
        click.echo(f"edict {import_module('edict_cli.verbs.version').own_version()}")
        context.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-C",
    "--workspace",
    envvar="EDICT_WORKSPACE",
    default="edict",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The author's folder (or EDICT_WORKSPACE).",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
@click.option("--verbose", is_flag=True, help="Print a traceback with an error.")
@click.pass_context
def edict(context: click.Context, workspace: Path, *, verbose: bool) -> None:
    """Write network policy once, sign it, publish it to every cluster, and see that it holds.

    \b
    A first release, from nothing:
      edict init edict --trust-domain bank.example --hub hub.bank.example:8443 \\
                       --enrol hub.bank.example:8444 --team payments
      edict-hub serve --config edict/hub/hub.yaml          (on the hub)
      edict cluster add fra1 --plugin cilium --label env=prod --owner platform
      edict sign -f deny-metadata.yaml
      edict publish
      edict cluster token fra1                             (for its agent)
      edict cluster approve fra1 && edict publish          (once the agent has enrolled)
      edict status

    \b
    Exit codes: 0 done, or nothing to do · 1 differences or findings · 2 error · 3 partial.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    context.obj = Session(workspace, verbose=verbose)


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Every failure has been printed on stderr, on one line, with a code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = edict.main(args=arguments, prog_name="edict", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nobody is shown a bare traceback
        return _failed(error, arguments)
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, arguments: Sequence[str]) -> int:
    if "--verbose" in arguments:
        traceback.print_exc()
    known = _known(error)
    click.echo(known.diagnostics(), err=True)
    return known.exit_code


def _known(error: BaseException) -> EdictError:
    match error:
        case EdictError():
            return error
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            where = error.ctx.command_path
            return UsageError(Code.COMMAND_LINE, "a verb is missing", where=where, remedy="name one of those above")
        case click.ClickException():
            return _from_click(error)
        case KeyboardInterrupt() | click.Abort():
            return UsageError(Code.INTERRUPTED, "interrupted; what was done before stays")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EIO):
            return UsageError(Code.FILE, f"what was asked for cannot be written: {error.strerror}", remedy="make room")
        case _:
            return _unexpected(error)


def _from_click(error: click.ClickException) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context is not None else "edict"
    what = " ".join(error.format_message().split())
    return UsageError(Code.COMMAND_LINE, what[:1].lower() + what[1:], where=where, remedy=f"{where} --help")


def _unexpected(error: BaseException) -> UsageError:
    said = " ".join(str(error).split())
    return UsageError(
        Code.UNEXPECTED,
        f"the command failed in a way that it does not know: {type(error).__name__}{': ' + said if said else ''}",
        remedy="run it again with --verbose, and report what it prints",
    )
