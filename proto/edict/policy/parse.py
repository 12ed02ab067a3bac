"""Reading and writing documents: the public face of parsing.

What ``parse_*`` return is typed but not yet validated; ``load`` and ``load_one`` validate too. Every failure is
a :class:`edict.errors.DocumentError` with its place and a remedy.

Limits: 256 KiB a document, 16 MiB a file, 32 levels deep.
"""

from __future__ import annotations

from collections.abc import Callable

from edict.errors import DocumentError
from edict.policy._convert import Parsed, S, is_upstream, to_document, to_struct
from edict.policy._emit import plain_yaml, to_yaml
from edict.policy._upstream import is_bare_upstream, wrap_node, wrap_upstream
from edict.policy._yaml import Node, Plain, read, stream
from edict.policy.codes import Code
from edict.policy.documents import AnyDocument, Placement
from edict.policy.origin import Where
from edict.policy.validate import validate

__all__ = [
    "Node",
    "Parsed",
    "Plain",
    "examine",
    "is_bare_upstream",
    "load",
    "load_one",
    "load_struct",
    "parse_all",
    "parse_document",
    "parse_documents",
    "plain_yaml",
    "to_yaml",
    "wrap_upstream",
]


def parse_all(data: bytes | str, source: str) -> list[Parsed]:
    """Return every document of a file with the lines of its fields; an empty file has none."""
    return [to_document(node) for node in read(data, source)]


def parse_documents(data: bytes | str, source: str) -> list[AnyDocument]:
    """Return every document of a file, typed, not validated."""
    return [parsed.document for parsed in parse_all(data, source)]


def parse_document(data: bytes | str, source: str) -> AnyDocument:
    """Return the one document of a file, typed, not validated."""
    return _only(parse_all(data, source), source).document


def load(data: bytes | str, source: str) -> list[Parsed]:
    """Return every document of a file, validated: what publish and the CLI start from."""
    documents = parse_all(data, source)
    for parsed in documents:
        validate(parsed.document, parsed.origin)
    return documents


def load_one(data: bytes | str, source: str) -> AnyDocument:
    """Return the one document of a file, validated: what an agent starts from."""
    parsed = _only(parse_all(data, source), source)
    validate(parsed.document, parsed.origin)
    return parsed.document


def examine(data: bytes | str, source: str, placement: Placement | None = None) -> list[Parsed | DocumentError]:
    """Return every document of a file, validated, or in its place what is wrong with it: one never hides another.

    Args:
        data: the file.
        source: its name.
        placement: what a bare upstream manifest is wrapped with; None leaves it an error.
    """
    found: list[Parsed | DocumentError] = []
    try:
        for node in stream(data, source):
            found.append(_examined(node, placement))  # noqa: PERF401 - what stands above a fault stays
    except DocumentError as error:
        found.append(error)
    return found


def load_struct(data: bytes | str, source: str, kind: type[S], prepare: Callable[[Node], Node]) -> S:
    """Return a file that is no document, such as facts about a cluster, read as strictly as documents are.

    Args:
        data: the file: one YAML or JSON mapping.
        source: its name.
        kind: the struct.
        prepare: looks at the plain objects first, where places are known.

    Raises:
        DocumentError: EDICT0101 to EDICT0110, and what ``prepare`` raises.
    """
    nodes = list(stream(data, source))
    if len(nodes) != 1:
        raise _not_one(len(nodes), source)
    return to_struct(prepare(nodes[0]), kind)


def _examined(node: Node, placement: Placement | None) -> Parsed | DocumentError:
    try:
        if placement is not None and is_upstream(node.value):
            return wrap_node(node, placement)
        parsed = to_document(node)
        validate(parsed.document, parsed.origin)
    except DocumentError as error:
        return error
    return parsed


def _only(documents: list[Parsed], source: str) -> Parsed:
    if len(documents) != 1:
        raise _not_one(len(documents), source)
    return documents[0]


def _not_one(count: int, source: str) -> DocumentError:
    return DocumentError(
        Code.DOCUMENT_COUNT,
        f"the file holds {count} documents, not one",
        where=Where(file=source),
        remedy="put one document in it",
    )
