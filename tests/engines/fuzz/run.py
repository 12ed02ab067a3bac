"""A run of so many verdicts, in batches that can be repeated one by one; a failure is shrunk by hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from tests.engines.engine import Engine
from tests.engines.fuzz.check import check
from tests.engines.fuzz.drawing import Drawn, drawn
from tests.engines.fuzz.tally import Tally
from tests.engines.rows import Row

BATCH = 50
"""Clusters with one seed."""


class Fresh(HypothesisProvider):
    """Hypothesis's own choices. It does not begin with small examples or vary those before, as its engine does with
    the backend that it knows by name: those repeat rules, and a repeated rule decides nothing."""


_BACKEND = "fresh"
AVAILABLE_PROVIDERS[_BACKEND] = Fresh


Test: TypeAlias = Callable[[], None]


def repeatable(batch: int) -> Callable[[Test], Test]:
    """Return what makes a test draw one batch, always the same."""
    chosen = settings(
        max_examples=BATCH,
        backend=_BACKEND,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    return lambda test: seed(batch)(chosen(test))


def run(row: Row, engine: Engine, verdicts: int, first: int) -> Tally:
    """Ask at least so many verdicts, from one seed on.

    Raises:
        AssertionError: with the minimal counterexample and how to repeat its batch alone.
    """
    tally = Tally()
    for batch in count(first):

        @repeatable(batch)
        @given(drawn())
        def ask(one: Drawn) -> None:
            check(row, engine, one, tally)

        try:
            ask()
        except BaseException as error:
            error.add_note(f"repeat: make fuzz DIALECT={row.dialect} SEED={batch} N=1")
            raise
        if tally.verdicts >= verdicts:
            break
    return tally
