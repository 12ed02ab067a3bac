"""The page of fidelity says what the translators say, of everything that a policy can say."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import pytest
from msgspec import UNSET, Struct
from msgspec.structs import fields

from docs.reference.fidelity.answers import told
from docs.reference.fidelity.clusters import others
from docs.reference.fidelity.constructs import constructs
from docs.reference.fidelity.page import PAGE, page
from edict.policy import model
from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect
from edict_agent.translate.codes import Reason

NOT_OF_A_RULE = {Reason.NO_PLUGIN: "no dialect, and so nobody to ask: the agent says it of the whole cluster"}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python -m docs.reference.fidelity"


@pytest.mark.parametrize(
    "kind", [one for one in vars(model).values() if isinstance(one, type)], ids=lambda one: one.__name__
)
def test_every_word_of_the_model_is_in_some_construct(kind: type) -> None:
    used = {word for policy in _policies() for word in _words(policy)}
    assert _vocabulary(kind) - used == set()


@pytest.mark.parametrize("reason", [one for one in Reason if one not in NOT_OF_A_RULE], ids=lambda one: one.name)
def test_every_reason_is_on_the_page(reason: Reason) -> None:
    answers = [
        one
        for dialect in Dialect
        for some in (told(dialect).standard, *told(dialect).others.values())
        for one in some.values()
    ]
    assert any(one.code == reason.code and one.reason for one in answers)
    assert f"[{reason.code}]" in page()


@pytest.mark.parametrize("dialect", Dialect)
def test_every_option_that_a_translation_looks_at_is_tried(dialect: Dialect) -> None:
    assert told(dialect).read - {one.option for one in others(dialect)} == set()


@pytest.mark.parametrize("dialect", Dialect)
def test_an_answer_is_exact_or_says_why_and_is_never_looser(dialect: Dialect) -> None:
    for some in (told(dialect).standard, *told(dialect).others.values()):
        for asked, answer in some.items():
            assert (answer.fidelity is Fidelity.EXACT) == (not answer.code) == (not answer.reason), asked
            assert (answer.direction == "stricter") == (answer.fidelity is Fidelity.APPROXIMATE), asked
            assert answer.refused or answer.fidelity is not Fidelity.UNSUPPORTED, asked


def test_every_code_on_the_page_is_explained() -> None:
    errors = PAGE.with_name("errors.md").read_text()
    section = errors.split("## Agent: translating, applying, keeping")[1]
    assert all(reason.code in section for reason in Reason)


def _policies() -> Iterator[Struct]:
    for variants in constructs().values():
        for _, policies in variants:
            yield policies[-1].document.spec


def _vocabulary(kind: type) -> set[str]:
    """Return the fields of a struct, or the members of an enumeration, by the struct's or the enumeration's name."""
    if issubclass(kind, enum.Enum):
        return {f"{kind.__name__}.{one.name}" for one in kind}
    if issubclass(kind, Struct) and kind.__module__ == model.__name__:
        return {f"{kind.__name__}.{one.name}" for one in fields(kind)}
    return set()


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
