"""The options that `edict init` and `edict trust init` share: who founds a federation together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from edict.errors import UsageError
from edict.trust.roles import clashing, team_of, team_role
from edict_cli import public_keys
from edict_cli.codes import Code
from edict_cli.founding import Founding
from edict_cli.output import note
from edict_cli.store.settings import checked_team
from edict_cli.verbs.trust_done import role_of

F = TypeVar("F", bound=Callable[..., Any])
DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")


@dataclass(frozen=True)
class Others:
    """What the options say: ``ROLE=FILE``, ``ROLE=NUMBER`` and ``ROLE``, not yet read."""

    keys: Sequence[str]
    thresholds: Sequence[str]
    without: Sequence[str]


def others_options(function: F) -> F:
    """Add ``--key``, ``--threshold`` and ``--without``."""
    for option in (
        click.option(
            "--without", multiple=True, metavar="ROLE", help="Make no key for this role: others have it; repeatable."
        ),
        click.option(
            "--threshold",
            "thresholds",
            multiple=True,
            metavar="ROLE=N",
            help="How many keys of a role must sign, such as root=2; repeatable.",
        ),
        click.option(
            "--key",
            "keys",
            multiple=True,
            metavar="ROLE=FILE",
            help="Another author's public key for a role, PEM; repeatable.",
        ),
    ):
        function = option(function)
    return function


def with_others(asked: Founding, others: Others) -> Founding:
    """Return a founding with other people's keys.

    Raises:
        UsageError: EDICT0601, 0635, and what reading a key raises.
    """
    given = {role_of(role): found for role, found in public_keys.by_role(others.keys).items()}
    thresholds = dict(map(_threshold, others.thresholds))
    without = frozenset(map(role_of, others.without))
    for role in (given.keys() | thresholds.keys() | without) - set(asked.roles):
        raise UsageError(
            Code.ROLE,
            f"the federation has no role {role}",
            where="--key, --threshold, --without",
            remedy=f"use one of {', '.join(asked.roles)}",
        )
    return replace(asked, keys=given, thresholds=thresholds, without=without)


def tell_missing(folder: Path) -> None:
    """Say how the other founders sign."""
    note(
        "The other founders must sign before anybody can trust this:\n"
        f"      edict -C {folder} sign --out founding.edict            send the file to them\n"
        "      edict trust init DIR --join ... ; edict -C DIR sign --in founding.edict --out founding.edict\n"
        f"      edict -C {folder} sign --in founding.edict             once they have sent it back"
    )


def checked_domain(name: str) -> str:
    """Return a trust domain.

    Raises:
        UsageError: EDICT0619.
    """
    if DOMAIN.fullmatch(name) is None:
        raise UsageError(
            Code.NAME, f"{name!r} is no domain name", where="--trust-domain", remedy="write it like bank.example"
        )
    return name


def checked_teams(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of teams, of which none is the name of a bin of another.

    Raises:
        UsageError: EDICT0619.
    """
    teams = tuple(dict.fromkeys(checked_team(name) for name in names))
    roles = [team_role(team) for team in teams]
    for role in roles:
        other = clashing(role, roles)
        if other is not None:
            raise UsageError(
                Code.NAME,
                f"the teams {team_of(other)} and {team_of(role)} would own the same role {role}",
                where="--team",
                remedy=f"choose a name for {team_of(role)} that does not end in a dash and one to three of 0-9 a-f",
            )
    return teams


def _threshold(pair: str) -> tuple[str, int]:
    role, _, number = pair.partition("=")
    if not number.isascii() or not number.isdigit() or int(number) < 1:
        raise UsageError(Code.COMMAND_LINE, f"{pair!r} is not ROLE=NUMBER", where="--threshold", remedy="write root=2")
    return role_of(role), int(number)
