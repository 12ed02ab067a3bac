"""The hub's server certificate: the one in its files, and after half of its life one that this replica issues itself.

The own one stays in memory: a folder that is mounted cannot be written, replicas share it, and a key that is on no disk
cannot be copied from one. A restart begins with the file again, and renews at once what is due. Files that are replaced
go before the own certificate.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, HubError
from edict.pki import chains
from edict.pki.ca import CertificateAuthority
from edict.pki.csr import load_private_key, make_csr, new_private_key
from edict.pki.names import hub_id, uris_of
from edict_hub import files
from edict_hub.authority import Authority
from edict_hub.codes import Code

RENEW_BETWEEN = (0.50, 0.65)
_KEY_REMEDY = "put server.crt and server.key there again, from a backup or as `edict init` made them"
_log = log.get(__name__)


@dataclass(frozen=True)
class Pair:
    """A certificate with what has to follow it, and its private key; both PEM."""

    chain: bytes
    key: bytes


class Leaf:
    """What the hub shows to whoever connects. Threads may share it; it is asked for every new connection.

    A certificate that does not carry the hub's SPIFFE ID is somebody else's to renew: only its files are followed.

    Args:
        cert: the server's certificate, PEM, with what has to follow it.
        key: its private key.
        authority: issues the next one.
        clock: for the life of certificates.
        rng: replicas renew at different times.
    """

    def __init__(self, cert: Path, key: Path, authority: Authority, clock: Clock, rng: random.Random) -> None:
        """Read the files.

        Raises:
            HubError: EDICT0406 or 0407 for a file; EDICT0405 when they are no pair.
            IdentityError: EDICT0302 or 0303 when they cannot be read.
        """
        self._cert = cert
        self._key = key
        self._authority = authority
        self._clock = clock
        self._rng = rng
        self._lock = threading.Lock()
        self._troubles: set[str] = set()
        self._issuer: CertificateAuthority | None = None
        self._due = datetime.min.replace(tzinfo=UTC)
        self._file = Pair(b"", b"")
        self._follow()

    def now(self) -> Pair:
        """Return what is shown now; what cannot be read or issued leaves the old one."""
        with self._lock:
            troubles = self._tried(self._follow) + self._tried(self._renew)
            for error in troubles:
                if str(error) not in self._troubles:
                    _log.error("the server certificate stays the old one", code=error.code, error=error.what)
            self._troubles = set(map(str, troubles))
            return self._shown

    def left(self) -> float:
        """Return for how many seconds what is shown now is still good."""
        self.now()
        return (self._certificate.not_valid_after_utc - self._clock.now()).total_seconds()

    @staticmethod
    def _tried(step: Callable[[], None]) -> list[EdictError]:
        try:
            step()
        except EdictError as error:
            return [error]
        return []

    def _follow(self) -> None:
        found = Pair(files.read(self._cert), files.read_key(self._key))
        if found == self._file:
            return
        certificate = chains.read(found.chain)[0]
        key = load_private_key(found.key, where=str(self._key), remedy=_KEY_REMEDY)
        if certificate.public_key() != key.public_key():
            raise HubError(
                Code.CONFIG,
                "the server's certificate does not belong to its key",
                where=str(self._cert),
                remedy="replace both files",
            )
        self._file, self._configured = found, certificate
        self._show(found, certificate)

    def _renew(self) -> None:
        """Issue the next one when it is time, or when another authority issues now."""
        issuing = self._authority.now().issuing
        if self._issuer is not issuing:
            if not chains.issued(self._certificate, issuing.certificate):
                self._due = datetime.min.replace(tzinfo=UTC)
            self._issuer = issuing
        if self._clock.now() < self._due or uris_of(self._certificate) != [hub_id(issuing.trust_domain)]:
            return
        life = self._configured.not_valid_after_utc - self._configured.not_valid_before_utc
        key = new_private_key()
        request = make_csr(key, hub_id(issuing.trust_domain))
        leaf = issuing.issue_hub(request, chains.hosts_of(self._configured), self._clock.now(), life)
        self._show(Pair(leaf + issuing.chain_pem, key), chains.read(leaf)[0])

    def _show(self, pair: Pair, certificate: x509.Certificate) -> None:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self._shown, self._certificate, self._issuer = pair, certificate, None
        self._due = begin + (end - begin) * self._rng.uniform(*RENEW_BETWEEN)
        _log.info("server certificate", until=end.isoformat(), own=pair is not self._file)
