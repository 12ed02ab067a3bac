"""What to write instead of a value of the wrong type, from what the type of the field says."""

from __future__ import annotations

import re

from edict.policy._shape import known_fields, known_words

_BOUND = re.compile(r"Expected `int` (?P<sign>>=|<=) (?P<bound>-?\d+)")
_WANTED = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`")


def remedy_for(what: str, kind: type, path: str) -> str:
    """Return the remedy for msgspec's sentence about the field of a struct at a path; empty when it has none."""
    if words := known_words(kind, path):
        return f"write {' or '.join(words)}"
    if bound := _BOUND.fullmatch(what):
        return f"write a number of at {'least' if bound['sign'] == '>=' else 'most'} {bound['bound']}"
    if "datetime" in what or "RFC3339" in what:
        return 'write a date and time with its zone, in quotes, such as "2026-12-31T18:00:00Z"'
    wanted = _WANTED.match(what)
    return "" if wanted is None else _instead(wanted["wanted"].removesuffix(" | null"), wanted["got"], kind, path)


def _instead(wanted: str, got: str, kind: type, path: str) -> str:
    name = path.rpartition(".")[2] or "the document"
    if wanted == "object" and got == "null":
        return f"write {name}: {{}} to select everything, or remove the field"
    if wanted in {"object", "str | object"}:
        fields = known_fields(kind, path)
        return f"write a mapping with {', '.join(fields)}" if fields else "write a mapping of key: value"
    if wanted == "str" and got not in {"object", "array"}:
        return "quote the value"
    return {
        "array": f"write a list, such as {name}: [...], or remove the field",
        "str": "write a string",
        "int": "write a whole number without quotes",
        "bool": "write true or false, without quotes",
    }.get(wanted, "")
