"""Passphrases and PINs: from the environment or from the terminal, never from the command line, asked for once."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlsplit

from edict.errors import UsageError, printable
from edict_cli.codes import Code
from edict_cli.output import ask_secret
from edict_cli.session import Session

PASSPHRASE = "EDICT_PASSPHRASE"  # noqa: S105 - the name of a variable
PIN = "EDICT_PIN"


def new_passphrase(session: Session, *, none: bool) -> bytes | None:
    """Return the passphrase that new keys are to have; None with ``--no-passphrase``.

    Raises:
        UsageError: EDICT0607.
    """
    if none:
        return None
    given = os.environ.get(PASSPHRASE)
    if given:
        return given.encode()
    if not session.interactive:
        raise UsageError(
            Code.PASSPHRASE,
            "the keys need a passphrase and there is nobody to ask for one",
            remedy=f"set {PASSPHRASE}, or say --no-passphrase",
        )
    first = ask_secret("Passphrase for the new keys")
    if first != ask_secret("The same again"):
        raise UsageError(Code.PASSPHRASE, "the two passphrases differ", remedy="run the command again")
    return first


class Secrets:
    """What one run of the command was told. Each secret is asked for when it is first needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: dict[str, bytes] = {}

    def passphrase(self, where: str) -> bytes:
        """Return the passphrase of the key files.

        Raises:
            UsageError: EDICT0607.
        """
        return self._secret(PASSPHRASE, "Passphrase of the keys", "the key is encrypted and no passphrase", where)

    def pin(self, uri: str) -> str:
        """Return the PIN of the device that holds a key; one device asks once, however many of its keys sign.

        Raises:
            UsageError: EDICT0607.
        """
        label = dict(parse_qsl(urlsplit(uri).query)).get("label")
        question = f"PIN of {printable(label)}" if label else "PIN of the device"
        return self._secret(PIN, question, "the device asks for a PIN and none", uri).decode()

    def _secret(self, variable: str, question: str, missing: str, where: str) -> bytes:
        given = os.environ.get(variable)
        if given:
            return given.encode()
        if question not in self._told:
            if not self._session.interactive:
                raise UsageError(Code.PASSPHRASE, f"{missing} was given", where=where, remedy=f"set {variable}")
            self._told[question] = ask_secret(question)
        return self._told[question]
