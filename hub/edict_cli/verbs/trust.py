"""`edict trust`: who signs what."""

from __future__ import annotations

import click

from edict_cli.verbs.trust_delegate import delegate
from edict_cli.verbs.trust_init import init
from edict_cli.verbs.trust_keys import add_key, key, remove_key, renew, rotate, threshold
from edict_cli.verbs.trust_status import show


@click.group("trust", short_help="Decide who signs what: keys, thresholds, teams and their limits.")
def command() -> None:
    """Decide who signs what: keys, thresholds, teams and their limits.

    Every role has one or more keys and a threshold, how many of them must sign. A change is pending, signed as far as
    the keys of this workspace go, until `edict publish` sends it; `edict sign --out FILE` carries it to other authors.

    \b
    Roles: root (its own keys, and those of the next three), targets (teams, inventory, waivers and their limits),
    snapshot (releases), timestamp (the hub's), inventory, waivers, policies/TEAM; a team may be written without
    policies/.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


for verb in (init, show, delegate, key, rotate, add_key, remove_key, threshold, renew):
    command.add_command(verb)
