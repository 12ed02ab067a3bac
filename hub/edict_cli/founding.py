"""A new federation on disk: keys, trust root, certificates, and the hub's folder."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from edict.errors import UsageError
from edict.pki import csr
from edict.pki.ca import CertificateAuthority
from edict.pki.names import Role, hub_id, operator_id
from edict.trust import authoring, keys
from edict.trust.roles import INVENTORY, ROOT, SNAPSHOT, TARGETS, team_role
from edict_cli.codes import Code
from edict_cli.store import files, settings
from edict_cli.store.keys import Keys
from edict_cli.store.repository import Repository
from edict_cli.store.settings import Address, Settings
from edict_cli.store.workspace import SETTINGS

METRICS = "127.0.0.1:9464"
OPERATOR = "author"


@dataclass(frozen=True)
class Founding:
    """What `edict init` was asked for. ``etcd`` is ``embedded``, or endpoints separated by commas."""

    trust_domain: str
    hub: tuple[Address, ...]
    enrol: tuple[Address, ...]
    hosts: tuple[str, ...]
    teams: tuple[str, ...]
    etcd: str


def found(folder: Path, asked: Founding, keyring: Keys, passphrase: bytes | None, now: datetime) -> None:
    """Make everything in a folder beside the wanted one, then move it into place: all of it or nothing.

    A folder that is there and empty is kept and filled, its settings last: somebody's shell may stand in it.

    Raises:
        UsageError: EDICT0603 when it cannot be written, EDICT0606 when there is something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            Code.ALREADY_THERE,
            "there is something already, and keys are never overwritten",
            where=str(folder),
            remedy="choose another folder, or work in this one with -C",
        )
    wanted = folder.resolve()
    building = wanted.with_name(f".{wanted.name}.making")
    try:
        shutil.rmtree(building, ignore_errors=True)
        files.make_folder(building, files.PRIVATE_FOLDER)
        _fill(building, asked, keyring, passphrase, now)
        _move(building, wanted)
    except OSError as error:
        raise files.unusable(folder, error) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _move(building: Path, folder: Path) -> None:
    if not folder.exists():
        building.replace(folder)
        return
    folder.chmod(files.PRIVATE_FOLDER)
    for part in sorted(building.iterdir(), key=lambda path: path.name == SETTINGS):
        part.replace(folder / part.name)


def _fill(folder: Path, asked: Founding, keyring: Keys, passphrase: bytes | None, now: datetime) -> None:
    for name in ("keys", "operator", "hub"):
        files.make_folder(folder / name, files.PRIVATE_FOLDER)

    def key_path(role: str) -> Path:
        return folder / "keys" / keyring.path(role).name

    root_keys = authoring.RootKeys(
        root=keys.generate(key_path(ROOT), passphrase),
        targets=keys.generate(key_path(TARGETS), passphrase),
        inventory=keys.generate(key_path(INVENTORY), passphrase),
        snapshot=keys.generate(key_path(SNAPSHOT), passphrase),
        timestamp=keys.generate(folder / "hub" / "timestamp.pem", None),
        teams={team: keys.generate(key_path(team_role(team)), passphrase) for team in asked.teams},
    )
    made = authoring.initial(root_keys, now)
    Repository(folder / "metadata").found({role: data for role, data in made.items() if role != SNAPSHOT})
    authority = CertificateAuthority.create(asked.trust_domain, now)
    _hub_folder(folder / "hub", asked, authority, made[ROOT], now)
    operator_files(folder / "operator", authority, Role.OPERATOR, OPERATOR, now)
    team = asked.teams[0] if len(asked.teams) == 1 else ""
    written = Settings(asked.trust_domain, _joined(asked.hub), _joined(asked.enrol), team)
    files.write(folder / SETTINGS, settings.dump(written))


def _hub_folder(folder: Path, asked: Founding, authority: CertificateAuthority, root: bytes, now: datetime) -> None:
    server_key = csr.new_private_key()
    request = csr.make_csr(server_key, hub_id(asked.trust_domain))
    files.write(folder / "root.json", root)
    files.write(folder / "ca.crt", authority.certificate_pem)
    files.write(folder / "ca.key", authority.key_pem, mode=files.PRIVATE)
    files.write(folder / "server.crt", authority.issue_hub(request, asked.hosts, now))
    files.write(folder / "server.key", server_key, mode=files.PRIVATE)
    local = all(_is_loopback(address.host) for address in (*asked.hub, *asked.enrol))
    host = "127.0.0.1" if local else "0.0.0.0"  # noqa: S104 - a hub that others reach listens for them
    config = {
        "trustDomain": asked.trust_domain,
        "mtlsListen": f"{host}:{asked.hub[0].port}",
        "enrolListen": f"{host}:{asked.enrol[0].port}",
        "metricsListen": METRICS,
        **_etcd(asked.etcd),
        "root": "root.json",
        "timestampKey": "timestamp.pem",
        "caCert": "ca.crt",
        "caKey": "ca.key",
        "serverCert": "server.crt",
        "serverKey": "server.key",
    }
    files.write(folder / "hub.yaml", yaml.safe_dump(config, sort_keys=False, encoding="utf-8"))


def operator_files(folder: Path, authority: CertificateAuthority, role: Role, name: str, now: datetime) -> None:
    """Write an operator's key, certificate and the CA that the hub is known by."""
    key = csr.new_private_key()
    request = csr.make_csr(key, operator_id(authority.trust_domain, role, name))
    files.write(folder / "operator.key", key, mode=files.PRIVATE)
    files.write(folder / "operator.crt", authority.issue_operator(request, role, name, now))
    files.write(folder / "ca.crt", authority.certificate_pem)


def _etcd(asked: str) -> dict[str, object]:
    if asked == "embedded":
        return {"embedded": {"dataDir": "etcd"}}
    return {"etcd": {"endpoints": asked.split(",")}}


def _joined(addresses: Sequence[Address]) -> str:
    return ",".join(map(str, addresses))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
