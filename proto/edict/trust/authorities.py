"""Which certificate authorities speak for the hub: authors sign them into the root, so no hub can change them.

The root's field ``x-edict-authorities`` lists PEM certificates. Once a verified root has it, an agent believes exactly
those, for the hub's certificate and for its own renewed one, and the CA that its enrolment token pinned no longer
counts. A listed hub CA below an offline root is believed by itself, so a hub CA that is not listed any more is refused
while its root is still good. Agents hold the root among what they verify at every start.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuf.api.metadata import Root

from edict.errors import IdentityError, TrustError
from edict.pki import chains
from edict.trust import _check
from edict.trust.roles import ROOT

FIELD = "x-edict-authorities"
MOST = 16


def of(root: Root) -> tuple[str, ...]:
    """Return the listed authorities, PEM; none where the root does not have the field.

    Raises:
        TrustError: EDICT0214 when the field is not a list of authorities of one trust domain, each once.
    """
    if FIELD not in root.unrecognized_fields:
        return ()
    listed = root.unrecognized_fields[FIELD]
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST or len(set(map(str, listed))) != len(listed):
        raise _wrong(root, f"it must list between 1 and {MOST} certificates, each once")
    domains = {_domain(root, each) for each in listed}
    if len(domains) != 1:
        raise _wrong(root, "its authorities are of more than one trust domain")
    return tuple(listed)


def read(root: bytes) -> tuple[str, ...]:
    """Return the authorities that root metadata lists, as :func:`of`; it must have been verified.

    Raises:
        TrustError: EDICT0201 or 0214.
    """
    return of(_check.parse(ROOT, root, Root).signed)


def write(root: Root, certificates: Sequence[str]) -> None:
    """List authorities in a root that is yet to be signed.

    Raises:
        TrustError: EDICT0214 as :func:`of`; the root is then as it was.
    """
    before = dict(root.unrecognized_fields)
    root.unrecognized_fields[FIELD] = list(certificates)
    try:
        of(root)
    except TrustError:
        root.unrecognized_fields = before
        raise


def believed(root: bytes, pinned: str, pinned_with: int) -> str:
    """Return the authorities that an agent, or an author, believes for the hub: PEM, one after the other.

    Args:
        root: the verified root.
        pinned: the CA that the token pinned.
        pinned_with: the version of the root that its author knew. An older root does not speak against that: this is
            how a cluster comes back that was away while its hub's CA was replaced.

    Raises:
        TrustError: EDICT0201 or 0214.
    """
    signed = _check.parse(ROOT, root, Root).signed
    listed = of(signed)
    return "".join(listed) if listed and signed.version >= pinned_with else pinned


def _domain(root: Root, listed: object) -> str:
    if not isinstance(listed, str):
        raise _wrong(root, "it must list PEM certificates")
    try:
        found = chains.split(listed.encode())
        if len(found) != 1 or chains.pem_of(found[0]).decode() != listed:
            raise _wrong(root, "each of its entries must be one PEM certificate as `edict` writes it")
        return chains.trust_domain_of(found[0])
    except (IdentityError, UnicodeEncodeError) as error:
        raise _wrong(root, _check.clipped(error.what if isinstance(error, IdentityError) else error)) from None


def _wrong(root: Root, why: str) -> TrustError:
    return _check.shape(ROOT, root.version, f"{FIELD}: {why}")
