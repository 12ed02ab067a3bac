"""A stolen hub with a stolen team's key beside it, and a publisher who publishes what it is given."""

from __future__ import annotations

from typing import Any

from tuf.api.metadata import Metadata, TargetFile, Targets

from edict.trust.limits import FIELD
from edict.trust.roles import TARGETS
from tests.attacks import weak
from tests.attacks.harness import attack
from tests.attacks.thief import forged
from tests.attacks.victims import Victim, message
from tests.unit.trust.federation import Federation, cluster, policy


def _limit(fed: Federation, **limits: Any) -> None:
    """Have the targets role limit the team."""

    def edit(top: Targets) -> None:
        assert top.delegations is not None
        assert top.delegations.roles is not None
        top.delegations.roles["policies/net"].unrecognized_fields = {FIELD: limits}

    fed.metadata[TARGETS] = forged(fed.metadata[TARGETS], edit, fed.keys.targets)


@attack("has a team's policies in a tier that the team may not use", without=[weak.NO_LIMITS])
async def test_a_tier_beyond_the_team_s_limits(fed: Federation, victim: Victim) -> bool:
    _limit(fed, tiers=["Baseline"])
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/deny")


@attack("has a team's policies before all others", without=[weak.NO_LIMITS])
async def test_a_priority_beyond_the_team_s_limits(fed: Federation, victim: Victim) -> bool:
    _limit(fed, priorities={"first": 100, "last": 200})
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/deny")


@attack("has a team's policies take an action that it may not", without=[weak.NO_LIMITS])
async def test_an_action_beyond_the_team_s_limits(fed: Federation, victim: Victim) -> bool:
    _limit(fed, actions=["Accept", "Pass"])
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/deny")


@attack("has a team's policies speak about other namespaces than the team's", without=[weak.NO_LIMITS])
async def test_namespaces_beyond_the_team_s_limits(fed: Federation, victim: Victim) -> bool:
    _limit(fed, namespaces=["shop"])
    await victim.hears(message(fed.publish(), fed.blobs))
    namespaces: Any = victim.policies["net/deny"].spec.policy.subject.namespaces
    return not namespaces.match_expressions


@attack("has a team's policies count on clusters that are not the team's", without=[weak.NO_CLUSTER_LIMITS])
async def test_clusters_beyond_the_team_s_limits(fed: Federation, victim: Victim) -> bool:
    _limit(fed, clusters={"matchLabels": {"env": "test"}})
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/deny")


def _entry(fed: Federation, role: str, path: str) -> TargetFile:
    return Metadata[Targets].from_bytes(fed.metadata[role]).signed.targets[path]


def _names(fed: Federation, path: str, entry: TargetFile) -> None:
    """Have the team's own bin of a path name it."""
    delegations: Any = Metadata[Targets].from_bytes(fed.metadata["policies/net"]).signed.delegations
    role = delegations.succinct_roles.get_role_for_target(path)

    def add(signed: Targets) -> None:
        signed.targets[path] = entry

    fed.metadata[role] = forged(fed.metadata[role], add, fed.keys.teams["net"])


@attack("has a team name a policy in another team's folder", without=[weak.ANY_PATH])
async def test_a_path_of_another_team(fed: Federation, victim: Victim) -> bool:
    _names(fed, "policies/pay/deny", _entry(fed, "policies/net-4", "policies/net/deny"))
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("pay/deny")


@attack("has a team's path climb out of its folder", without=[weak.ANY_PATH])
async def test_a_path_that_climbs(fed: Federation, victim: Victim) -> bool:
    _names(fed, "policies/net/../deny", _entry(fed, "policies/net-4", "policies/net/deny"))
    await victim.hears(message(fed.publish(), fed.blobs))
    return victim.enforces("net/../deny")


@attack("has a team take a cluster's own name in the inventory", without=[weak.ANY_PATH])
async def test_a_cluster_named_by_a_team(fed: Federation, victim: Victim) -> bool:
    """Roles are read in order, so that a team's word would come last and stand: here, which labels the cluster has."""
    fed.put(policy("prod", selector="{matchLabels: {env: prod}}"))
    other = Federation(keys=fed.keys)
    other.put(cluster("a", "{env: test}"))
    _names(fed, "inventory/a", _entry(other, "inventory", "inventory/a"))
    await victim.hears(message(fed.publish(), {**fed.blobs, **other.blobs}))
    return victim.enforces("net/deny") and not victim.enforces("net/prod")
