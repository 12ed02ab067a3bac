from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from edict_agent.reconcile.compare import conforms, foreign_fields, is_labelled, is_ours

LABEL = "app.kubernetes.io/managed-by"
POLICY = "federation.edict.dev/policy"
RENDERED: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {LABEL: "edict", POLICY: "a.b"}, "annotations": {"digest": "1"}},
    "spec": {"selector": {"a": "b"}, "rules": [{"ports": [80]}], "order": 5},
}
OWNED: dict[str, Any] = {
    "f:metadata": {"f:labels": {f"f:{LABEL}": {}, f"f:{POLICY}": {}}, "f:annotations": {"f:digest": {}}},
    "f:spec": {"f:selector": {"f:a": {}}, "f:rules": {}, "f:order": {}},
}


def live(owned: dict[str, Any] | None = OWNED, others: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """What the server has after our apply, with changes."""
    body = deepcopy(RENDERED)
    body["spec"] |= spec
    fields = [{"manager": "edict-agent", "operation": "Apply", "fieldsV1": owned}] if owned is not None else []
    fields += [{"manager": "somebody", "operation": "Update", "fieldsV1": others}] if others else []
    body["metadata"]["managedFields"] = deepcopy(fields)
    return body


def without(path: str) -> dict[str, Any]:
    owned = deepcopy(OWNED)
    del owned["f:spec"][path]
    return owned


def with_more(path: str) -> dict[str, Any]:
    owned = deepcopy(OWNED)
    owned["f:spec"][path] = {}
    return owned


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(live(), True, id="as we applied it"),
        pytest.param(live(defaulted="by the server"), True, id="a default beside ours"),
        pytest.param(live(rules=[{"ports": [80], "source": {}}]), True, id="an empty default inside a list"),
        pytest.param(live(order=6), False, id="another value"),
        pytest.param(live(rules=[]), False, id="a shorter list"),
        pytest.param(live(rules=[{"ports": [80]}, {"ports": [81]}]), False, id="a longer list"),
        pytest.param(live(rules=[{"ports": [80], "source": {"nets": ["::/0"]}}]), False, id="more inside a list"),
        pytest.param(live(selector={}), False, id="a missing value"),
        pytest.param(live(owned=None), False, id="applied by nobody"),
        pytest.param(live(owned=without("f:order")), False, id="a field that somebody took over"),
        pytest.param(live(owned=with_more("f:gone")), False, id="a field that we no longer render"),
        pytest.param(live(others={"f:spec": {"f:more": {}}}, more=1), False, id="a foreign field"),
        pytest.param(live(others={"f:spec": {"f:order": {}}}), True, id="a field that somebody shares"),
        pytest.param(live(others={"f:metadata": {"f:labels": {"f:theirs": {}}}}), True, id="a foreign label"),
    ],
)
def test_an_object_conforms_when_applying_it_would_change_nothing(seen: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a column
    assert conforms(RENDERED, seen) is expected


def test_a_missing_label_is_drift() -> None:
    seen = live()
    del seen["metadata"]["labels"]
    assert not conforms(RENDERED, seen)


def test_foreign_fields_are_the_outermost_that_we_do_not_render() -> None:
    others: dict[str, Any] = {"f:spec": {"f:selector": {"f:c": {}}, "f:more": {"f:deep": {}}, "f:absent": {}}}
    seen = live(others=others, selector={"a": "b", "c": "d"}, more={"deep": 1})
    assert foreign_fields(RENDERED, seen) == [("spec", "selector", "c"), ("spec", "more")]


def test_fields_that_a_controller_sets_on_a_subresource_are_no_concern_of_ours() -> None:
    seen = live()
    status = {
        "manager": "operator",
        "operation": "Update",
        "subresource": "status",
        "fieldsV1": {"f:spec": {"f:x": {}}},
    }
    seen["metadata"]["managedFields"].append(status)
    assert not foreign_fields(RENDERED, {**seen, "spec": {**seen["spec"], "x": 1}})


def test_only_what_carries_both_labels_is_ever_removed() -> None:
    assert is_labelled(live())
    for label in (LABEL, POLICY):
        seen = live()
        del seen["metadata"]["labels"][label]
        assert not is_labelled(seen)


def test_what_lost_its_label_is_still_ours_but_never_removed() -> None:
    seen = live()
    del seen["metadata"]["labels"]
    assert is_ours(seen)
    assert not is_labelled(seen)
    del seen["metadata"]["managedFields"]
    assert not is_ours(seen)


def of_several(owned: dict[str, Any], others: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What the server has of an object that says the same in ``specs``, which Cilium's policies have."""
    body = live({"f:metadata": OWNED["f:metadata"]} | owned, others)
    del body["spec"]
    return body | {"specs": deepcopy(SEVERAL["specs"])} | more


SEVERAL: dict[str, Any] = {"metadata": RENDERED["metadata"], "specs": [{"order": 1}, {"order": 2}]}
ALONE: dict[str, Any] = {"f:specs": {}}


@pytest.mark.parametrize(
    ("seen", "expected", "foreign"),
    [
        pytest.param(of_several(ALONE), True, [], id="as we applied it"),
        pytest.param(of_several(ALONE, specs=[{"order": 1}]), False, [], id="a shorter list"),
        pytest.param(of_several(ALONE, specs=[{"order": 1}, {"order": 3}]), False, [], id="another value"),
        pytest.param(of_several({}), False, [], id="somebody took it over"),
        pytest.param(
            of_several(ALONE, {"f:spec": {".": {}, "f:a": {}}}, spec={"a": 1}), False, [("spec",)], id="a foreign spec"
        ),
    ],
)
def test_several_specs_are_held_as_one_is(
    seen: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a column
    foreign: list[tuple[str, ...]],
) -> None:
    assert conforms(SEVERAL, seen) is expected
    assert foreign_fields(SEVERAL, seen) == foreign


def test_specs_beside_a_spec_are_foreign() -> None:
    seen = live(others={"f:specs": {}}) | {"specs": [{"order": 1}]}
    assert not conforms(RENDERED, seen)
    assert foreign_fields(RENDERED, seen) == [("specs",)]
