"""`keys.yaml`: which keys sign for which role in this workspace, by URI. Written by the tools, readable by its owner.

::

    roles:
      root:
      - uri: file:root.pem                 # a path beside keys.yaml, or an absolute one
      - uri: hsm:2?label=root
        public: {keyid: 5a0…, keytype: ecdsa, scheme: ecdsa-sha2-nistp256, public: "-----BEGIN PUBLIC KEY-----…"}

A role that is not named here has its key in the file that `edict init` made (``root.pem``, ``team-<team>.pem``), as
all roles of a workspace without this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml
from securesystemslib.signer import Key, SSlibKey

from edict.errors import UsageError
from edict_cli.codes import Code
from edict_cli.store import files

NAME = "keys.yaml"
FILE = "file:"
"""Begins the URI of a key in a file."""


class Public(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public key as metadata spells it: `public` is hex of an ed25519 key, PEM of any other."""

    keyid: str
    keytype: str
    scheme: str
    public: str

    @classmethod
    def of(cls, key: Key) -> Public:
        """Return what is kept of a key."""
        return cls(key.keyid, key.keytype, key.scheme, str(key.keyval["public"]))

    @property
    def key(self) -> SSlibKey:
        """The key."""
        return SSlibKey(self.keyid, self.keytype, self.scheme, {"public": self.public})


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key of a role. Only a file may leave `public` out: it is read from the file."""

    uri: str
    public: Public | None = None


class Keyring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `keys.yaml`; a role's first key is the one that signs where one signature is enough."""

    roles: Mapping[str, tuple[Entry, ...]] = {}

    def with_keys(self, role: str, entries: tuple[Entry, ...]) -> Keyring:
        """Return a keyring in which a role has these keys."""
        return Keyring({**self.roles, role: entries})


def load(path: Path) -> Keyring:
    """Read the keyring; without a file it is empty.

    Raises:
        UsageError: EDICT0605 when it is malformed, EDICT0620 when others may read it.
    """
    if not path.exists():
        return Keyring()
    try:
        return msgspec.convert(yaml.safe_load(files.read_private(path)), Keyring)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeError) as error:
        raise UsageError(
            Code.WORKSPACE_DAMAGED,
            f"the list of keys cannot be read: {' '.join(str(error).split())}",
            where=str(path),
            remedy="restore it from a copy; without it the keys that `edict init` made still work",
        ) from None


def begin(folder: Path, made: Mapping[str, tuple[str, Key]]) -> None:
    """Put the first key of each role on record: its file's name in the folder, and its public half."""
    store(
        folder / NAME,
        Keyring({role: (Entry(f"{FILE}{name}", Public.of(key)),) for role, (name, key) in made.items()}),
    )


def store(path: Path, keyring: Keyring) -> None:
    """Write the keyring whole, for its owner alone.

    Raises:
        UsageError: EDICT0603.
    """
    text: bytes = yaml.safe_dump(msgspec.to_builtins(keyring), sort_keys=False, encoding="utf-8")
    files.write(path, text, mode=files.PRIVATE)
