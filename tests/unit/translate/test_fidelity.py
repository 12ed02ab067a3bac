"""The page of fidelity says what the translators say, of everything that a policy can say."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from functools import lru_cache

import pytest
from msgspec import UNSET, Struct
from msgspec.structs import fields

from docs.reference.fidelity.answers import Answers, told
from docs.reference.fidelity.clusters import others
from docs.reference.fidelity.constructs import constructs
from docs.reference.fidelity.page import PAGE, page
from edict.policy import model
from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect
from edict_agent.translate.codes import Reason

_KINDS = [
    one
    for one in vars(model).values()
    if isinstance(one, type)
    and issubclass(one, (Struct, enum.Enum))
    and one.__module__ == model.__name__
    and one is not model.Document
]
NOT_OF_A_RULE = {Reason.NO_PLUGIN: "no dialect, and so nobody to ask: the agent says it of the whole cluster"}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python -m docs.reference.fidelity"


@pytest.mark.parametrize("kind", _KINDS, ids=lambda one: one.__name__)
def test_every_word_of_the_model_is_in_some_construct(kind: type[Struct | enum.Enum]) -> None:
    assert _vocabulary(kind) - _used() == set()


@pytest.mark.parametrize("reason", [one for one in Reason if one not in NOT_OF_A_RULE], ids=lambda one: one.name)
def test_every_reason_is_on_the_page(reason: Reason) -> None:
    found = [one for dialect in Dialect for some in _clusters(dialect) for one in some.values()]
    assert any(one.code == reason.code and one.reason for one in found)
    assert f"[{reason.code}]" in PAGE.read_text()


@pytest.mark.parametrize("dialect", Dialect)
def test_every_option_that_a_translation_looks_at_is_tried(dialect: Dialect) -> None:
    assert told(dialect).read - {one.option for one in others(dialect)} == set()


@pytest.mark.parametrize("dialect", Dialect)
def test_an_answer_is_exact_or_says_why_and_is_never_looser(dialect: Dialect) -> None:
    for some in _clusters(dialect):
        for asked, answer in some.items():
            assert (answer.fidelity is Fidelity.EXACT) == (not answer.code) == (not answer.reason), asked
            assert (answer.direction == "stricter") == (answer.fidelity is Fidelity.APPROXIMATE), asked
            assert answer.refused or answer.fidelity is not Fidelity.UNSUPPORTED, asked


def test_every_code_on_the_page_is_explained() -> None:
    errors = PAGE.with_name("errors.md").read_text()
    section = errors.split("## Agent: translating, applying, keeping")[1]
    assert all(reason.code in section for reason in Reason)


def _clusters(dialect: Dialect) -> Iterator[Answers]:
    return iter((told(dialect).standard, *told(dialect).others.values()))


@lru_cache
def _used() -> frozenset[str]:
    judged = (policies[-1].document.spec for variants in constructs().values() for _, policies in variants)
    return frozenset(word for spec in judged for word in _words(spec))


def _vocabulary(kind: type[Struct | enum.Enum]) -> set[str]:
    """Return the fields of a struct, or the members of an enumeration, each behind its name."""
    names = [one.name for one in kind] if issubclass(kind, enum.Enum) else [one.name for one in fields(kind)]
    return {f"{kind.__name__}.{name}" for name in names}


def _words(value: object) -> Iterator[str]:
    """Yield every field that is set to something, and every member of an enumeration, at any depth."""
    if isinstance(value, enum.Enum):
        yield f"{type(value).__name__}.{value.name}"
    elif isinstance(value, Struct):
        for one in fields(value):
            found = getattr(value, one.name)
            if found is not UNSET and found not in ("", (), {}):
                yield f"{type(value).__name__}.{one.name}"
                yield from _words(found)
    elif isinstance(value, tuple):
        for found in value:
            yield from _words(found)
