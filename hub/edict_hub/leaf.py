"""The hub's server certificate: the one in its files, and after half of its life one that this replica issues itself.

The own one stays in memory: a folder that is mounted cannot be written, replicas share it, and a key that is on no disk
cannot be copied from one. A restart begins with the file again, and renews at once what is due. Files that are replaced
go before the own certificate.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from edict import log
from edict.clock import Clock
from edict.errors import EdictError, HubError
from edict.pki import chains
from edict.pki.csr import load_private_key, make_csr, new_private_key
from edict.pki.names import hub_id, uris_of
from edict_hub import files
from edict_hub.authority import Authority
from edict_hub.codes import Code

RENEW_BETWEEN = (0.50, 0.65)
_log = log.get(__name__)


@dataclass(frozen=True)
class Pair:
    """A certificate with what has to follow it, and its private key; both PEM."""

    chain: bytes
    key: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """The server's own certificate."""
        return chains.split(self.chain)[0]


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
        self._trouble = ""
        self._file = self._contents()
        self._shown, self._due = self._file, self._due_of(self._file)

    def now(self) -> Pair:
        """Return what is shown now; what cannot be read or issued leaves the old one."""
        with self._lock:
            try:
                self._follow()
                self._renew()
            except EdictError as error:
                if self._trouble != str(error):
                    _log.error("the server certificate stays the old one", code=error.code, error=error.what)
                self._trouble = str(error)
            else:
                self._trouble = ""
            return self._shown

    def _follow(self) -> None:
        found = self._contents()
        if found != self._file:
            self._file = self._shown = found
            self._due = self._due_of(found)
            _log.info("server certificate replaced", until=found.certificate.not_valid_after_utc.isoformat())

    def _renew(self) -> None:
        """Issue the next one when it is time, or when another authority issues now."""
        issuing, shown = self._authority.now().issuing, self._shown.certificate
        if uris_of(shown) != [hub_id(issuing.trust_domain)]:
            return
        if self._clock.now() < self._due and chains.issued(shown, issuing.certificate):
            return
        configured = self._file.certificate
        life = configured.not_valid_after_utc - configured.not_valid_before_utc
        key = new_private_key()
        request = make_csr(key, hub_id(issuing.trust_domain))
        leaf = issuing.issue_hub(request, chains.hosts_of(configured), self._clock.now(), life)
        self._shown = Pair(leaf + issuing.chain_pem, key)
        self._due = self._due_of(self._shown)
        _log.info("server certificate renewed", until=self._shown.certificate.not_valid_after_utc.isoformat())

    def _due_of(self, pair: Pair) -> datetime:
        begin, end = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
        return begin + (end - begin) * self._rng.uniform(*RENEW_BETWEEN)

    def _contents(self) -> Pair:
        pair = Pair(files.read(self._cert), files.read_key(self._key))
        if pair.certificate.public_key() != load_private_key(pair.key).public_key():
            raise HubError(
                Code.CONFIG,
                "the server's certificate does not belong to its key",
                where=str(self._cert),
                remedy="replace both files",
            )
        return pair
