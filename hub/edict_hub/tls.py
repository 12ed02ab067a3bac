"""Server credentials that follow the files: a rotated certificate or CA counts for new connections at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from edict import log
from edict.errors import HubError
from edict_hub import files

_log = log.get(__name__)


class ServerFiles:
    """A certificate, its key and, for mutual TLS, the CA of clients."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._cert = cert
        self._key = key
        self._client_ca = client_ca
        self._read = self._contents()

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials; with a CA of clients, a client certificate is required and verified."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(), self._changed, require_client_authentication=self._client_ca is not None
        )

    def _contents(self) -> tuple[bytes, bytes, bytes | None]:
        ca = None if self._client_ca is None else files.read(self._client_ca)
        return files.read(self._cert), files.read_key(self._key), ca

    def _configuration(self) -> Any:
        cert, key, ca = self._read
        return grpc.ssl_server_certificate_configuration([(key, cert)], root_certificates=ca)

    def _changed(self) -> Any:
        """Return the new configuration, or None when nothing changed. Called by grpc for every connection."""
        try:
            now = self._contents()
        except HubError as error:
            _log.error("the server certificate cannot be read; the old one stays", code=error.code, error=error.what)
            return None
        if now == self._read:
            return None
        self._read = now
        return self._configuration()
