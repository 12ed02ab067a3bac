"""Reading never fails but by saying what is wrong, and what is written reads back as itself."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from edict.errors import DocumentError
from edict.policy.checks import PolicySource
from edict.policy.documents import FederatedNetworkPolicy, Placement
from edict.policy.findings import all_findings
from edict.policy.model import LabelSelector, PolicySpec
from edict.policy.parse import (
    Parsed,
    examine,
    is_bare_upstream,
    load,
    load_one,
    load_struct,
    parse_document,
    to_yaml,
    wrap_upstream,
)
from edict_agent.translate.facts import Facts
from tests.property.strategies import document, specs
from tests.unit.policy.bad.good import GOOD, GOOD_CLUSTER, GOOD_UPSTREAM, GOOD_WAIVER

EXAMPLES = [file.read_text() for file in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))]
PIECES = ["on", "0x1F", "1:30", "&a", "*a", "!!str", "<<:", "{}", "[", "]", "null", "~", "\t", "---\n", "%x", ".nan"]
GOOD_ONES = [GOOD, GOOD_CLUSTER, GOOD_UPSTREAM, GOOD_WAIVER]
WORDS: list[Any] = [
    "spec",
    "policy",
    "networks",
    "cidr",
    "10.0.0.0/8",
    "Accept",
    "icmp",
    "http",
    "pods",
    "",
    None,
    0,
    [],
    {},
    "*",
]
ANYWHERE = Placement(cluster_selector=LabelSelector())

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
)


def read(data: bytes | str) -> None:
    """Read in every way there is; anything but a DocumentError is a failure of the test."""
    with contextlib.suppress(DocumentError):
        load(data, "f.yaml")
    with contextlib.suppress(DocumentError):
        if is_bare_upstream(data, "f.yaml"):
            wrap_upstream(data, "f.yaml", ANYWHERE)
    for each in examine(data, "f.yaml", ANYWHERE):
        if isinstance(each, DocumentError):
            assert each.remedy
            assert "\n" not in each.diagnostics()
        elif isinstance(each.document, FederatedNetworkPolicy):
            all_findings([PolicySource("net", each.document, each.origin)], [])
    with contextlib.suppress(DocumentError):
        load_struct(data, "f.yaml", Facts, lambda node: node)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_any_bytes_are_read_or_refused(data: bytes | str) -> None:
    read(data)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_damaged_document_is_read_or_refused(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    piece = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)))
    read(text[:start] + piece + text[end:])


@given(trees, st.sampled_from(("federation.edict.dev/v1alpha1", "policy.networking.k8s.io/v1alpha2")), trees)
def test_a_tree_of_the_wrong_shape_is_refused(spec: object, version: str, metadata: object) -> None:
    kind = "FederatedNetworkPolicy" if version.startswith("federation") else "ClusterNetworkPolicy"
    read(json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}))


def mutated(draw: st.DrawFn, tree: Any) -> Any:
    """Return a tree with one node taken away, replaced, renamed, or there twice."""
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    container, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(("delete", "replace", "borrow", "rename", "double"))):
        case "delete":
            del container[key]
        case "replace":
            container[key] = draw(st.one_of(trees, st.sampled_from(WORDS)))
        case "borrow":
            other, its = draw(st.sampled_from(places))
            container[key] = copy.deepcopy(other[its])
        case "rename" if isinstance(container, dict):
            container[str(draw(st.one_of(st.sampled_from(WORDS), st.text(max_size=8))))] = container.pop(key)
        case _ if isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        case _:
            container[key] = [container[key], container[key]]
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a tree as its container and key."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """Draw a good document of any kind with up to three nodes changed."""
    tree = yaml.safe_load(draw(st.sampled_from(GOOD_ONES)))
    for _ in range(draw(st.integers(1, 3))):
        if isinstance(tree, dict) and tree:
            tree = mutated(draw, tree)
    return tree


@given(mutants())
def test_a_good_document_with_changed_nodes_is_read_or_refused(tree: Any) -> None:
    read(json.dumps(tree))


@given(mutants())
def test_what_is_read_of_a_mutant_is_written_and_read_again(tree: Any) -> None:
    for each in examine(json.dumps(tree), "f.json", ANYWHERE):
        if isinstance(each, Parsed):
            assert load_one(to_yaml(each.document), "g.yaml") == each.document


@given(st.text(max_size=40))
def test_a_string_survives_writing(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    data = json.dumps(
        {
            "apiVersion": "federation.edict.dev/v1alpha1",
            "kind": "ManagedCluster",
            "metadata": {"name": "a", "annotations": {"k": text}},
            "spec": {"plugin": "other"},
        }
    )
    try:
        original = parse_document(data, "f.json")
    except DocumentError:
        return  # YAML holds less than JSON: no control characters
    assert parse_document(to_yaml(original), "g.yaml") == original


@given(specs)
def test_a_document_survives_writing(spec: PolicySpec) -> None:
    original = document("one", spec)
    written = to_yaml(original)
    assert parse_document(written, "f.yaml") == original
    assert to_yaml(parse_document(written, "f.yaml")) == written
