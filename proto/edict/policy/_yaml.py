"""A strict reader of YAML: plain objects with the line of every field, and nothing that is open to reading.

It works on libyaml's events, not on its composer, so that depth is bounded before anything recurses and so
that anchors, aliases and tags are seen. Of YAML 1.1's scalars only those stay that YAML 1.2 reads the same
way; the rest (``on``, ``0x1F``, ``1:30``, ``.inf``) is refused with the advice to quote it: authors sign
bytes, and every reader of those bytes must understand the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import yaml

from edict.errors import DocumentError
from edict.policy._scalars import resolve_plain
from edict.policy.codes import Code
from edict.policy.origin import Origin, Where, child, item

MAX_DOCUMENT = 256 * 1024
"""Characters of one document."""
MAX_STREAM = 16 * 1024 * 1024
"""Bytes of one file of several documents."""
MAX_DEPTH = 32
"""Nested mappings and lists; the deepest valid document has 12."""

MAX_KEY = 512
"""Characters of one key; a label key has at most 317."""
MAX_FIELDS = 20_000
"""Values of one document: each costs the length of its path."""

_LOADER: Any = yaml.CSafeLoader  # the pure reader differs in places, and two readers are one too many
_DECEIVING = re.compile(r"[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)|(?<!\A)\ufeff")
"""What breaks a line for one reader and not for another, or shows a person another order than it has."""

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Node:
    """One document as plain objects, and where its fields stand."""

    value: Plain
    origin: Origin


@dataclass(slots=True)
class _Frame:
    """An open mapping or list."""

    path: str
    value: dict[str, Plain] | list[Plain]
    key: str | None = None


def read(data: bytes | str, source: str) -> list[Node]:
    """Return the documents of a stream; empty ones (``---`` with nothing behind it) are left out.

    Raises:
        DocumentError: EDICT0101 to EDICT0104.
    """
    return list(stream(data, source))


def stream(data: bytes | str, source: str) -> Iterator[Node]:
    """Yield what :func:`read` returns, so that the documents above a fault are seen before it is raised.

    Raises:
        DocumentError: EDICT0101 to EDICT0104.
    """
    text = _decode(data, source)
    reader = _Reader(source)
    try:
        for event in _events(text):
            node = reader.feed(event)
            if node is not None:
                yield node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(
            Code.SYNTAX,
            f"not YAML: {error.problem or error.context}",
            where=Where(file=source, line=mark.line + 1 if mark else None),
            remedy="look at brackets, quotes and indentation on this line and the one above",
        ) from error
    except yaml.reader.ReaderError as error:
        raise DocumentError(
            Code.SYNTAX,
            f"not YAML: {error.reason}",
            where=Where(file=source),
            remedy="remove the character, or write it as an escape in double quotes",
        ) from error


def _mark(mark: Any) -> yaml.Mark:
    """Return the mark as what it always is: events of a parser have one, the stubs cannot know."""
    return cast("yaml.Mark", mark)


def _events(text: str) -> Iterator[yaml.Event]:
    return yaml.parse(text, Loader=_LOADER)


def _decode(data: bytes | str, source: str) -> str:
    try:
        raw = data.encode() if isinstance(data, str) else data
        text = raw.decode()
    except UnicodeError as error:
        raise DocumentError(
            Code.SYNTAX,
            "the file is not UTF-8",
            where=Where(file=source),
            remedy="save it as UTF-8 without a byte order mark",
        ) from error
    if found := _DECEIVING.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise DocumentError(
            Code.NOT_PLAIN,
            f"the character U+{ord(found.group()[0]):04X} is not allowed: readers differ in where the line ends",
            where=Where(file=source, line=line),
            remedy='remove it, or write it as an escape in double quotes ("\\u2028")',
        )
    if len(raw) > MAX_STREAM:
        raise DocumentError(
            Code.TOO_LARGE,
            f"the file has {len(raw)} bytes, more than {MAX_STREAM}",
            where=Where(file=source),
            remedy="split it",
        )
    return text


class _Reader:
    """Builds documents from events, one at a time, without recursion."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack: list[_Frame] = []
        self._lines: dict[str, int] = {}
        self._start = 0
        self._root: Plain = None

    def feed(self, event: yaml.Event) -> Node | None:
        """Take one event; return a document when it is complete and not empty."""
        if _mark(event.end_mark).index - self._start > MAX_DOCUMENT:
            raise self._error(
                Code.TOO_LARGE,
                event,
                f"the document has more than {MAX_DOCUMENT} characters",
                "split the policy into several documents",
            )
        match event:
            case yaml.StreamStartEvent() | yaml.StreamEndEvent():
                pass
            case yaml.DocumentStartEvent():
                self._begin(event)
            case yaml.DocumentEndEvent():
                return self._finish()
            case yaml.AliasEvent():
                raise self._error(Code.NOT_PLAIN, event, "an alias is not allowed", "write the value out")
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.ScalarEvent():
                self._scalar(event)
        return None

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        self._start = _mark(event.start_mark).index
        self._lines = {"": _mark(event.end_mark).line + 1}
        self._stack.clear()
        if event.tags or event.version:
            raise self._error(Code.NOT_PLAIN, event, "a YAML directive is not allowed", "remove the % line")

    def _finish(self) -> Node | None:
        root, self._root = self._root, None
        return None if root is None else Node(root, Origin(self._source, self._lines))

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._refuse_decoration(event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(
                Code.TOO_LARGE, event, f"nested more than {MAX_DEPTH} levels deep", "flatten the document"
            )
        value: dict[str, Plain] | list[Plain] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(value, event)
        self._stack.append(_Frame(path, value))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_decoration(event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event)
            return
        value = self._resolve(event)
        self._place(value, event)

    def _key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        value = self._resolve(event)
        if not isinstance(value, str):
            raise self._error(
                Code.NOT_PLAIN,
                event,
                f"the key {event.value[:MAX_KEY]!r} is not a string",
                f'quote it: "{event.value[:MAX_KEY]}"',
            )
        if len(value) > MAX_KEY:
            raise self._error(Code.TOO_LARGE, event, f"a key has more than {MAX_KEY} characters", "shorten it")
        if value in frame.value:
            first = self._lines[child(frame.path, value)]
            raise self._error(
                Code.DUPLICATE_KEY,
                event,
                f"the key {value!r} stands twice, first on line {first}",
                "remove one of them",
            )
        frame.key = value
        self._lines[child(frame.path, value)] = _mark(event.start_mark).line + 1

    def _place(self, value: Plain, event: yaml.Event) -> str:
        """Put a value into the open container and return its path."""
        if len(self._lines) > MAX_FIELDS:
            raise self._error(Code.TOO_LARGE, event, f"it has more than {MAX_FIELDS} values", "split the policy")
        if not self._stack:
            self._root = value
            self._lines[""] = _mark(event.start_mark).line + 1
            return ""
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            path = item(frame.path, len(frame.value))
            frame.value.append(value)
            self._lines[path] = _mark(event.start_mark).line + 1
            return path
        if frame.key is None:
            raise self._error(Code.NOT_PLAIN, event, "a key must be a string", "write `key: value`")
        path = child(frame.path, frame.key)
        frame.value[frame.key] = value
        frame.key = None
        return path

    def _refuse_decoration(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            raise self._error(
                Code.NOT_PLAIN,
                event,
                f"the anchor &{event.anchor} is not allowed",
                "remove it, and write the value out",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._error(Code.NOT_PLAIN, event, f"the tag {tag} is not allowed", "remove it")

    def _resolve(self, event: yaml.ScalarEvent) -> Plain:
        text: str = event.value
        if event.style is not None and event.style != "":
            return text
        try:
            return resolve_plain(text)
        except ValueError as error:
            raise self._error(Code.NOT_PLAIN, event, *error.args) from error

    def _error(self, code: Code, event: yaml.Event, what: str, remedy: str = "") -> DocumentError:
        path = ""
        if self._stack:
            frame = self._stack[-1]
            path = frame.path if frame.key is None else child(frame.path, frame.key)
        where = Where("", path, self._source, _mark(event.start_mark).line + 1)
        return DocumentError(code, what, where=where, remedy=remedy)
