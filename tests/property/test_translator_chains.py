"""A change that moves a policy that moves the next: a kept translator plans as a fresh one to the end of the chain."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edict.ids import Digest
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Translator, translate
from tests.property.world import AGENT, NODE_CIDRS, POD_CIDRS
from tests.unit.translate.placed import namespace, policy, rule, tcp, udp

FACTS = Facts(
    plugin_version="1.20.2",
    pod_cidrs=POD_CIDRS,
    node_cidrs=NODE_CIDRS,
    options={"enable-sctp": "true", "enable-k8s-cluster-network-policy": "true"},
    cluster_name="default",
)


def signed(one: PlacedPolicy) -> PlacedPolicy:
    """Return a policy with the digest of what it says."""
    said = msgspec.json.encode((one.id, one.document))
    return msgspec.structs.replace(one, digest=Digest(sha256(said).hexdigest()))


SHOP = {"namespaces": namespace("shop")}
SPOKEN: tuple[list[dict[str, Any]], ...] = ([udp(53), tcp(53)], [tcp(53)], [tcp(53), {"icmp": {}}])


@st.composite
def chained(draw: st.DrawFn, name: str, priority: int) -> PlacedPolicy:
    """Draw a policy that shares pods with the one before and the one behind it, and with no other."""
    action = draw(st.sampled_from(("Accept", "Accept", "Deny", "Deny", "Pass")))
    whose = namespace(f"n{priority}", f"n{priority + 1}")
    said = rule(action, SHOP, protocols=draw(st.sampled_from(SPOKEN)))
    return policy(name, priority=priority, subject={"namespaces": whose}, egress=(said,))


CHAIN = st.tuples(*(chained(name, priority) for priority, name in enumerate("abcd", start=1)))


@given(release=CHAIN, change=CHAIN, which=st.sets(st.integers(0, 3), min_size=1, max_size=2))
@settings(max_examples=300)
def test_one_change_goes_as_far_as_it_must(
    release: tuple[PlacedPolicy, ...], change: tuple[PlacedPolicy, ...], which: set[int]
) -> None:
    after = [change[index] if index in which else release[index] for index in range(4)]
    translator = Translator(Dialect.CILIUM_TIERS, FACTS, AGENT)
    for policies in ([signed(one) for one in release], [signed(one) for one in after]):
        assert translator.translate(policies) == translate(Dialect.CILIUM_TIERS, policies, FACTS, AGENT)


def test_what_moves_behind_the_tiers_moves_what_follows_it() -> None:
    """Nothing is refused, and the policy that changes shares no pod with the one that it moves."""
    one = partial(policy, "a", priority=1, subject={"namespaces": namespace("a")})
    asking = one(egress=(rule("Accept", SHOP, protocols=[udp(53), tcp(53)]),))
    silent = one(egress=(rule("Accept", SHOP, protocols=[tcp(80)]),))
    others = [
        policy(name, priority=priority, subject={"namespaces": namespace(*whose)}, egress=(said,))
        for name, priority, whose, said in (
            ("b", 2, ("a", "b"), rule("Deny", SHOP, protocols=[tcp(53)])),
            ("c", 3, ("b",), rule("Accept", SHOP, protocols=[tcp(53)])),
        )
    ]
    translator = Translator(Dialect.CILIUM_TIERS, FACTS, AGENT)
    kinds = []
    for first in (silent, asking, silent):
        policies = [signed(each) for each in (first, *others)]
        plan = translator.translate(policies)
        assert plan == translate(Dialect.CILIUM_TIERS, policies, FACTS, AGENT)
        kinds.append({each.policy[-1]: each.kind for each in plan.objects})
    assert [each["c"] for each in kinds] == [
        "ClusterNetworkPolicy",
        "CiliumClusterwideNetworkPolicy",
        "ClusterNetworkPolicy",
    ]
