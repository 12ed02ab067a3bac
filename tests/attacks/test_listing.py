"""The list of attacks: enough of them for each attacker, no two the same, and the threat model says what they show."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.harness import ATTACKS, Attack

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODEL = ROOT / "docs" / "concepts" / "threat-model.md"
ATTACKERS = ("hub", "etcd", "agent", "network")
ENOUGH = 12
NAMED = re.compile(r"`(\w+/test_\w+\.py)::(test_\w+)`")


def attacks(attacker: str) -> list[Attack]:
    """Import an attacker's modules and return its attacks."""
    for path in sorted((HERE / attacker).glob("test_*.py")):
        importlib.import_module(f"tests.attacks.{attacker}.{path.stem}")
    return [each for each in ATTACKS.values() if each.attacker == attacker]


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_there_are_enough_attacks_of_each_attacker(attacker: str) -> None:
    assert len(attacks(attacker)) >= ENOUGH


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_no_two_attacks_are_the_same(attacker: str) -> None:
    found = attacks(attacker)
    assert not [what for what, count in Counter(each.what for each in found).items() if count > 1]
    assert not [test for test, count in Counter(each.test for each in found).items() if count > 1]


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_the_threat_model_names_every_attack(attacker: str) -> None:
    named = {test for file, test in NAMED.findall(MODEL.read_text()) if file.startswith(f"{attacker}/")}
    assert {each.test for each in attacks(attacker)} <= named


def test_what_the_threat_model_names_is_there() -> None:
    named = NAMED.findall(MODEL.read_text())
    assert named
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (HERE / file).read_text(), re.MULTILINE), f"{file}::{test}"
