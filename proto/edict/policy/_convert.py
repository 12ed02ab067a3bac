"""Plain objects to documents: kind, types, known fields. Limits that types cannot say are ``validate``'s."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar, get_args

import msgspec

from edict.errors import DocumentError
from edict.policy._empty import refuse_empty
from edict.policy._remedies import remedy_for
from edict.policy._shape import known_fields, nearest
from edict.policy._yaml import Node, Plain
from edict.policy.codes import Code
from edict.policy.documents import AnyDocument
from edict.policy.model import API_VERSION
from edict.policy.origin import Origin, child

UPSTREAM_GROUP = "policy.networking.k8s.io"
UPSTREAM_KIND = "ClusterNetworkPolicy"
UPSTREAM_VERSION = f"{UPSTREAM_GROUP}/v1alpha2"
_OTHER_LANGUAGES = ("NetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")

_KINDS: dict[str, type[AnyDocument]] = {kind.__name__: kind for kind in get_args(AnyDocument)}
_AT = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_WORDS = {
    "`object`": "a mapping",
    "`array`": "a list",
    "`str`": "a string",
    "`datetime`": "a date and time",
    "`int`": "a whole number",
    "`float`": "a number with a fraction",
    "`bool`": "true or false",
    "`null`": "nothing",
    "`str | object`": "a string or a mapping",
    "`array | null`": "a list",
    "`object | null`": "a mapping",
}

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document and where its fields stand."""

    document: AnyDocument
    origin: Origin


def to_document(node: Node) -> Parsed:
    """Return the typed document.

    Raises:
        DocumentError: EDICT0105 to EDICT0109.
    """
    value, origin = node.value, node.origin
    if not isinstance(value, dict):
        raise DocumentError(
            Code.WRONG_VALUE,
            "a document is a mapping with apiVersion, kind, metadata and spec",
            where=origin.where("", ""),
            remedy=f"begin it with apiVersion: {API_VERSION}",
        )
    kind = _kind(value, origin)
    subject = subject_of(value)
    document = _typed(value, kind, subject, origin)
    refuse_empty(value, subject, origin)
    return Parsed(document, origin)


def to_struct(node: Node, kind: type[S]) -> S:
    """Return another file than a document, such as facts about a cluster, as its struct.

    Raises:
        DocumentError: EDICT0107 to EDICT0109.
    """
    return _typed(node.value, kind, "", node.origin)


def _typed(value: Plain, kind: type[S], subject: str, origin: Origin) -> S:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise explain(str(error), kind, subject, origin) from None


def subject_of(value: dict[str, Plain]) -> str:
    """Return ``Kind name`` as far as a document that may be malformed says it."""
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return " ".join(part for part in (value.get("kind"), name) if isinstance(part, str) and part)


def is_upstream(value: Plain) -> bool:
    """Tell whether a document is an upstream ClusterNetworkPolicy of any version."""
    return (
        isinstance(value, dict)
        and value.get("kind") == UPSTREAM_KIND
        and str(value.get("apiVersion", "")).startswith(UPSTREAM_GROUP + "/")
    )


def _kind(value: dict[str, Plain], origin: Origin) -> type[AnyDocument]:
    subject = subject_of(value)
    if is_upstream(value):
        raise DocumentError(
            Code.BARE_UPSTREAM,
            f"a bare {UPSTREAM_KIND} does not say for which clusters it is",
            where=origin.where(subject, "kind"),
            remedy="edict sign -f FILE --placement all (or env=prod: the labels of some clusters)",
        )
    for key in ("apiVersion", "kind"):
        if key not in value:
            raise DocumentError(
                Code.MISSING_FIELD,
                f"the field {key} is missing",
                where=origin.where(subject, ""),
                remedy=f"write apiVersion: {API_VERSION} and kind: {' or '.join(_KINDS)}",
            )
    if value["kind"] in _OTHER_LANGUAGES:
        raise DocumentError(
            Code.UNKNOWN_KIND,
            f"a {value['kind']} is not what Edict speaks",
            where=origin.where(subject, "kind"),
            remedy=f"write it as a {UPSTREAM_KIND} of {UPSTREAM_VERSION}",
        )
    if value["apiVersion"] != API_VERSION:
        raise DocumentError(
            Code.UNKNOWN_KIND,
            f"the apiVersion {value['apiVersion']!r} is not known",
            where=origin.where(subject, "apiVersion"),
            remedy=f"write apiVersion: {API_VERSION}",
        )
    kind = value["kind"]
    if not isinstance(kind, str) or kind not in _KINDS:
        guess = nearest(str(kind), list(_KINDS))
        raise DocumentError(
            Code.UNKNOWN_KIND,
            f"the kind {kind!r} is not known",
            where=origin.where(subject, "kind"),
            remedy=f"write kind: {guess}" if guess else f"use one of {', '.join(_KINDS)}",
        )
    return _KINDS[kind]


def explain(message: str, kind: type[msgspec.Struct], subject: str, origin: Origin) -> DocumentError:
    """Turn msgspec's sentence into ours. A test covers its wording, so that an upgrade cannot blur it."""
    at = _AT.search(message)
    path = at["path"].replace("[...]", "") if at else ""
    what = message[: at.start()] if at else message
    if unknown := _UNKNOWN.fullmatch(what):
        return _unknown_field(unknown["name"], path, kind, subject, origin)
    if missing := _MISSING.fullmatch(what):
        return DocumentError(
            Code.MISSING_FIELD,
            f"the field {missing['name']} is missing",
            where=origin.where(subject, path),
            remedy=f"add {origin.written(child(path, missing['name']))}",
        )
    remedy = remedy_for(what, kind, path)
    for word, meaning in _WORDS.items():
        what = what.replace(word, meaning)
    what = what[:1].lower() + what[1:]
    return DocumentError(Code.WRONG_VALUE, what, where=origin.where(subject, path), remedy=remedy)


def _unknown_field(name: str, path: str, kind: type[msgspec.Struct], subject: str, origin: Origin) -> DocumentError:
    known = known_fields(kind, path)
    guess = nearest(name, known)
    return DocumentError(
        Code.UNKNOWN_FIELD,
        f"the field {name} is not known",
        where=origin.where(subject, child(path, name)),
        remedy=f"write {guess}, or remove the field" if guess else f"use one of {', '.join(known)}",
    )
