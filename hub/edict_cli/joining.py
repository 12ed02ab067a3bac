"""A federation of several people: founding it once all have signed, and making the workspace of one more author.

The bytes of version 1, signatures included, are what every agent pins.
"""

from __future__ import annotations

from pathlib import Path

from edict.trust import verify
from edict.trust.cosigning import Signing
from edict.trust.drafting import Base
from edict.trust.roles import ROOT
from edict_cli.store import files, settings
from edict_cli.store.building import all_or_nothing
from edict_cli.store.settings import Settings
from edict_cli.store.workspace import SETTINGS, Workspace


def complete(workspace: Workspace) -> bool:
    """Found the federation once its version 1 has every signature; tell whether that happened now.

    The hub's copy of the root is written first, then the metadata with the root last: a crash leaves it to be done
    again, with the same bytes.
    """
    made = workspace.pending.roles()
    if workspace.repository.founded or ROOT not in made or Signing(Base(), made).lacking(made):
        return False
    files.write(workspace.hub / "root.json", made[ROOT])
    workspace.repository.found(made)
    workspace.pending.drop()
    return True


def join(folder: Path, written: Settings, root: bytes | None) -> None:
    """Make the workspace of one more author: without keys, trusting a root, or none until a founders' file comes.

    Raises:
        UsageError: EDICT0603, EDICT0606.
        TrustError: EDICT0201 or 0202 when it is no root that its own keys signed.
    """
    version = 0 if root is None else verify.pin(root).root_version

    def fill(building: Path) -> None:
        for name in ("keys", "operator", "hub"):
            files.make_folder(building / name, files.PRIVATE_FOLDER)
        if root is not None:
            files.write(building / "metadata" / f"{version}.{ROOT}.json", root)
        files.write(building / SETTINGS, settings.dump(written))

    all_or_nothing(folder, fill)
