"""The one file that authors exchange until a release has all its signatures. Nothing in it is believed.

JSON in one canonical spelling, version in ``format``: the pending metadata by role (``root`` when it is new,
``snapshot`` when one waits for signatures), and every document that the release adds or changes, by its digest. What
it means follows from these alone: who reads it makes the same drafts from its own trusted release and compares
(:mod:`edict_cli.reviewing`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edict.errors import UsageError
from edict.ids import Digest, digest_of
from edict_cli.codes import Code
from edict_cli.store import files
from edict_cli.store.workspace import Workspace

FORMAT: Literal["edict-release/1"] = "edict-release/1"
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 65_536
MOST_DOCUMENT = 256 * 1024


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file; bytes are base64."""

    format: Literal["edict-release/1"]
    metadata: dict[str, bytes]
    documents: dict[Digest, bytes]


def pending_of(workspace: Workspace) -> Exchange:
    """Return what is pending in a workspace as it is sent to another author.

    Raises:
        UsageError: EDICT0618 when nothing is pending, EDICT0605 when a document is gone.
    """
    metadata, snapshot = workspace.pending.roles(), workspace.pending.snapshot()
    if snapshot is not None:
        metadata = {**metadata, "snapshot": snapshot}
    if not metadata:
        raise UsageError(
            Code.NOTHING_SIGNED,
            "nothing is pending",
            where=f"{workspace.folder}/pending",
            remedy="sign something first, or run `edict publish` where its snapshot needs another signature",
        )
    wanted = {digest for digest in workspace.pending.wanted().documents.values() if digest is not None}
    return Exchange(FORMAT, metadata, {digest: workspace.documents.pending(digest) for digest in sorted(wanted)})


def encode(exchange: Exchange) -> bytes:
    """Return the file's bytes."""
    return msgspec.json.encode(exchange, order="deterministic") + b"\n"


def write(path: Path, exchange: Exchange) -> None:
    """Write the file.

    Raises:
        UsageError: EDICT0603.
    """
    files.write(path, encode(exchange))


def read(path: Path) -> Exchange:
    """Read the file; only its form is judged.

    Raises:
        UsageError: EDICT0603; EDICT0632 when it is too large, of another format, spelled in another way, or holds
            bytes under a digest that is not theirs.
    """
    data = files.read(path)
    if len(data) > MOST_BYTES:
        raise unfit(path, f"it has {len(data)} bytes and at most {MOST_BYTES} are read")
    try:
        exchange = msgspec.json.decode(data, type=Exchange)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise unfit(path, f"it is no file of this version: {' '.join(str(error).split())[:200]}") from None
    if encode(exchange) != data:
        raise unfit(path, "it is not spelled as this version spells it")
    if len(exchange.metadata) + len(exchange.documents) > MOST_FILES:
        raise unfit(path, f"it holds more than {MOST_FILES} files")
    for digest, content in exchange.documents.items():
        if len(content) > MOST_DOCUMENT or digest_of(content) != digest:
            raise unfit(path, f"the document {digest} has other bytes, or more than {MOST_DOCUMENT}")
    return exchange


def unfit(path: Path | str, why: str) -> UsageError:
    """Return EDICT0632."""
    return UsageError(
        Code.EXCHANGE, why, where=str(path), remedy="have the other author write it again with `edict sign --out`"
    )
