"""The numbers of :class:`edict.errors.UsageError` that more than one program raises: one meaning each."""

from __future__ import annotations

import enum


class Code(enum.IntEnum):
    """Printed as ``EDICT06xx``; the command's own are in ``edict_cli.codes``."""

    LISTEN_ADDRESS = 680
    """An address to listen on is not host:port."""
    METRICS_PORT = 690
    """The metrics port cannot be opened."""
