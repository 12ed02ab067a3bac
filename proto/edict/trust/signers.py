"""Keys that are no files: named by a URI, kept in a PKCS#11 device or a key service, used through securesystemslib.

::

    hsm:2?label=payments      PKCS#11: key id and token label; PYKCS11LIB names the module
    awskms:<key id>           gcpkms:projects/…/cryptoKeyVersions/1
    azurekms://<vault>.vault.azure.net/keys/<name>/<version>
    hv:<name>/<version>       HashiCorp Vault's transit engine

What such a library says when it fails is documented nowhere, so every failure of one becomes a TrustError here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import (
    AWSSigner,
    AzureSigner,
    GCPSigner,
    HSMSigner,
    Key,
    SecretsHandler,
    Signature,
    Signer,
    SSlibKey,
    VaultSigner,
)

from edict.errors import EdictError, TrustError
from edict.trust._check import clipped
from edict.trust.codes import Code
from edict.trust.kinds import accepted

MODULE = "PYKCS11LIB"
"""The environment variable that names the PKCS#11 module, as securesystemslib reads it."""
_PIN_REFUSED = frozenset({"PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired"})
_HSM = re.compile(r"hsm:[0-9]{0,9}(\?label=[^&#]+)?")
Found = tuple[str, SSlibKey]


@dataclass(frozen=True)
class Kind:
    """One kind of URI: what to install for it, and how the public key of one is looked up."""

    extra: str
    look_up: Callable[[str, SecretsHandler], Found]


def _hsm(uri: str, secrets: SecretsHandler) -> Found:
    parts = urlsplit(uri)
    keyid = int(parts.path) if parts.path else None
    found: Found = HSMSigner.import_(keyid, dict(parse_qsl(parts.query)).get("label"), secrets)
    return found


def _aws(uri: str, _secrets: SecretsHandler) -> Found:
    found: Found = AWSSigner.import_(_rest(uri))
    return found


def _gcp(uri: str, _secrets: SecretsHandler) -> Found:
    found: Found = GCPSigner.import_(_rest(uri))
    return found


def _azure(uri: str, _secrets: SecretsHandler) -> Found:
    parts = urlsplit(uri)
    _, _, name = parts.path.partition("/keys/")
    found: Found = AzureSigner.import_(parts.netloc.partition(".")[0], name.partition("/")[0])
    return found


def _vault(uri: str, _secrets: SecretsHandler) -> Found:
    found: Found = VaultSigner.import_(_rest(uri).partition("/")[0])
    return found


KINDS = {
    HSMSigner.SCHEME: Kind("edict-federation[pkcs11]", _hsm),
    AWSSigner.SCHEME: Kind("securesystemslib[awskms]", _aws),
    GCPSigner.SCHEME: Kind("securesystemslib[gcpkms]", _gcp),
    AzureSigner.SCHEME: Kind("securesystemslib[azurekms]", _azure),
    VaultSigner.SCHEME: Kind("securesystemslib[vault]", _vault),
}
"""Every kind of key outside a file, by the scheme of its URI."""


def look_up(uri: str, secrets: SecretsHandler) -> tuple[str, Key]:
    """Return the whole URI of a key and its public half, as the device or service tells them.

    Args:
        uri: as in the module's table; the version of a key in a service may be left out.
        secrets: asked for a PIN where one is needed; its argument names the secret.

    Raises:
        TrustError: EDICT0232 to 0235.
    """
    with _told(uri):
        found, public = _kind(uri).look_up(uri, secrets)
        accepted(public, where=uri)
        return found, public


def signer(uri: str, public: Key, secrets: SecretsHandler) -> Signer:
    """Return a signer that reaches its key when it first signs.

    Raises:
        TrustError: EDICT0232 and 0233 here; 0233 to 0235 from its ``sign``.
    """
    with _told(uri):
        _kind(uri)
        return _Told(uri, Signer.from_priv_key_uri(uri, public, secrets))


class _Told(Signer):
    """A signer whose every failure is a TrustError, and whose signature was checked before anybody gets it."""

    def __init__(self, uri: str, inner: Signer) -> None:
        self._uri = uri
        self._inner = inner

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Signer:
        """Return a signer by the library's own way."""
        return Signer.from_priv_key_uri(priv_key_uri, public_key, secrets_handler)

    @property
    def public_key(self) -> Key:
        """The public half."""
        return self._inner.public_key

    def sign(self, payload: bytes) -> Signature:
        """Sign.

        Raises:
            TrustError: EDICT0233 to 0235; 0234 too when the device signed with another key than the one on record.
        """
        with _told(self._uri):
            signature = self._inner.sign(payload)
            self.public_key.verify_signature(signature, payload)
            return signature


def _kind(uri: str) -> Kind:
    scheme = uri.partition(":")[0]
    if scheme not in KINDS or (scheme == HSMSigner.SCHEME and _HSM.fullmatch(uri) is None):
        raise TrustError(
            Code.KEY_KIND,
            f"nothing here signs with {clipped(uri)!r}",
            where="key",
            remedy="write file:PATH, hsm:2?label=TOKEN, or one of "
            + ", ".join(f"{known}:…" for known in KINDS if known != HSMSigner.SCHEME),
        )
    return KINDS[scheme]


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn whatever the libraries raise into a TrustError without a cause: a cause may carry what was sent."""
    try:
        yield
    except EdictError:
        raise
    except UnsupportedLibraryError:
        extra = _kind(uri).extra
        raise TrustError(
            Code.KEY_LIBRARY,
            "the library that signs with this kind of key is not installed",
            where=clipped(uri),
            remedy=f"pip install '{extra}'",
        ) from None
    except Exception as error:  # noqa: BLE001 - see the module's docstring
        raise _failure(uri, error) from None


def _failure(uri: str, error: Exception) -> TrustError:
    name, where = type(error).__name__, clipped(uri)
    if name in _PIN_REFUSED:
        why = "the device has locked its PIN" if name == "PinLocked" else "the device refused the PIN"
        return TrustError(
            Code.KEY_PIN, why, where=where, remedy="check EDICT_PIN; most devices lock after three wrong PINs"
        )
    if uri.startswith(f"{HSMSigner.SCHEME}:") and (module := _module_fault(error)):
        return TrustError(
            Code.KEY_LIBRARY,
            module,
            where=where,
            remedy=f"set {MODULE} to the device's PKCS#11 library, such as /usr/lib/softhsm/libsofthsm2.so",
        )
    said = f"{name}: {clipped(error)}" if str(error) else name
    return TrustError(
        Code.KEY_DEVICE,
        f"the device or service that holds this key cannot be used: {said}",
        where=where,
        remedy="plug it in or log in to it, and check the key's id and label",
    )


def _module_fault(error: Exception) -> str:
    """Return what is wrong with the PKCS#11 module, or nothing when the fault lies elsewhere."""
    path = os.environ.get(MODULE, "")
    if not path:
        return f"{MODULE} does not name a PKCS#11 module"
    if path in str(error):  # only the loader speaks of it; what a device raises names no file
        return f"the PKCS#11 module {clipped(path)} cannot be loaded"
    return ""


def _rest(uri: str) -> str:
    return uri.partition(":")[2]
