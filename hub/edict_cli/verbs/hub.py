"""`edict hub`: what the platform team does for the hub itself, from the author's workspace."""

from __future__ import annotations

import click

from edict_cli.verbs.hub_authority import authority
from edict_cli.verbs.hub_recover import recover


@click.group("hub", short_help="Change the hub's certificate authority; bring a hub back.")
def command() -> None:
    """Look after the hub: who signs its certificates, and what it holds."""


command.add_command(authority)
command.add_command(recover)
