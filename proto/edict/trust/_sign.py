"""Signing metadata, so that what a key says when it cannot sign reaches whoever asked."""

from __future__ import annotations

from typing import Any

from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from edict.errors import EdictError


def sign(metadata: Metadata[Any], signer: Signer, *, append: bool = False) -> None:
    """Add a signature, in the place of all others unless `append`.

    python-tuf wraps whatever a signer raises; a coded error of ours (no passphrase, a PIN that was refused, a device
    that is not there) is taken out again.

    Raises:
        EdictError: what the signer raised.
    """
    try:
        metadata.sign(signer, append=append)
    except RepositoryError as error:
        if isinstance(error.__cause__, EdictError):
            raise error.__cause__ from None
        raise
