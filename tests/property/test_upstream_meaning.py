"""What is rendered as upstream objects, read back and decided by the reference, means what our policies mean.

The engine that upstream has is asked in tests/engines; here the reference reads ClusterNetworkPolicies, which are its
own language, and NetworkPolicies, which it knows as the cluster's own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from edict.policy.documents import FederatedNetworkPolicy
from edict.policy.local import NetworkPolicy, network_policy
from edict.policy.lockout import NAMESPACE_NAME
from edict.policy.model import PolicySpec
from edict.policy.parse import load_one
from edict.policy.rules import Direction
from edict.policy.semantics import decide
from edict_agent.translate import Dialect, Facts, PlacedPolicy, RenderedObject, translate
from tests.property.connections import Connection, interesting
from tests.property.strategies import local_policies, placed_policies, plain_policies, sayable_policies
from tests.property.world import (
    AGENT,
    NAMESPACES,
    NODE_CIDRS,
    PLACES,
    POD_CIDRS,
    allowed,
    application_of,
    flow,
    world_of,
)

NOBODY = "there-is-no-such-namespace"
"""The reference keeps the way out of an agent's namespace by itself; of what is rendered it must not."""
FACTS = Facts(
    pod_cidrs=POD_CIDRS,
    node_cidrs=NODE_CIDRS,
    egress_peers=("namespaces", "networks", "pods"),
    namespaces={one[NAMESPACE_NAME]: one for one in NAMESPACES},
)


def read_back(objects: Sequence[RenderedObject]) -> list[PolicySpec]:
    """Return ClusterNetworkPolicies as documents: what upstream would refuse is refused here too."""
    found = []
    for one in objects:
        policy = {
            "apiVersion": "federation.edict.dev/v1alpha1",
            "kind": "FederatedNetworkPolicy",
            "metadata": {"name": "x"},
            "spec": {"placement": {"clusterSelector": {}}, "policy": one.body["spec"]},
        }
        document = load_one(json.dumps(policy), one.name)
        assert isinstance(document, FederatedNetworkPolicy)
        found.append(document.spec.policy)
    return found


def decided(
    cluster: Sequence[PolicySpec], local: Sequence[NetworkPolicy], connection: Connection, *, application: bool | None
) -> bool:
    """Return the verdict of policies and of the cluster's own ones beside what the application has."""
    direction, subject, other, spoken = connection
    ends = (subject, other) if direction is Direction.EGRESS else (other, subject)
    beside = [*local, *application_of(direction, subject, allows=application)]
    verdicts = {
        decide(named, beside, world_of(ends), direction, flow(*ends, spoken), NOBODY).allows  # type: ignore[union-attr]
        for named in (
            [(f"{index:04}", policy) for index, policy in enumerate(order)] for order in (cluster, cluster[::-1])
        )
    }
    assert len(verdicts) == 1, "two objects of one priority say different things"
    return verdicts.pop()


def agree(dialect: Dialect, policies: list[PlacedPolicy], asked: Sequence[Connection]) -> int:
    """Compare the verdicts on connections; return how many policies were not refused."""
    plan = translate(dialect, policies, FACTS, AGENT)
    refused = {one.policy for one in plan.policies if one.refused}
    kept = [policy.document.spec.policy for policy in policies if policy.id not in refused]
    cluster = read_back(plan.objects) if dialect is Dialect.CLUSTER_NETWORK_POLICY else []
    local = [network_policy(one.body) for one in plan.objects] if dialect is Dialect.NETWORK_POLICY else []
    for connection in asked:
        for application in (None, True, False):
            meant = allowed(kept, *connection, application=application)
            made = decided(cluster, local, connection, application=application)
            assert made is meant, (connection, application)
    return len(kept)


@given(
    policies=st.one_of(plain_policies(), sayable_policies(), placed_policies()),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_cluster_network_policies_mean_the_same(policies: list[PlacedPolicy], random: Random) -> None:
    asked = interesting(policies, random, PLACES)
    event(f"{agree(Dialect.CLUSTER_NETWORK_POLICY, policies, asked)} kept")


@given(
    policies=local_policies(),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=100)
def test_network_policies_mean_the_same(policies: list[PlacedPolicy], random: Random) -> None:
    asked = interesting(policies, random, PLACES)
    event(f"{agree(Dialect.NETWORK_POLICY, policies, asked)} kept")
