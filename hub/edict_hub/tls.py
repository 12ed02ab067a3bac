"""Server credentials that follow what they are made of: a new certificate or CA counts for new connections at once."""

from __future__ import annotations

from typing import Any

import grpc

from edict_hub.authority import Authority
from edict_hub.leaf import Leaf


class ServerTls:
    """One port's TLS.

    Args:
        leaf: what the hub shows.
        clients: whose clients are let in: a client certificate is then required and verified. None asks for none.
    """

    def __init__(self, leaf: Leaf, clients: Authority | None) -> None:
        self._leaf = leaf
        self._clients = clients
        self._last = self._present()

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for a port."""
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._last), self._changed, require_client_authentication=self._clients is not None
        )

    def _present(self) -> tuple[bytes, bytes, bytes | None]:
        pair = self._leaf.now()
        return pair.chain, pair.key, None if self._clients is None else self._clients.now().believed

    def _changed(self) -> Any:
        """Return the new configuration, or None when nothing changed. Called by grpc for every connection."""
        present = self._present()
        if present == self._last:
            return None
        self._last = present
        return _configuration(present)


def _configuration(present: tuple[bytes, bytes, bytes | None]) -> Any:
    chain, key, clients = present
    return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=clients)
