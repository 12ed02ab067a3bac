"""A key that is opened, and its secret asked for, when it first signs."""

from __future__ import annotations

from collections.abc import Callable

from securesystemslib.signer import Key, SecretsHandler, Signature, Signer


class LazySigner(Signer):
    """A signer that knows its public half, if that is on record, without being opened."""

    def __init__(self, public: Key | None, opener: Callable[[], Signer]) -> None:
        self._public = public
        self._opener = opener
        self._signer: Signer | None = None

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Signer:
        """Return a signer by the library's own way."""
        return Signer.from_priv_key_uri(priv_key_uri, public_key, secrets_handler)

    @property
    def public_key(self) -> Key:
        """The public half; raises what opening raises where it is not on record."""
        return self._public or self._opened().public_key

    def sign(self, payload: bytes) -> Signature:
        """Open the key and sign; raises what either raises."""
        return self._opened().sign(payload)

    def _opened(self) -> Signer:
        if self._signer is None:
            self._signer = self._opener()
        return self._signer
