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


def attack(what: str, *, without: Sequence[Off], alone: bool = False) -> Callable[[Attacking], Callable[..., Any]]:
    """Make a test of an attack: it must fail, and succeed without its defences.

    Args:
        what: what the thief does, in a few words; no two attacks of one attacker say the same.
        without: the defences that are replaced in the positive control.
        alone: each of them suffices by itself, and is shown to: the attack must also fail where it alone is left.
    """
    assert without, "an attack without a defence has no positive control"
    cases: list[tuple[str, bool, tuple[Off, ...]]] = [("defended", True, ()), ("weakened", False, tuple(without))]
    if alone:
        assert len(without) > 1, "what stands alone stands beside others"
        cases += [(f"by-{left.name}-alone", True, tuple(each for each in without if each != left)) for left in without]

    def decorate(run: Attacking) -> Callable[..., Any]:
        file = Path(inspect.getfile(run))
        name = str(run.__name__)
        ATTACKS[f"{file}::{name}"] = Attack(file.parent.name, what, name)
        asked = inspect.signature(run)

        def begin(monkeypatch: pytest.MonkeyPatch, off: Sequence[Off], given: dict[str, Any]) -> Any:
            for defence in off:
                monkeypatch.setattr(defence.where, defence.name, defence.instead)
            ours = {"monkeypatch": monkeypatch} if "monkeypatch" in asked.parameters else {}
            return run(**given, **ours)

        if inspect.iscoroutinefunction(run):

            async def test(
                *, defended: bool, off: Sequence[Off], monkeypatch: pytest.MonkeyPatch, **given: Any
            ) -> None:
                _judge(what, await begin(monkeypatch, off, given), defended=defended)
        else:

            def test(  # type: ignore[misc]
                *, defended: bool, off: Sequence[Off], monkeypatch: pytest.MonkeyPatch, **given: Any
            ) -> None:
                _judge(what, begin(monkeypatch, off, given), defended=defended)

        test.__name__, test.__doc__, test.__module__ = name, run.__doc__, run.__module__
        test.__signature__ = _with_ours(asked)  # type: ignore[attr-defined]
        every: Callable[..., Any] = pytest.mark.parametrize(
            ("defended", "off"), [case[1:] for case in cases], ids=[case[0] for case in cases]
        )(test)
        return every

    return decorate


def _judge(what: str, got: object, *, defended: bool) -> None:
    assert isinstance(got, bool)
    if defended:
        assert not got, f"the attack works: {what}"
    else:
        assert got, f"without its defences the attack must work, or it shows nothing: {what}"


def _with_ours(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature that also asks pytest for what the decorator needs."""
    asked = dict(signature.parameters)
    for name in ("defended", "off", "monkeypatch"):
        asked.setdefault(name, inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY))
    return signature.replace(parameters=[each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in asked.values()])
