"""Where each cluster's receipt chain ended when it was last looked at: a hub that drops its tail is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from edict_cli.conformance import Seen
from edict_cli.store import files


def load(path: Path) -> dict[str, Seen]:
    """Return what was seen, by cluster; a file that is gone or damaged forgets it."""
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(files.read(path), type=dict[str, Seen])
    except msgspec.MsgspecError:
        return {}


def store(path: Path, seen: Mapping[str, Seen]) -> None:
    """Remember what was seen."""
    files.write(path, msgspec.json.format(msgspec.json.encode(dict(seen)), indent=1))
