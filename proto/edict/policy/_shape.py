"""What fields the structs of a document have, to name the nearest one when an unknown field stands in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from msgspec import inspect

_STEP = re.compile(r"\[(?:\d+|\.\.\.)\]|[^.\[]+")


def known_fields(kind: type, path: str) -> list[str]:
    """Return the names that may stand at a path (``spec.policy.egress[2]``) of a struct."""
    return sorted(
        {field.encode_name for node in _at(kind, path) if isinstance(node, inspect.StructType) for field in node.fields}
    )


def known_words(kind: type, path: str) -> list[str]:
    """Return the words that a closed set of values has at a path; empty where any value may stand."""
    words: list[str] = []
    for node in _at(kind, path):
        if isinstance(node, inspect.EnumType):
            words += [str(member.value) for member in node.cls]
        elif isinstance(node, inspect.LiteralType):
            words += [str(value) for value in node.values]
    return words


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known word closest to a misspelt one, or the empty string when none is close."""
    lowered = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def _at(kind: type, path: str) -> list[inspect.Type]:
    nodes: list[inspect.Type] = list(_flatten(inspect.type_info(kind)))
    for step in _STEP.findall(path):
        nodes = [deeper for node in nodes for child in _children(node, step) for deeper in _flatten(child)]
    return nodes


def _flatten(node: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(node, inspect.Metadata):
        yield from _flatten(node.type)
    elif isinstance(node, inspect.UnionType):
        for member in node.types:
            yield from _flatten(member)
    else:
        yield node


def _children(node: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if isinstance(node, inspect.StructType):
        yield from (field.type for field in node.fields if field.encode_name == step)
    elif isinstance(node, inspect.VarTupleType | inspect.ListType) and step.startswith("["):
        yield node.item_type
    elif isinstance(node, inspect.DictType):
        yield node.value_type
