"""`attack`: one function, run with its defences and without them. See conftest.py."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Attacking: TypeAlias = Callable[..., bool] | Callable[..., Awaitable[bool]]


@dataclass(frozen=True)
class Off:
    """One defence, and the weaker thing that stands in its place in the positive control."""

    where: object
    name: str
    instead: Any


@dataclass(frozen=True)
class Attack:
    """One attack as it is listed: whose, what it tries, and the test that runs it."""

    attacker: str
    what: str
    test: str


ATTACKS: dict[str, Attack] = {}
"""Every attack of the modules that are imported so far, by file and test."""


def attack(what: str, *, without: Sequence[Off]) -> Callable[[Attacking], Callable[..., Any]]:
    """Make a test of an attack: it must fail, and succeed without its defences.

    Args:
        what: what the thief does, in a few words; no two attacks of one attacker say the same.
        without: the defences that are replaced in the positive control. More than one where each alone suffices.
    """
    assert without, "an attack without a defence has no positive control"

    def decorate(run: Attacking) -> Callable[..., Any]:
        file = Path(inspect.getfile(run))
        name = str(run.__name__)
        ATTACKS[f"{file}::{name}"] = Attack(file.parent.name, what, name)

        asked = inspect.signature(run)

        def given_to(run_with: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
            return {**run_with, "monkeypatch": monkeypatch} if "monkeypatch" in asked.parameters else run_with

        def weaken(monkeypatch: pytest.MonkeyPatch, *, defended: bool) -> None:
            for defence in () if defended else without:
                monkeypatch.setattr(defence.where, defence.name, defence.instead)

        def judge(got: object, *, defended: bool) -> None:
            assert isinstance(got, bool)
            if defended:
                assert not got, f"the attack works: {what}"
            else:
                assert got, f"without its defences the attack must work, or it shows nothing: {what}"

        if inspect.iscoroutinefunction(run):

            async def test(*, defended: bool, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
                weaken(monkeypatch, defended=defended)
                judge(await run(**given_to(given, monkeypatch)), defended=defended)
        else:

            def test(*, defended: bool, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:  # type: ignore[misc]
                weaken(monkeypatch, defended=defended)
                judge(run(**given_to(given, monkeypatch)), defended=defended)

        test.__name__, test.__doc__, test.__module__ = name, run.__doc__, run.__module__
        test.__signature__ = _with_ours(asked)  # type: ignore[attr-defined]
        both: Callable[..., Any] = pytest.mark.parametrize("defended", [True, False], ids=["defended", "weakened"])(
            test
        )
        return both

    return decorate


def _with_ours(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature that also asks pytest for what the decorator needs."""
    asked = dict(signature.parameters)
    for name in ("defended", "monkeypatch"):
        asked.setdefault(name, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY))
    return signature.replace(parameters=[each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in asked.values()])
