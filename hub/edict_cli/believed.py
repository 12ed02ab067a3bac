"""Which authorities the hub is known by in this workspace: those of its trust root, or the CA beside the certificate.

`ca.crt` in the operator's folder counts while the root lists none, or is older than the root that was known where the
file was made (`ca.version`): so a workspace that was away while the CA was replaced goes on with a new certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edict.errors import TrustError, UsageError
from edict.trust import authorities, verify
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.workspace import Workspace

CERTIFICATE, VERSION = "ca.crt", "ca.version"
MAX_DIGITS = 9


@dataclass(frozen=True)
class Known:
    """The hub's authorities, PEM, and the version of the root that was known when they were written down."""

    authorities: str
    root_version: int


def hub_is_known_by(workspace: Workspace, root: bytes) -> str:
    """Return the authorities that count under a verified root, PEM.

    Raises:
        UsageError: EDICT0603.
    """
    pinned = _beside_the_certificate(workspace).decode(errors="replace")
    return authorities.believed(root, pinned, _version(workspace.operator))


def dialled_with(workspace: Workspace) -> bytes:
    """Return what a connection is made with, PEM; where the workspace's own root is damaged, the certificate's CA.

    Raises:
        UsageError: EDICT0603.
    """
    try:
        return hub_is_known_by(workspace, workspace.repository.root()).encode()
    except (TrustError, UsageError):
        return _beside_the_certificate(workspace)


def known(workspace: Workspace) -> Known:
    """Return what another operator of the same hub is to be given."""
    root = workspace.repository.root()
    return Known(hub_is_known_by(workspace, root), verify.pin(root).root_version)


def store(folder: Path, known_by: Known) -> None:
    """Keep authorities beside an operator's certificate."""
    files.write(folder / CERTIFICATE, known_by.authorities.encode())
    files.write(folder / VERSION, f"{known_by.root_version}\n".encode())


def _beside_the_certificate(workspace: Workspace) -> bytes:
    path = workspace.operator / CERTIFICATE
    if not path.exists():
        raise UsageError(
            Code.FILE,
            "this workspace has no operator's certificate, without which the hub talks to nobody",
            where=str(workspace.operator),
            remedy="have somebody with the hub's folder run `edict operator issue NAME --role operator --out DIR`, and "
            "put the files of DIR there",
        )
    return files.read(path)


def _version(folder: Path) -> int:
    path = folder / VERSION
    text = files.read(path).decode(errors="replace").strip() if path.exists() else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0
