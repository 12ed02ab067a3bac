"""Writing many keys: in batches that etcd accepts, each below its limits of 128 operations and 1.5 MiB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edict.errors import HubError
from edict_hub.codes import Code
from edict_hub.store import Put

MAX_VALUE = 1_000_000
"""Bytes of one document or metadata file."""
MAX_BATCH_BYTES = 1_000_000
MAX_BATCH_PUTS = 100


def batches(puts: Iterable[Put]) -> Iterator[list[Put]]:
    """Yield the puts in order, in batches."""
    batch: list[Put] = []
    size = 0
    for put in puts:
        if batch and (len(batch) == MAX_BATCH_PUTS or size + len(put.value) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(put)
        size += len(put.value)
    if batch:
        yield batch


def check_size(content: bytes, where: str) -> None:
    """Refuse what etcd would not hold.

    Raises:
        HubError: EDICT0413.
    """
    if len(content) > MAX_VALUE:
        raise HubError(
            Code.TOO_LARGE,
            f"it has {len(content)} bytes and at most {MAX_VALUE} are stored under one key",
            where=where,
            remedy="split the document, or spread the role's documents over more teams",
        )
