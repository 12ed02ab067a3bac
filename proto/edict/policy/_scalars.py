"""What an unquoted scalar means, where YAML 1.1, YAML 1.2 and JSON agree; everything else must be quoted."""

from __future__ import annotations

import re

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_MAX_DIGITS = 19
_BOOLEANS = {"true": True, "false": False}
_NULLS = frozenset({"", "~", "null"})
_AMBIGUOUS_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "<<", "="})
_AMBIGUOUS_NUMBER = re.compile(
    r"[-+]?(?:"
    r"0b[01_]+|0o[0-7]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*"  # integers of either version
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"  # base 60
    r"|(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)
_DATE = re.compile(r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt \t].*)?")


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar means where YAML 1.1, YAML 1.2 and JSON agree.

    Raises:
        ValueError: they do not; the arguments are what is wrong and the remedy.
    """
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS:
        return None
    if text.lower() in _AMBIGUOUS_WORDS:
        word = "true or false" if text.lower() not in {"null", "<<", "="} else "the value"
        raise ValueError(
            f"{text!r} does not mean the same to every YAML reader", f'write {word}, or quote it: "{text}"'
        )
    if _INT.fullmatch(text):
        if len(text.lstrip("-")) > _MAX_DIGITS:
            raise ValueError(f"the number {text[:_MAX_DIGITS]}… is too large", "quote it if it is a string")
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _DATE.fullmatch(text):
        raise ValueError(f"the date {text!r} does not mean the same to every YAML reader", f'quote it: "{text}"')
    if _AMBIGUOUS_NUMBER.fullmatch(text):
        raise ValueError(
            f"the number {text!r} does not mean the same to every YAML reader",
            f'write it as a decimal number, or quote it: "{text}"',
        )
    return text
