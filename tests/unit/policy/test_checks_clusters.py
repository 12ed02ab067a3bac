"""Peers in other clusters must name clusters that there are."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.checks import Finding, cluster_peers
from tests.unit.policy.sources import INVENTORY, made, prod


def to(*names: str) -> str:
    return f"egress: [{{action: Deny, to: [{{clusters: {{names: [{', '.join(names)}]}}}}]}}]"


def test_a_name_that_no_cluster_has_is_an_error() -> None:
    (error,) = cluster_peers([made("p", to("one", "tow"))], INVENTORY)
    assert isinstance(error, DocumentError)
    assert error.code == "EDICT0144"
    assert "no cluster of the inventory is named tow" in error.what
    assert error.remedy == "write two"
    assert "spec.policy.egress[0].to[0].clusters.names[1] f.yaml:" in error.where


def test_what_is_close_to_no_name_is_looked_up() -> None:
    (error,) = cluster_peers([made("p", to("zzzz").replace("egress", "ingress").replace("to:", "from:"))], INVENTORY)
    assert "edict get clusters" in error.remedy


def test_without_an_inventory_nobody_knows() -> None:
    assert list(cluster_peers([made("p", to("one", "tow"))], [])) == []


def test_a_policy_of_one_cluster_that_names_only_it_is_a_warning() -> None:
    (finding,) = cluster_peers([made("p", to("one"), on=prod())], INVENTORY)
    assert isinstance(finding, Finding)
    assert finding.code == "EDICT0145"
    assert "for one alone" in finding.what


@pytest.mark.parametrize(("names", "on"), [(["one"], "{}"), (["one"], prod("test")), (["one", "two"], prod())])
def test_names_of_clusters_that_there_are_are_silent(names: list[str], on: str) -> None:
    assert list(cluster_peers([made("p", to(*names), on=on)], INVENTORY)) == []
