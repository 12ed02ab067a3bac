"""Reading is strict, and every refusal has a code, a place with a line, and a remedy."""

from __future__ import annotations

import pytest

from edict.errors import DocumentError
from edict.policy.documents import FederatedNetworkPolicy, ManagedCluster
from edict.policy.parse import load_one, parse_all, parse_document, parse_documents, to_yaml
from tests.unit.policy.documents import BASE, CLUSTER, UPSTREAM, changed

REFUSED = [
    pytest.param("tier: Admin", "teir: Admin", "0107", "spec.policy.teir f.yaml:9", "write tier", id="typo"),
    pytest.param("tier: Admin", "tier: admin", "0109", "spec.policy.tier f.yaml:9", "Admin or Baseline", id="enum"),
    pytest.param("    tier: Admin\n", "", "0108", "spec.policy f.yaml:8", "add spec.policy.tier", id="missing"),
    pytest.param("priority: 10", "priority: '10'", "0109", "priority f.yaml:10", "", id="string-for-int"),
    pytest.param("priority: 10", "priority: true", "0109", "priority f.yaml:10", "", id="bool-for-int"),
    pytest.param("priority: 10", "priority: 10.0", "0109", "priority f.yaml:10", "", id="float-for-int"),
    pytest.param("priority: 10", "priority: 1001", "0109", "priority f.yaml:10", "", id="too-high"),
    pytest.param("priority: 10", "priority: 012", "0104", "priority f.yaml:10", "decimal", id="octal"),
    pytest.param("priority: 10", "priority: 0xA", "0104", "priority f.yaml:10", "decimal", id="hex"),
    pytest.param("priority: 10", "priority: 1_0", "0104", "priority f.yaml:10", "decimal", id="underscore"),
    pytest.param("priority: 10", "priority: 1:30", "0104", "priority f.yaml:10", "decimal", id="sexagesimal"),
    pytest.param("priority: 10", "priority: .nan", "0104", "priority f.yaml:10", "decimal", id="nan"),
    pytest.param("priority: 10", "priority: -.inf", "0104", "priority f.yaml:10", "decimal", id="infinity"),
    pytest.param("priority: 10", "priority: " + "9" * 5000, "0104", "priority f.yaml:10", "quote", id="huge"),
    pytest.param("name: out", "name: on", "0104", "egress[0].name f.yaml:14", "quote", id="on"),
    pytest.param("name: out", "name: No", "0104", "egress[0].name f.yaml:14", "quote", id="norway"),
    pytest.param("name: out", "name: True", "0104", "egress[0].name f.yaml:14", "quote", id="True"),
    pytest.param("name: out", "name: y", "0104", "egress[0].name f.yaml:14", "quote", id="y"),
    pytest.param("name: out", "name: 1", "0109", "egress[0].name f.yaml:14", "quote", id="int-for-string"),
    pytest.param("name: out", "on: out", "0104", "egress[0] f.yaml:14", "quote", id="on-as-key"),
    pytest.param("name: out", "1: out", "0104", "egress[0] f.yaml:14", "quote", id="int-as-key"),
    pytest.param("name: out", "? [a]\n        : out", "0104", "f.yaml:14", "key: value", id="list-as-key"),
    pytest.param("name: out", "name: &x out", "0104", "f.yaml:14", "write the value out", id="anchor"),
    pytest.param("name: out", "name: *x", "0104", "f.yaml:14", "write the value out", id="alias"),
    pytest.param("name: out", "<<: {name: out}", "0104", "f.yaml:14", "", id="merge"),
    pytest.param("name: out", "name: !!str out", "0104", "f.yaml:14", "remove it", id="tag"),
    pytest.param("name: out", "name: !python/object:x {}", "0104", "f.yaml:14", "remove it", id="python-tag"),
    pytest.param("name: out", "name: a\n        name: b", "0103", "f.yaml:15", "remove one", id="duplicate"),
    pytest.param("name: out", 'name: a\n        "name": b', "0103", "f.yaml:15", "remove one", id="quoted-duplicate"),
    pytest.param("name: out", "name: [", "0101", "f.yaml:1", "", id="syntax"),
    pytest.param("name: out", "name: \x07", "0101", "f.yaml", "", id="control-character"),
    pytest.param("namespaces: {}", "namespaces:", "0109", "namespaces f.yaml:12", "namespaces: {}", id="null"),
    pytest.param("apiVersion: fed", "apiVersion: fad", "0105", "apiVersion f.yaml:1", "apiVersion:", id="version"),
    pytest.param(
        "kind: FederatedNetworkPolicy",
        "kind: FederatedNetworkPolcy",
        "0105",
        "kind f.yaml:2",
        "kind: FederatedNetworkPolicy",
        id="kind",
    ),
    pytest.param("kind: FederatedNetworkPolicy\n", "", "0108", "f.yaml:1", "kind: ", id="no-kind"),
    pytest.param("apiVersion:", "%TAG !x! y\n---\napiVersion:", "0104", "f.yaml", "", id="directive"),
    pytest.param("name: out", "name: " + "[" * 40 + "]" * 40, "0102", "f.yaml:14", "flatten", id="deep"),
    pytest.param("name: out", "name: " + "a" * 300_000, "0102", "f.yaml:14", "split", id="large"),
]


@pytest.mark.parametrize(("old", "new", "code", "where", "remedy"), REFUSED)
def test_what_is_refused(old: str, new: str, code: str, where: str, remedy: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(changed(old, new).encode(), "f.yaml")
    assert caught.value.code == f"EDICT{code}"
    assert where in caught.value.where
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.diagnostics()


def test_the_subject_of_an_error_is_named() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(changed("tier: Admin", "tier: admin"), "f.yaml")
    assert caught.value.where == "FederatedNetworkPolicy deny-egress spec.policy.tier f.yaml:9"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x80", "\ud800", b"a: \xc3"])
def test_what_is_not_utf8_is_refused(data: bytes | str) -> None:
    with pytest.raises(DocumentError, match="UTF-8"):
        parse_document(data, "f.yaml")


@pytest.mark.parametrize("data", ["[]", "just text", "12", "- a"])
def test_what_is_no_mapping_is_refused(data: str) -> None:
    with pytest.raises(DocumentError, match="a document is a mapping"):
        parse_document(data, "f.yaml")


def test_aliases_are_refused_where_they_would_multiply() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\n"
    with pytest.raises(DocumentError) as caught:
        parse_document(bomb, "f.yaml")
    assert caught.value.code == "EDICT0104"


def test_a_file_may_hold_several_documents_and_empty_ones() -> None:
    documents = parse_documents(f"---\n---\n{BASE}---\n{CLUSTER}...\n---\n", "f.yaml")
    assert [type(document) for document in documents] == [FederatedNetworkPolicy, ManagedCluster]


def test_lines_count_from_the_beginning_of_the_file() -> None:
    second = parse_all(f"{BASE}---\n{CLUSTER}", "f.yaml")[1]
    assert second.origin.where("", "spec.plugin") == "spec.plugin f.yaml:29"
    assert second.origin.line("spec.nothing.there") == 28


@pytest.mark.parametrize("data", ["", "# nothing\n", f"{BASE}---\n{CLUSTER}"])
def test_one_document_is_wanted_where_one_is_wanted(data: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(data, "f.yaml")
    assert caught.value.code == "EDICT0110"


def test_a_bare_upstream_manifest_is_recognised() -> None:
    with pytest.raises(DocumentError) as caught:
        load_one(UPSTREAM, "f.yaml")
    assert caught.value.code == "EDICT0106"
    assert "edict sign -f FILE --placement all" in caught.value.remedy


def test_json_is_yaml() -> None:
    data = '{"apiVersion": "federation.edict.dev/v1alpha1", "kind": "ManagedCluster", "metadata": {"name": "a"},'
    assert parse_document(data + ' "spec": {"plugin": "other"}}', "f.json").metadata.name == "a"


def test_quoted_scalars_are_strings() -> None:
    document = parse_document(changed("name: out", 'name: "on"'), "f.yaml")
    assert isinstance(document, FederatedNetworkPolicy)
    assert document.spec.policy.egress[0].name == "on"


@pytest.mark.parametrize(
    "name", ["on", "1e5", "0x10", "2026-01-01", "null", "~", "a: b", "# x", " x", "é", "1:30", "'"]
)
def test_a_written_string_reads_back_as_itself(name: str) -> None:
    document = parse_document(changed("name: out", f'name: "{name}"'), "f.yaml")
    written = to_yaml(document)
    assert parse_document(written, "g.yaml") == document
    assert to_yaml(parse_document(written, "g.yaml")) == written


def test_a_document_has_one_spelling() -> None:
    one = changed("namespaces: {}", "namespaces: {matchLabels: {a: one, b: two}}")
    other = changed("namespaces: {}", "namespaces: {matchLabels: {b: two, a: one}}")
    assert to_yaml(parse_document(one, "f")) == to_yaml(parse_document(other, "f"))
    assert b"mode:" not in to_yaml(parse_document(one, "f"))


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\r", "\u202e", "\u2066"])
def test_a_line_ends_where_every_reader_ends_it(character: str) -> None:
    """Behind a comment, one reader would see a rule that another does not."""
    hidden = f"a: 1\n# reviewed{character}b: 2\n"
    with pytest.raises(DocumentError, match="EDICT0104") as caught:
        parse_documents(hidden, "x.yaml")
    assert "x.yaml:2" in caught.value.where


@pytest.mark.parametrize("text", ["1e3", "1.5e3", "1e400", "2001-01-01", "2001-01-01T00:00:00Z"])
def test_a_scalar_that_readers_type_differently_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="EDICT0104"):
        parse_documents(f"a: {text}\n", "x.yaml")


def test_a_long_key_and_many_values_cost_nothing() -> None:
    for text in ("? " + "k" * 128_000 + "\n: {a: 1}\n", "a: [" + "1," * 60_000 + "1]\n"):
        with pytest.raises(DocumentError, match="EDICT0102"):
            parse_documents(text, "x.yaml")
