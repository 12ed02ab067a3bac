"""The authors' keys: one file a role, opened with a passphrase from EDICT_PASSPHRASE or from the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from securesystemslib.signer import Signer

from edict.errors import UsageError
from edict.trust import keys as trust_keys
from edict.trust.roles import INVENTORY, SNAPSHOT, team_of
from edict_cli.codes import Code
from edict_cli.output import ask_secret
from edict_cli.session import Session

ENVIRONMENT = "EDICT_PASSPHRASE"
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def new_passphrase(session: Session, *, none: bool) -> bytes | None:
    """Return the passphrase that new keys are to have; None with ``--no-passphrase``.

    Raises:
        UsageError: EDICT0607.
    """
    if none:
        return None
    given = os.environ.get(ENVIRONMENT)
    if given:
        return given.encode()
    if not session.interactive:
        raise UsageError(
            Code.PASSPHRASE,
            "the keys need a passphrase and there is nobody to ask for one",
            remedy=f"set {ENVIRONMENT}, or say --no-passphrase",
        )
    first = ask_secret("Passphrase for the new keys")
    if first != ask_secret("The same again"):
        raise UsageError(Code.PASSPHRASE, "the two passphrases differ", remedy="run the command again")
    return first


class Keys:
    """The folder of an author's keys. A key is read when it is first needed."""

    def __init__(self, folder: Path, session: Session) -> None:
        self._folder = folder
        self._session = session
        self._passphrase: bytes | None = None

    def path(self, owner: str) -> Path:
        """Return the file of a role's key: ``root``, ``targets``, ``inventory``, ``snapshot``, ``policies/<team>``."""
        team = team_of(owner)
        return self._folder / (f"{owner}.pem" if team is None else f"team-{team}.pem")

    def signer(self, owner: str) -> Signer:
        """Return a role's key.

        Raises:
            UsageError: EDICT0608 when this workspace does not hold the key.
            UsageError: EDICT0607 when it is encrypted and there is no passphrase and nobody to ask for one.
            TrustError: EDICT0230 when it cannot be opened.
        """
        path = self.path(owner)
        if not path.exists():
            raise UsageError(
                Code.NO_TEAM,
                f"this workspace does not hold the key of {owner}",
                where=str(path),
                remedy=_who(owner),
            )
        return trust_keys.load_signer(path, self._passphrase_of(path))

    def _passphrase_of(self, path: Path) -> bytes | None:
        try:
            encrypted = path.read_bytes().startswith(_ENCRYPTED)
        except OSError:
            return None  # load_signer names what is wrong with the file
        given = os.environ.get(ENVIRONMENT)
        if not encrypted:
            return None
        if given:
            return given.encode()
        if self._passphrase is None:
            if not self._session.interactive:
                raise UsageError(
                    Code.PASSPHRASE,
                    "the key is encrypted and no passphrase was given",
                    where=str(path),
                    remedy=f"set {ENVIRONMENT}",
                )
            self._passphrase = ask_secret("Passphrase of the keys")
        return self._passphrase


def _who(owner: str) -> str:
    if owner == INVENTORY:
        return "ask the platform team to sign clusters"
    if owner == SNAPSHOT:
        return "ask the publisher to publish"
    return "name one of your own teams with --team, or ask that team to sign"
