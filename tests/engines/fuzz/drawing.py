"""What is drawn for one random cluster."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from edict.policy.local import NetworkPolicy
from edict_agent.translate import PlacedPolicy
from tests.engines.fuzz.local import local_policies
from tests.engines.fuzz.parts import Kind
from tests.engines.fuzz.policies import placed_policies
from tests.engines.fuzz.worlds import NODE_CIDRS, POD_CIDRS, WORLDS

_KINDS = st.sampled_from((*(Kind.COMMON,) * 6, *(Kind.LENIENT,) * 2, *(Kind.WHOLE,) * 2))
_CLUSTERS = st.integers(0, WORLDS - 1)
_POLICIES = {kind: placed_policies(kind) for kind in Kind}
_LOCAL = local_policies()
_SELDOM = st.sampled_from((False, False, False, True))
_DICE = st.integers(0, 2**16)


@dataclass(frozen=True)
class Drawn:
    """What is drawn: policies of a kind, a cluster by its number, the cluster's own policies, what is known of it, and
    the die for flows.
    """

    kind: Kind
    cluster: int
    policies: list[PlacedPolicy]
    local: list[NetworkPolicy]
    pod_cidrs: tuple[str, ...] | None
    node_cidrs: tuple[str, ...] | None
    die: int


@st.composite
def drawn(draw: st.DrawFn, given: Kind | None = None) -> Drawn:
    """Draw one; three of five are of common policies. Where all of the language is drawn some facts are not known."""
    kind = given or draw(_KINDS)
    return Drawn(
        kind=kind,
        cluster=draw(_CLUSTERS),
        policies=draw(_POLICIES[kind]),
        local=draw(_LOCAL),
        pod_cidrs=None if kind is Kind.WHOLE and draw(_SELDOM) else POD_CIDRS,
        node_cidrs=None if kind is Kind.WHOLE and draw(_SELDOM) else NODE_CIDRS,
        die=draw(_DICE),
    )
