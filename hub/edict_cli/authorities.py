"""The hub's certificate authorities as this workspace has them, and the files that say so.

::

    hub/ca.crt ca.key            those that the hub believes, the issuing one first, and its key; copied to the hub
    hub/server.crt server.key    the certificate that the hub begins with
    authority/next.crt next.key  a new one, until it issues; stays here
    keys/ca-root.crt ca-root.pem the offline root above them, where there is one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from tuf.api.metadata import Metadata, Root

from edict.errors import UsageError
from edict.pki import chains, csr
from edict.pki.ca import BACKDATE, CertificateAuthority
from edict.pki.names import hub_id
from edict.trust import authorities
from edict_cli import preparing
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.secrets import Secrets
from edict_cli.store.workspace import Workspace

ROOT_CERTIFICATE, ROOT_KEY = "ca-root.crt", "ca-root.pem"
DEFAULT_LIFETIME = timedelta(hours=24)
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Authorities:
    """Reads and writes them; the workspace is locked by whoever writes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._hub = workspace.hub
        self._next = workspace.folder / "authority"

    @property
    def at_hub(self) -> tuple[x509.Certificate, ...]:
        """Those that the hub believes, the issuing one first."""
        return chains.split(files.read(self._hub / "ca.crt"))

    @property
    def next(self) -> CertificateAuthority | None:
        """The new one that does not issue yet."""
        path = self._next / "next.crt"
        if not path.exists():
            return None
        key = self._next / "next.key"
        return CertificateAuthority.load(files.read(path), files.read_private(key), key_at=str(key))

    @property
    def listed(self) -> tuple[str, ...]:
        """Those of the newest root that is known here, PEM."""
        return authorities.read(self._workspace.repository.root())

    @property
    def pending(self) -> tuple[str, ...] | None:
        """Those of the root that is pending, PEM; None when it changes nothing of this."""
        wanted = self._workspace.pending.wanted().root_fields
        return tuple(wanted[authorities.FIELD]) if authorities.FIELD in wanted else None

    @property
    def dropped(self) -> CertificateAuthority | None:
        """The new one, if no root lists it: the one that did was forgotten before it was published."""
        made = self.next
        named = {*self.listed, *(self.pending or ())}
        return None if made is None or made.certificate_pem.decode() in named else made

    @property
    def issuing_since(self) -> datetime:
        """When the hub's certificate was made, UTC: since then at the latest the issuing one issues."""
        return csr.not_before(files.read(self._hub / "server.crt")) + BACKDATE

    @property
    def certificate_lifetime(self) -> timedelta:
        """For how long agents' certificates are good, as the hub's configuration says."""
        try:
            text = (yaml.safe_load(files.read(self._hub / "hub.yaml")) or {}).get("certificateLifetime", "")
            return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]]) if text else DEFAULT_LIFETIME
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
            return DEFAULT_LIFETIME

    def make(self, now: datetime) -> CertificateAuthority:
        """Make a new authority: below the offline root where there is one, else self-signed."""
        root = self._workspace.folder / "keys" / ROOT_CERTIFICATE
        if not root.exists():
            return CertificateAuthority.create(self._workspace.settings.trust_domain, now)
        return self._offline_root(root).issue_authority(now)

    def keep_next(self, made: CertificateAuthority) -> None:
        """Keep a new authority here, and let the hub believe it."""
        files.make_folder(self._next, files.PRIVATE_FOLDER)
        files.write(self._next / "next.key", made.key_pem, mode=files.PRIVATE)
        files.write(self._next / "next.crt", made.certificate_pem)
        self.write_believed([*self.at_hub, made.certificate])

    def issue_with(self, made: CertificateAuthority, now: datetime) -> None:
        """Let the new authority issue: the hub's certificate, and from then on those of agents."""
        key = csr.new_private_key()
        request = csr.make_csr(key, hub_id(made.trust_domain))
        hosts = chains.hosts_of(chains.split(files.read(self._hub / "server.crt"))[0])
        leaf = made.issue_hub(request, hosts, now)
        others = [each for each in self.at_hub if each != made.certificate]
        self.write_believed([made.certificate, *others])
        files.write(self._hub / "ca.key", made.key_pem, mode=files.PRIVATE)
        files.write(self._hub / "server.crt", leaf + made.chain_pem)
        files.write(self._hub / "server.key", key, mode=files.PRIVATE)
        files.remove(self._next / "next.crt")
        files.remove(self._next / "next.key")

    def write_believed(self, certificates: Sequence[x509.Certificate]) -> None:
        """Say which the hub believes, the issuing one first."""
        files.write(self._hub / "ca.crt", b"".join(map(chains.pem_of, certificates)))

    def list_in_root(self, certificates: Sequence[str]) -> int:
        """Put authorities into the next root, signed as far as the keys here go; return its version.

        Raises:
            TrustError: EDICT0214 when they are none of one trust domain.
        """
        workspace = self._workspace
        present = Metadata[Root].from_bytes(workspace.repository.root()).signed
        authorities.write(present, certificates)
        before = workspace.pending.wanted()
        fields = {**before.root_fields, authorities.FIELD: list(certificates)}
        base = workspace.repository.base(workspace.repository.state())
        preparing.prepare(workspace, base, replace(before, root_fields=fields))
        return present.version + 1

    def _offline_root(self, certificate: Path) -> CertificateAuthority:
        path = certificate.with_name(ROOT_KEY)
        if not path.exists():
            raise UsageError(
                Code.NO_TEAM,
                "this workspace does not hold the key of the offline root CA",
                where=str(path),
                remedy="run this where it is; its certificate stands beside it",
            )
        key = files.read_private(path)
        encrypted = key.startswith(_ENCRYPTED)
        passphrase = Secrets(self._workspace.session).passphrase(str(path)) if encrypted else None
        return CertificateAuthority.load(files.read(certificate), key, passphrase, key_at=str(path))
