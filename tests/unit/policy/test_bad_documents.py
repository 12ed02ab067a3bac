"""Wrong documents: each is refused with one code, at one place, with something to do about it."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.documents import Placement
from edict.policy.model import LabelSelector
from edict.policy.origin import Where
from edict.policy.parse import Parsed, examine, load_one
from tests.unit.policy.bad.good import GOOD, GOOD_CLUSTER, GOOD_UPSTREAM, GOOD_WAIVER, Bad
from tests.unit.policy.bad.limits import LIMITS
from tests.unit.policy.bad.missing_fields import MISSING_FIELDS
from tests.unit.policy.bad.names import NAMES
from tests.unit.policy.bad.networks import NETWORKS
from tests.unit.policy.bad.rules import RULES
from tests.unit.policy.bad.unknown_fields import UNKNOWN_FIELDS
from tests.unit.policy.bad.waivers import WAIVERS
from tests.unit.policy.bad.wrong_types import WRONG_TYPES

TABLES = (UNKNOWN_FIELDS, MISSING_FIELDS, WRONG_TYPES, LIMITS, NAMES, NETWORKS, RULES, WAIVERS)
TABLE = {name: bad for table in TABLES for name, bad in table.items()}
EVERYWHERE = Placement(LabelSelector())


@pytest.mark.parametrize(
    "text", [GOOD, GOOD_CLUSTER, GOOD_UPSTREAM, GOOD_WAIVER], ids=["policy", "cluster", "upstream", "waiver"]
)
def test_what_the_wrong_ones_are_made_from_is_right(text: str) -> None:
    assert [type(each) for each in examine(text, "f.yaml", EVERYWHERE)] == [Parsed]


def test_there_are_enough_and_none_is_there_twice() -> None:
    assert len(TABLE) == sum(map(len, TABLES)) >= 80
    assert len({bad.text for bad in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("bad", TABLE.values(), ids=TABLE)
def test_a_wrong_document_is_refused_with_code_place_and_remedy(bad: Bad) -> None:
    [error] = examine(bad.text, "f.yaml", EVERYWHERE)
    assert isinstance(error, DocumentError)
    assert error.code == f"EDICT{bad.code:04d}"
    where = Where.of(error.where)
    assert (where.path, where.file, where.line) == (bad.at, "f.yaml", bad.line)
    assert bad.remedy
    assert bad.remedy in error.remedy
    said = error.diagnostics()
    assert "Traceback" not in said
    assert "\n" not in said
    assert said.startswith(f"Error [{error.code}] (")


@pytest.mark.parametrize("bad", [bad for bad in TABLE.values() if bad.base is not GOOD_UPSTREAM])
def test_an_agent_refuses_it_for_the_same_reason(bad: Bad) -> None:
    with pytest.raises(DocumentError) as caught:
        load_one(bad.text, "policies/net/full")
    assert caught.value.code == f"EDICT{bad.code:04d}"
