"""Reading never fails but by saying what is wrong, and what is written reads back as itself."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edict.errors import DocumentError
from edict.policy.documents import Placement
from edict.policy.model import LabelSelector, PolicySpec
from edict.policy.parse import is_bare_upstream, load, parse_document, to_yaml, wrap_upstream
from tests.property.strategies import document, specs

EXAMPLES = [file.read_text() for file in sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))]
PIECES = ["on", "0x1F", "1:30", "&a", "*a", "!!str", "<<:", "{}", "[", "]", "null", "~", "\t", "---\n", "%x", ".nan"]
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
