"""Where a document came from: its file and the line of each field, so that a late error can point at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

NO_LINES: Mapping[str, int] = MappingProxyType({})


class Where(str):
    """A printed place that still knows its parts, for reports that show them apart.

    Attributes:
        subject: ``Kind name``, as far as it is known.
        path: the field as its author wrote it.
        file: the file, or another source; empty when there is none.
        line: 1-based; None when unknown.
    """

    __slots__ = ("file", "line", "path", "subject")
    subject: str
    path: str
    file: str
    line: int | None

    def __new__(cls, subject: str = "", path: str = "", file: str = "", line: int | None = None) -> Self:
        """Print ``FederatedNetworkPolicy deny-egress spec.tier policy.yaml:7``, without what is empty."""
        printed = f"{file}:{line}" if file and line is not None else file or (f"line {line}" if line else "")
        made = super().__new__(cls, " ".join(part for part in (subject, path, printed) if part))
        made.subject, made.path, made.file, made.line = subject, path, file, line
        return made

    @classmethod
    def of(cls, printed: str) -> Where:
        """Return the parts of a place; one that was never more than text is its path."""
        return printed if isinstance(printed, Where) else cls(path=printed)


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of one document.

    Attributes:
        source: a file name, ``stdin``, or the name of a TUF target; empty for a document built in memory.
        lines: the 1-based line of each field, by its path (``spec.policy.tier``; ``""`` is the document).
    """

    source: str = ""
    lines: Mapping[str, int] = field(default_factory=lambda: NO_LINES)

    def line(self, path: str) -> int | None:
        """Return the line of the field, or of the nearest ancestor that stands in the source."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = parent(path)
        return self.lines.get("")

    def written(self, path: str) -> str:
        """Return the path of a field as its author wrote it."""
        return path

    def where(self, subject: str, path: str) -> Where:
        """Return the printed place: ``FederatedNetworkPolicy deny-egress spec.tier policy.yaml:7``."""
        return Where(subject, path, self.source, self.line(path) if self.source else None)


def parent(path: str) -> str:
    """Return the path of the enclosing field: of ``a.b[1]`` it is ``a.b``, of ``a`` the empty string."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def child(path: str, key: str) -> str:
    """Return the path of a field of an object."""
    return f"{path}.{key}" if path else key


def item(path: str, index: int) -> str:
    """Return the path of an item of a list."""
    return f"{path}[{index}]"
