"""The examples in each dialect: golden objects, reviewed by eye.

``EDICT_REWRITE_GOLDEN=1`` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from edict.policy.fidelity import Fidelity
from edict_agent.translate import Dialect
from tests.unit.translate.placed import FACTS, examples, plan

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("dialect", list(Dialect))
def test_objects_are_the_golden_ones(dialect: Dialect) -> None:
    rendered = yaml.safe_dump_all(
        [one.body for one in plan(dialect, *examples()).objects], sort_keys=False, explicit_start=True
    )
    golden = GOLDEN / f"{dialect}.yaml"
    if os.environ.get("EDICT_REWRITE_GOLDEN") == "1":
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_all_examples_are_exact_on_cilium() -> None:
    translated = plan(Dialect.CILIUM, *examples())
    assert {one.policy: one.reason for one in translated.policies if one.refused} == {}
    assert {rule.fidelity for one in translated.policies for rule in one.rules} == {Fidelity.EXACT}


def test_all_examples_but_domain_names_are_exact_on_calico() -> None:
    refused = [one for one in plan(Dialect.CALICO, *examples()).policies if one.refused]
    assert [(one.policy, one.code) for one in refused] == [("platform/ai-egress", "EDICT0519")]
    assert refused[0].reason == "egress[1]: open source Calico has no domain names"
    assert refused[0].remedy
    assert [rule.fidelity for rule in refused[0].rules] == [Fidelity.EXACT, Fidelity.UNSUPPORTED]
    assert refused[0].objects == ()


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_object_says_whose_it_is(dialect: Dialect) -> None:
    for one in plan(dialect, *examples(), facts=FACTS).objects:
        labels = one.body["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "edict"
        assert labels["federation.edict.dev/policy"] == one.policy.replace("/", ".")
        annotation = one.body["metadata"].get("annotations", {}).get("federation.edict.dev/document")
        assert annotation == (None if one.policy == "edict/built-in" else "sha256:" + "ab" * 32)
        assert (one.body["apiVersion"], one.body["kind"]) == (one.api_version, one.kind)
        assert one.body["metadata"]["name"] == one.name
