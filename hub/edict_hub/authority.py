"""The hub's certificate authority as its files have it now: replaced files count without a restart.

``caCert`` may hold several certificates: the first issues, with the key of ``caKey``; agents and operators with a
certificate of any of them are let in. That is how one authority takes over from another.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from edict import log
from edict.errors import EdictError, HubError
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict_hub import files
from edict_hub.codes import Code

_log = log.get(__name__)


@dataclass(frozen=True)
class Held:
    """The authority that issues, and the PEM certificates of all that are believed."""

    issuing: CertificateAuthority
    believed: bytes


class Authority:
    """Follows the two files. Threads may share it.

    Args:
        cert: PEM certificates, the issuing one first.
        key: its private key.
        trust_domain: of all of them.
    """

    def __init__(self, cert: Path, key: Path, trust_domain: str) -> None:
        """Read the files.

        Raises:
            HubError: EDICT0406 or 0407 for a file; EDICT0405 for another trust domain.
            IdentityError: EDICT0302 to 0304 when they are no authority and its key.
        """
        self._cert = cert
        self._key = key
        self._trust_domain = trust_domain
        self._lock = threading.Lock()
        self._read = self._contents()
        self._held = self._judged(*self._read)
        self._trouble = ""

    def now(self) -> Held:
        """Return what the files say; while they cannot be used, as between two writes, what they said last."""
        with self._lock:
            try:
                read = self._contents()
                if read != self._read:
                    self._held = self._judged(*read)
                    self._read = read
                    _log.info("another CA", issuing=self._held.issuing.name, believed=len(chains.read(read[0])))
            except EdictError as error:
                if self._trouble != str(error):
                    _log.error("the CA cannot be read; the old one stays", code=error.code, error=error.what)
                self._trouble = str(error)
            else:
                self._trouble = ""
            return self._held

    def _contents(self) -> tuple[bytes, bytes]:
        return files.read(self._cert), files.read_key(self._key)

    def _judged(self, cert: bytes, key: bytes) -> Held:
        issuing = CertificateAuthority.load(cert, key, key_at=str(self._key))
        for each in chains.read(cert):
            domain = chains.trust_domain_of(each)
            if domain != self._trust_domain:
                raise HubError(
                    Code.CONFIG,
                    f"trustDomain is {self._trust_domain!r} and the CA's is {domain!r}",
                    where=str(self._cert),
                    remedy="compare it with the one that `edict init` wrote",
                )
        return Held(issuing, cert)
