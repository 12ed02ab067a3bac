"""The authors' keys of one workspace: files, PKCS#11 devices and key services, several to a role."""

from __future__ import annotations

from pathlib import Path

from securesystemslib.signer import Key, SecretsHandler, Signer

from edict.errors import TrustError, UsageError
from edict.trust import keys as trust_keys
from edict.trust import signers as trust_signers
from edict.trust.codes import Code as Trust
from edict.trust.kinds import accepted
from edict.trust.roles import INVENTORY, SNAPSHOT, WAIVERS, team_of
from edict_cli.codes import Code
from edict_cli.session import Session
from edict_cli.store import files, keyring
from edict_cli.store.keyring import FILE, Entry, Public
from edict_cli.store.lazy_signer import LazySigner
from edict_cli.store.secrets import Secrets


class Keys:
    """The folder of an author's keys. A key is read, and its secret asked for, when it is first needed."""

    def __init__(self, folder: Path, session: Session) -> None:
        self._folder = folder
        self._secrets = Secrets(session)

    def path(self, owner: str) -> Path:
        """Return the file of a role's first key, such as that of ``root``, ``snapshot`` or ``policies/payments``."""
        return self._folder / f"{_stem(owner)}.pem"

    def signer(self, owner: str) -> Signer:
        """Return a role's first key, opened.

        Raises:
            UsageError: EDICT0608 when this workspace does not hold a key of the role.
            UsageError: EDICT0607 when it is encrypted and there is no passphrase and nobody to ask for one.
            UsageError: EDICT0620 when others may read the folder or its list of keys.
            TrustError: EDICT0230 to 0235 when it cannot be opened.
        """
        entries = self._entries(owner)
        absent = [str(self._folder / entry.uri.removeprefix(FILE)) for entry in self._listed(owner)]
        if not entries and absent:
            raise UsageError(
                Code.NO_TEAM,
                f"the key of {owner} is not where it was put on record",
                where=absent[-1],
                remedy=f"plug in or mount what it is on, or correct its uri in {self._folder / keyring.NAME}",
            )
        if not entries:
            raise UsageError(
                Code.NO_TEAM,
                f"this workspace does not hold the key of {owner}",
                where=str(self.path(owner)),
                remedy=_who(owner),
            )
        return self._open(entries[0])

    def signers(self, owner: str) -> list[Signer]:
        """Return every key of a role that this workspace can use, the first first; none is opened before it signs.

        A file that is not there, on a stick that is not plugged in, is left out. ``public_key`` opens a file whose
        public half is not on record. Opening and signing raise what `signer` does.

        Raises:
            UsageError: EDICT0605 and 0620 for the list of keys.
        """
        return [self._lazy(entry) for entry in self._entries(owner)]

    def publics(self, owner: str) -> list[Key]:
        """Return the public halves of `signers`, in their order."""
        return [signer.public_key for signer in self.signers(owner)]

    def look_up(self, uri: str) -> tuple[str, Key]:
        """Return the URI that `add` is to be given for a key that somebody named, and its public half.

        Args:
            uri: ``file:PATH``, of this process's working folder, or one of `edict.trust.signers`.

        Raises:
            UsageError: EDICT0607.
            TrustError: EDICT0230 to 0235.
        """
        if not uri.startswith(FILE):
            return trust_signers.look_up(uri, self._pin_of(uri))
        path = Path(uri.removeprefix(FILE)).absolute()
        return self._uri_of(path), self._file(path, None).public_key

    def has(self, owner: str, uri: str, public: Key) -> bool:
        """Tell whether this very key is on record under this very URI, such as after a command that failed later."""
        return Entry(uri, Public.of(public)) in self._listed(owner)

    def add(self, owner: str, uri: str, public: Key) -> None:
        """Put a key on record as one of a role's; the workspace is locked by the caller. Nothing is signed.

        Raises:
            TrustError: EDICT0232 for a kind that may not sign, EDICT0231 when the role has this very key already.
        """
        form = accepted(public, where=uri)
        entries = []
        for entry in self._listed(owner):
            if entry == Entry(uri):
                continue  # it stands where a first key is found without being on record
            known = self._lazy(entry).public_key
            if accepted(known, where=entry.uri) == form:
                raise TrustError(
                    Trust.KEY_EXISTS,
                    f"this is a key of {owner} already",
                    where=entry.uri,
                    remedy="name another key: one key counts once however it is spelled",
                )
            entries.append(Entry(entry.uri, Public.of(known)))
        entries.append(Entry(uri, Public.of(public)))
        files.make_folder(self._folder, files.PRIVATE_FOLDER)
        path = self._folder / keyring.NAME
        keyring.store(path, keyring.load(path).with_keys(owner, tuple(entries)))

    def create(self, owner: str, passphrase: bytes | None) -> Key:
        """Make one more key of a role in a new file beside the others, put it on record, and return its public half.

        Raises:
            TrustError: EDICT0230 for an empty passphrase.
        """
        files.make_folder(self._folder, files.PRIVATE_FOLDER)
        number, path = 1, self.path(owner)
        while path.exists():
            number += 1
            path = self._folder / f"{_stem(owner)}.{number}.pem"
        public = trust_keys.generate(path, passphrase).public_key
        self.add(owner, self._uri_of(path), public)
        return public

    def _entries(self, owner: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self._listed(owner) if self._there(entry))

    def _there(self, entry: Entry) -> bool:
        return not entry.uri.startswith(FILE) or (self._folder / entry.uri.removeprefix(FILE)).exists()

    def _listed(self, owner: str) -> tuple[Entry, ...]:
        self._guard()
        listed = keyring.load(self._folder / keyring.NAME).roles.get(owner)
        if listed is not None:
            return listed
        path = self.path(owner)
        return (Entry(self._uri_of(path)),) if path.exists() else ()

    def _guard(self) -> None:
        """Refuse a folder that others may look into or, worse, put keys into."""
        if self._folder.is_dir() and self._folder.stat().st_mode & trust_keys.OTHERS:
            raise UsageError(
                Code.KEY_EXPOSED,
                "others than its owner may enter the folder of the keys",
                where=str(self._folder),
                remedy=f"chmod 700 {self._folder}",
            )

    def _lazy(self, entry: Entry) -> Signer:
        return LazySigner(entry.public.key if entry.public else None, lambda: self._open(entry))

    def _open(self, entry: Entry) -> Signer:
        if entry.uri.startswith(FILE):
            return self._file(self._folder / entry.uri.removeprefix(FILE), entry.public)
        if entry.public is None:
            raise UsageError(
                Code.WORKSPACE_DAMAGED,
                f"the public half of {entry.uri} is not on record",
                where=str(self._folder / keyring.NAME),
                remedy="take the entry out and add the key again",
            )
        return trust_signers.signer(entry.uri, entry.public.key, self._pin_of(entry.uri))

    def _file(self, path: Path, public: Public | None) -> Signer:
        passphrase = self._secrets.passphrase(str(path)) if trust_keys.is_encrypted(path) else None
        return trust_keys.load_signer(path, passphrase, public.key if public else None)

    def _uri_of(self, path: Path) -> str:
        beside = path.parent == self._folder.absolute() or path.parent == self._folder
        return f"{FILE}{path.name if beside else path}"

    def _pin_of(self, uri: str) -> SecretsHandler:
        return lambda _name: self._secrets.pin(uri)


def _stem(owner: str) -> str:
    team = team_of(owner)
    return owner if team is None else f"team-{team}"


def _who(owner: str) -> str:
    if owner == INVENTORY:
        return "ask the platform team to sign clusters"
    if owner == WAIVERS:
        return "ask security to sign waivers"
    if owner == SNAPSHOT:
        return "ask the publisher to publish"
    return "name one of your own teams with --team, or ask that team to sign"
