"""`workspace.yaml`: what an author's folder says of its federation."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import yaml

from edict.errors import UsageError
from edict.trust.roles import TEAM_ROLE, team_role
from edict_cli.codes import Code
from edict_cli.store import files

_HOST = re.compile(r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?")
_MAX_PORT = 65535


class Address(msgspec.Struct, frozen=True):
    """Where something listens. An IPv6 host has no brackets here."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The content of `workspace.yaml`.

    Attributes:
        trust_domain: of every SPIFFE ID.
        hub: addresses of the mutual TLS port, ``host:port``, separated by commas.
        enrol: addresses of the enrolment port, likewise.
        team: the team that `edict sign` signs for when none is named; empty when there is no such team.
    """

    trust_domain: str
    hub: str
    enrol: str
    team: str = ""


def load(path: Path) -> Settings:
    """Read the settings.

    Raises:
        UsageError: EDICT0605 when they are malformed, EDICT0609 for a bad address.
    """
    try:
        settings = msgspec.convert(yaml.safe_load(files.read(path)), Settings)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeError) as error:
        said = " ".join(str(error).split())
        raise UsageError(
            Code.WORKSPACE_DAMAGED,
            f"the settings cannot be read: {said}",
            where=str(path),
            remedy="write trustDomain, hub, enrol and team, as `edict init` does",
        ) from None
    addresses(settings.hub, where=f"{path} hub")
    addresses(settings.enrol, where=f"{path} enrol")
    return settings


def dump(settings: Settings) -> bytes:
    """Return the YAML of the settings."""
    plain = msgspec.to_builtins(settings)
    encoded: bytes = yaml.safe_dump(plain, sort_keys=False, encoding="utf-8")
    return encoded


def addresses(text: str, *, where: str) -> tuple[Address, ...]:
    """Read ``host:port[,host:port]``.

    Raises:
        UsageError: EDICT0609.
    """
    return tuple(_address(part.strip(), where) for part in text.split(","))


def _address(text: str, where: str) -> Address:
    host, _, port = text.rpartition(":")
    if not _HOST.fullmatch(host) or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MAX_PORT:
        raise UsageError(
            Code.ADDRESS, f"{text!r} is not host:port", where=where, remedy="write it like hub.bank.example:8443"
        )
    return Address(host.strip("[]"), int(port))


def checked_team(name: str) -> str:
    """Return a team's name.

    Raises:
        UsageError: EDICT0619.
    """
    if TEAM_ROLE.fullmatch(team_role(name)) is None:
        raise UsageError(
            Code.NAME,
            f"{name!r} is no team's name",
            where="team",
            remedy="write at most 32 of a-z 0-9 - that begin and end with a letter or a digit",
        )
    return name
