"""`edict hub authority`: replacing the CA of the hub's certificates, step by step, without cutting a cluster off."""

from __future__ import annotations

import click


@click.group("authority", short_help="Replace the hub's certificate authority.")
def authority() -> None:
    """Replace the certificate authority (CA) that signs the hub's and the agents' certificates."""
