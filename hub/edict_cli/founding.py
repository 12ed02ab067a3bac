"""A new federation on disk: keys, trust root, certificates, and the hub's folder.

Where others found it too, version 1 of every role is pending until all have signed (:mod:`edict_cli.joining`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import yaml
from securesystemslib.signer import Key, Signer

from edict.errors import TrustError, UsageError
from edict.pki import csr
from edict.pki.ca import CertificateAuthority
from edict.pki.names import Role, hub_id, operator_id
from edict.trust import keys
from edict.trust.cosigning import Signing, encoded
from edict.trust.drafting import Base, Wish, draft
from edict.trust.holding import ROOT_ROLES, Holding
from edict.trust.roles import INVENTORY, ROOT, TIMESTAMP, team_role
from edict_cli import believed
from edict_cli.authorities import ROOT_CERTIFICATE, ROOT_KEY
from edict_cli.believed import Known
from edict_cli.codes import Code
from edict_cli.store import files, settings
from edict_cli.store.building import all_or_nothing
from edict_cli.store.keyring import begin
from edict_cli.store.keys import Keys
from edict_cli.store.pending import Pending, Wanted
from edict_cli.store.repository import Repository
from edict_cli.store.settings import Address, Settings
from edict_cli.store.workspace import SETTINGS

METRICS = "127.0.0.1:9464"
OPERATOR = "author"


@dataclass(frozen=True)
class Founding:
    """What `edict init` or `edict trust init` was asked for.

    Attributes:
        trust_domain: of every SPIFFE ID.
        hub: addresses of the mutual TLS port.
        enrol: addresses of the enrolment port.
        hosts: names and addresses in the hub's certificate.
        teams: that sign policies.
        etcd: ``embedded``, or endpoints separated by commas.
        keys: public keys of others, by role.
        thresholds: by role; 1 where there is none.
        without: roles for which no key is made here; somebody else's must be given.
        with_hub: make the hub's CA and configuration and an operator's certificate too.
        offline_ca: put a root CA that stays with the authors' keys above the hub's.
    """

    trust_domain: str
    hub: tuple[Address, ...]
    enrol: tuple[Address, ...]
    hosts: tuple[str, ...]
    teams: tuple[str, ...]
    etcd: str
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    thresholds: Mapping[str, int] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    with_hub: bool = True
    offline_ca: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that has keys of its own."""
        return (*ROOT_ROLES, INVENTORY, *map(team_role, self.teams))


def found(folder: Path, asked: Founding, keyring: Keys, passphrase: bytes | None, now: datetime) -> None:
    """Make everything in a folder beside the wanted one, then move it into place: all of it or nothing.

    A folder that is there and empty is kept and filled, its settings last: somebody's shell may stand in it.

    Raises:
        UsageError: EDICT0603 when it cannot be written, EDICT0606 when there is something already.
    """

    def fill(building: Path) -> None:
        _fill(building, asked, keyring, passphrase, now)

    all_or_nothing(folder, fill)


def _fill(folder: Path, asked: Founding, keyring: Keys, passphrase: bytes | None, now: datetime) -> None:
    for name in ("keys", "operator", "hub"):
        files.make_folder(folder / name, files.PRIVATE_FOLDER)

    signers: dict[str, list[Signer]] = {}
    for role in asked.roles:
        if role in asked.without:
            continue
        path = folder / "hub" / "timestamp.pem" if role == TIMESTAMP else folder / "keys" / keyring.path(role).name
        signers[role] = [keys.generate(path, None if role == TIMESTAMP else passphrase)]
    own = {role: (keyring.path(role).name, found[0].public_key) for role, found in signers.items() if role != TIMESTAMP}
    begin(folder / "keys", own)
    holdings = {role: _holding(asked, role, signers.get(role, [])) for role in asked.roles}
    made = {role: encoded(one) for role, one in draft(Base(), Wish(holdings), now).items()}
    signing = Signing(Base(), made)
    made = {role: signing.signed(role, data, signers.get(signing.owner(role), ())) for role, data in made.items()}
    if asked.with_hub:
        root = CertificateAuthority.create_root(asked.trust_domain, now) if asked.offline_ca else None
        authority = root.issue_authority(now) if root else CertificateAuthority.create(asked.trust_domain, now)
        if root is not None:
            files.write(folder / "keys" / ROOT_CERTIFICATE, root.certificate_pem)
            files.write(folder / "keys" / ROOT_KEY, root.encrypted_key_pem(passphrase), mode=files.PRIVATE)
        _hub_folder(folder / "hub", asked, authority, now)
        known_by = Known((root or authority).certificate_pem.decode(), 0)
        operator_files(folder / "operator", authority, Role.OPERATOR, OPERATOR, now, known_by=known_by)
    if signing.lacking(made):
        Pending(folder / "pending").put(Wanted(holdings=holdings), made)
    else:
        files.write(folder / "hub" / "root.json", made[ROOT])
        Repository(folder / "metadata").found(made)
    team = asked.teams[0] if len(asked.teams) == 1 else ""
    written = Settings(asked.trust_domain, _joined(asked.hub), _joined(asked.enrol), team)
    files.write(folder / SETTINGS, settings.dump(written))


def _holding(asked: Founding, role: str, own: Sequence[Signer]) -> Holding:
    given = asked.keys.get(role, ())
    try:
        return Holding((*(signer.public_key for signer in own), *given), asked.thresholds.get(role, 1))
    except TrustError as error:
        raise UsageError(
            Code.ROLE, f"{role}: {error.what}", where="--key, --threshold, --without", remedy=error.remedy
        ) from None


def _hub_folder(folder: Path, asked: Founding, authority: CertificateAuthority, now: datetime) -> None:
    server_key = csr.new_private_key()
    request = csr.make_csr(server_key, hub_id(asked.trust_domain))
    files.write(folder / "ca.crt", authority.certificate_pem)
    files.write(folder / "ca.key", authority.key_pem, mode=files.PRIVATE)
    files.write(folder / "server.crt", authority.issue_hub(request, asked.hosts, now) + authority.chain_pem)
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


def operator_files(
    folder: Path,
    authority: CertificateAuthority,
    role: Role,
    name: str,
    now: datetime,
    *,
    known_by: Known | None = None,
) -> None:
    """Write an operator's key, certificate and the authorities that the hub is known by."""
    key = csr.new_private_key()
    request = csr.make_csr(key, operator_id(authority.trust_domain, role, name))
    files.write(folder / "operator.key", key, mode=files.PRIVATE)
    files.write(folder / "operator.crt", authority.issue_operator(request, role, name, now))
    believed.store(folder, known_by or Known(authority.certificate_pem.decode(), 0))


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
