"""What a delegator does not let a team say counts nowhere, whatever the team, the hub and the publisher sign."""

from __future__ import annotations

from typing import Any

import pytest
from tuf.api.metadata import Targets

from edict.errors import TrustError
from edict.ids import ClusterName, digest_of
from edict.policy.documents import FederatedNetworkPolicy
from edict.trust import documents, verify
from edict.trust.documents import read_document
from edict.trust.limits import FIELD
from edict.trust.placement import placed
from edict.trust.roles import TARGETS
from edict.trust.state import TrustState
from tests.unit.trust.federation import NOW, Federation, cluster, policy
from tests.unit.trust.test_verify import resigned


def limited(limits: Any, *contents: bytes) -> tuple[Federation, TrustState]:
    """A federation whose one team has limits, and its verified release."""
    fed = Federation()

    def limit(top: Targets) -> None:
        assert top.delegations is not None
        assert top.delegations.roles is not None
        top.delegations.roles["policies/net"].unrecognized_fields = {FIELD: limits}

    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, limit)
    fed.put(cluster("a", "{env: prod}"), cluster("b", "{env: dev}"), *contents)
    return fed, verify.advance(fed.pinned(), fed.publish(), now=NOW)


def read(fed: Federation, state: TrustState, path: str = "policies/net/deny") -> FederatedNetworkPolicy:
    target = state.documents[path]
    document = read_document(target, fed.blobs[target.digest])
    assert isinstance(document, FederatedNetworkPolicy)
    return document


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"tiers": ["Baseline"]}, "tier Admin"),
        ({"priorities": {"first": 100, "last": 200}}, "priority 10"),
        ({"priorities": {"first": 0, "last": 9}}, "priority 10"),
        ({"actions": ["Accept", "Pass"]}, "action Deny"),
    ],
)
def test_what_is_beyond_the_limits_is_refused(limits: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fed, state = limited(limits, policy("deny"))
    with pytest.raises(TrustError, match=f"EDICT0215.*{said}"):
        read(fed, state)
    monkeypatch.setattr(documents, "limited", lambda document, *_: document)
    assert read(fed, state).metadata.name == "deny", "without the check the team says what it may not"


def test_what_is_within_the_limits_is_as_it_was_signed() -> None:
    limits = {"tiers": ["Admin"], "priorities": {"first": 10, "last": 10}, "actions": ["Deny"]}
    fed, state = limited(limits, policy("deny"))
    free, plain = limited({}, policy("deny"))
    assert read(fed, state) == read(free, plain)


def test_a_subject_is_narrowed_to_the_team_s_namespaces() -> None:
    content = policy("deny")
    fed, state = limited({"namespaces": ["shop", "pay"]}, content)
    subject = read(fed, state).spec.policy.subject
    assert subject.namespaces is not None
    (requirement,) = subject.namespaces.match_expressions  # type: ignore[union-attr]
    assert (requirement.key, requirement.values) == ("kubernetes.io/metadata.name", ("pay", "shop"))
    assert state.documents["policies/net/deny"].digest == digest_of(content), "the document is still the signed one"


def test_pods_are_narrowed_beside_their_own_selector() -> None:
    content = policy("deny").replace(
        b"{namespaces: {}}", b"{pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}}"
    )
    fed, state = limited({"namespaces": ["shop"]}, content)
    pods = read(fed, state).spec.policy.subject.pods
    assert pods.namespace_selector.match_labels == {"team": "blue"}  # type: ignore[union-attr]
    assert pods.namespace_selector.match_expressions[0].values == ("shop",)  # type: ignore[union-attr]


def test_a_policy_counts_only_on_the_team_s_clusters() -> None:
    _, state = limited({"clusters": {"matchLabels": {"env": "dev"}}}, policy("deny"))
    assert [target.path for target in placed(state, ClusterName("a"))] == ["inventory/a"]
    assert [target.path for target in placed(state, ClusterName("b"))] == ["inventory/b", "policies/net/deny"]
    _, free = limited({}, policy("deny"))
    assert len(placed(free, ClusterName("a"))) == 2, "without the limit the policy is placed on both"


@pytest.mark.parametrize(
    "limits",
    [
        {"tier": ["Admin"]},
        {"tiers": []},
        {"tiers": ["admin"]},
        {"priorities": {"first": 5, "last": 4}},
        {"priorities": {"first": 0, "last": 1001}},
        {"namespaces": []},
        {"namespaces": ["a", "a"]},
        {"namespaces": ["*"]},
        {"clusters": {"matchLabel": {}}},
        ["Admin"],
        None,
    ],
)
def test_limits_that_are_not_understood_reject_the_release(limits: Any) -> None:
    with pytest.raises(TrustError, match="EDICT0214"):
        limited(limits, policy("deny"))


def test_the_inventory_has_no_limits() -> None:
    fed = Federation()

    def limit(top: Targets) -> None:
        assert top.delegations is not None
        assert top.delegations.roles is not None
        top.delegations.roles["inventory"].unrecognized_fields = {FIELD: {"tiers": ["Admin"]}}

    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, limit)
    with pytest.raises(TrustError, match="EDICT0214"):
        verify.advance(fed.pinned(), fed.publish(), now=NOW)


def test_new_limits_count_for_documents_that_did_not_change() -> None:
    fed, state = limited({}, policy("deny"))
    assert read(fed, state).spec.policy.priority == 10

    def tighten(top: Targets) -> None:
        top.version += 1
        assert top.delegations is not None
        assert top.delegations.roles is not None
        top.delegations.roles["policies/net"].unrecognized_fields = {FIELD: {"tiers": ["Baseline"]}}

    fed.metadata[TARGETS] = resigned(fed.metadata[TARGETS], fed.keys.targets, tighten)
    after = verify.advance(state, fed.publish(), now=NOW)
    with pytest.raises(TrustError, match="EDICT0215"):
        read(fed, after)
