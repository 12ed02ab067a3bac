"""Reading and writing documents: the public face of parsing.

What ``parse_*`` return is typed but not yet validated; ``load`` and ``load_one`` validate too. Every failure is
a :class:`edict.errors.DocumentError` with its place and a remedy.

Limits: 256 KiB a document, 16 MiB a file, 32 levels deep.
"""

from __future__ import annotations

from edict.errors import DocumentError
from edict.policy._convert import Parsed, to_document
from edict.policy._emit import to_yaml
from edict.policy._upstream import is_bare_upstream, wrap_upstream
from edict.policy._yaml import read
from edict.policy.codes import Code
from edict.policy.documents import AnyDocument
from edict.policy.validate import validate

__all__ = [
    "Parsed",
    "is_bare_upstream",
    "load",
    "load_one",
    "parse_all",
    "parse_document",
    "parse_documents",
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


def _only(documents: list[Parsed], source: str) -> Parsed:
    if len(documents) != 1:
        raise DocumentError(
            Code.DOCUMENT_COUNT,
            f"the file holds {len(documents)} documents, not one",
            where=source,
            remedy="put one document in it",
        )
    return documents[0]
