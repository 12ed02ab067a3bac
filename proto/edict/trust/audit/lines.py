"""The format of an export: JSON lines, each bounded, in one order, closed by a digest of all before.

::

    {"kind":"header","format":"edict-audit","version":1,"since":0,"clusters":[]}
    {"kind":"metadata","role":"root","version":1,"content":"<base64>"}            every root, ascending
    {"kind":"metadata","role":"inventory","version":1,"content":"<base64>"}       what the next snapshot changes
    {"kind":"metadata","role":"snapshot","version":1,"content":"<base64>"}        every release, ascending
    {"kind":"document","digest":"<sha256>","content":"<base64>"}                  what that release is first to name
    {"kind":"receipt","cluster":"fra1","sequence":1,"content":"<base64>"}         by cluster, by sequence
    {"kind":"end","lines":6,"sha256":"<of every byte before this line>"}

The same evidence gives the same bytes. The digest tells a damaged file from a whole one and proves nothing: what
proves is signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta

from edict.errors import TrustError
from edict.trust._check import clipped
from edict.trust.codes import Code

FORMAT: Literal["edict-audit"] = "edict-audit"
VERSION = 1
MAX_LINE = 12 * 1024 * 1024
"""Bytes: the largest metadata file that is read, in base64, and what stands around it."""
Number = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Name = Annotated[str, Meta(max_length=253)]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="header"):
    """What was asked for.

    Attributes:
        since: the release that the export begins with; 0 is everything that the hub has.
        clusters: whose receipts were asked for; empty is every cluster.
    """

    format: Literal["edict-audit"] = FORMAT
    version: int = VERSION
    since: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    clusters: tuple[Name, ...] = ()


class MetadataLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="metadata"):
    """One signed metadata file, as signed."""

    role: Name
    version: Number
    content: bytes


class DocumentLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="document"):
    """One document."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    content: bytes


class ReceiptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="receipt"):
    """One receipt: the DSSE envelope, as the agent signed it."""

    cluster: Name
    sequence: Number
    content: bytes


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="end"):
    """How many lines stand before this one, and the SHA-256 of their bytes."""

    lines: int
    sha256: str


Line: TypeAlias = Header | MetadataLine | DocumentLine | ReceiptLine | End


class Source(Protocol):
    """A binary file that is open for reading."""

    def readline(self, size: int, /) -> bytes:
        """Return a line with its end, or at most ``size`` bytes of it."""


class Sink(Protocol):
    """A binary file that is open for writing."""

    def write(self, data: bytes, /) -> Any:
        """Write bytes."""


class _Peek(msgspec.Struct):
    """What tells another format from this one."""

    format: str = ""
    version: int = 0


def encode(line: Line) -> bytes:
    """Return a line with its end."""
    return msgspec.json.encode(line) + b"\n"


class Writer:
    """Writes an export."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self._lines = 0

    def write(self, line: Line) -> None:
        """Write one line.

        Raises:
            TrustError: EDICT0250 when nobody could read it again; nothing of it is written.
        """
        data = encode(line)
        _decoded(data, self._lines + 1)
        self._sink.write(data)
        self._digest.update(data)
        self._lines += 1

    def end(self) -> End:
        """Write the last line and return it."""
        line = End(self._lines, self._digest.hexdigest())
        self._sink.write(encode(line))
        return line


def read(source: Source) -> Iterator[Line]:
    """Read an export, line by line; at most one line is in memory.

    Raises:
        TrustError: EDICT0250 when it is no export, is damaged, or ends early.
    """
    digest, number, ended = hashlib.sha256(), 0, False
    while data := source.readline(MAX_LINE + 1):
        number += 1
        if ended:
            raise damaged("something stands behind its end", number)
        line = _decoded(data, number)
        if isinstance(line, Header) != (number == 1):
            raise damaged("it does not begin with one header", number)
        if isinstance(line, End):
            if line.lines != number - 1 or line.sha256 != digest.hexdigest():
                raise damaged("its bytes are not those that it was closed with", number)
            ended = True
        digest.update(data)
        yield line
    if not ended:
        raise damaged("it ends early", number)


def damaged(why: str, number: int) -> TrustError:
    """Return EDICT0250."""
    return TrustError(
        Code.NOT_AN_EXPORT,
        f"this is no whole export: {why}",
        where=f"line {number}",
        remedy="copy the file again, or make a new one with `edict audit export`",
    )


def _decoded(data: bytes, number: int) -> Line:
    if len(data) > MAX_LINE:
        raise damaged(f"a line has more than {MAX_LINE} bytes", number)
    if not data.endswith(b"\n"):
        raise damaged("it ends within a line", number)
    try:
        if number == 1:
            _check_version(msgspec.json.decode(data, type=_Peek))
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise damaged(clipped(error), number) from None


def _check_version(peek: _Peek) -> None:
    if peek.format == FORMAT and peek.version != VERSION:
        raise damaged(f"it has version {peek.version} of the format, and this command reads {VERSION}", 1)


_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
