"""`edict version`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click
import msgspec

from edict.policy.model import API_VERSION, LANGUAGE_LEVEL
from edict_cli.output import Form, Sheet, emit, forms


class Version(msgspec.Struct, frozen=True, rename="camel"):
    """What this command is."""

    edict: str
    language: str
    language_level: int


def own_version() -> str:
    """Return the version of the package."""
    try:
        return version("edict-federation")
    except PackageNotFoundError:
        return "unpackaged"


@click.command("version", short_help="Print the version.")
@forms()
def command(form: Form) -> None:
    """Print the version of this command and of the policy language that it signs."""
    own = own_version()
    data = Version(own, API_VERSION, LANGUAGE_LEVEL)
    emit(form, data, Sheet(["edict", "language", "level"], [[own, API_VERSION, str(LANGUAGE_LEVEL)]]))
