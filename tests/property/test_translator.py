"""A translator that is kept makes of each set of policies what a fresh one makes, whatever it translated before."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edict.ids import digest_of
from edict.policy.lockout import EVERY_NETWORK, NAMESPACE_NAME
from edict.policy.model import (
    Action,
    EgressPeer,
    EgressRule,
    LabelSelector,
    LabelSelectorRequirement,
    Operator,
    PolicySpec,
    Port,
    Protocol,
    Subject,
    Tier,
    TransportMatch,
)
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Translator, translate
from edict_agent.translate import _translate as translating
from edict_agent.translate.past import Past
from tests.property.strategies import document, placed_policies

AGENT = "edict-system"
CIDRS = ("10.244.0.0/16", "fd00:1::/32")
KNOWN = Facts(
    plugin_version="1.20.2",
    pod_cidrs=CIDRS,
    node_cidrs=CIDRS,
    options={"cluster-id": "0", "enable-k8s-cluster-network-policy": "true"},
    cluster_name="default",
    egress_peers=("domainNames", "networks", "nodes"),
    namespaces={name: {"a": name, NAMESPACE_NAME: name} for name in ("x", "y")},
)
"""Facts by which most is exact, so that what policies do to each other is what decides."""
ALL = pytest.mark.parametrize("dialect", list(Dialect))


def _selecting(*names: str) -> LabelSelector:
    wanted = LabelSelectorRequirement(NAMESPACE_NAME, Operator.IN, names)
    return LabelSelector(match_expressions=(wanted,)) if names else LabelSelector()


NOBODY = LabelSelector({"a": "x"}, (LabelSelectorRequirement("a", Operator.DOES_NOT_EXIST),))
PORT = Protocol(tcp=TransportMatch(Port(number=80)))
NAMES = EgressPeer(domain_names=("example.com",))
PEERS = (
    EgressPeer(namespaces=_selecting("x")),
    EgressPeer(namespaces=_selecting()),
    EgressPeer(networks=EVERY_NETWORK),
)
rules = st.builds(
    EgressRule,
    action=st.sampled_from(Action),
    to=st.tuples(st.sampled_from((*PEERS, NAMES))),
    protocols=st.sampled_from(((), (PORT,), (PORT, Protocol(udp=TransportMatch(Port(number=53)))))),
)
meeting = st.builds(
    PolicySpec,
    tier=st.sampled_from(Tier),
    priority=st.integers(min_value=0, max_value=2),
    subject=st.builds(Subject, namespaces=st.sampled_from((_selecting("x"), _selecting("y"), _selecting(), NOBODY))),
    egress=st.lists(rules, min_size=1, max_size=2).map(tuple),
)
"""Small policies that say exactly what dialects can say, mostly to the same pods."""


@st.composite
def releases(draw: st.DrawFn) -> list[list[PlacedPolicy]]:
    """Draw releases in a row: of each policy there are two documents, and in each release one of them or none."""
    pool = {name: [_placed(name, draw(meeting)) for _ in range(2)] for name in ("p", "q", "r", "s")}
    choice = st.fixed_dictionaries({name: st.sampled_from((*pool[name], None)) for name in pool})
    return [
        [policy for policy in draw(choice).values() if policy is not None]
        for _ in range(draw(st.integers(min_value=2, max_value=6)))
    ]


def _placed(name: str, spec: PolicySpec) -> PlacedPolicy:
    made = document(name, spec)
    return PlacedPolicy("team", name, digest_of(repr(made).encode()), made)


@ALL
@given(steps=releases())
@settings(max_examples=150)
def test_a_kept_translator_plans_as_a_fresh_one(dialect: Dialect, steps: list[list[PlacedPolicy]]) -> None:
    kept = Translator(dialect, KNOWN, AGENT)
    for step in steps:
        assert kept.translate(step).to_json() == translate(dialect, step, KNOWN, AGENT).to_json()


@ALL
@given(policies=st.one_of(placed_policies(), releases().map(lambda steps: steps[0])))
@settings(max_examples=150)
def test_what_a_dialect_does_not_heed_changes_nothing(dialect: Dialect, policies: list[PlacedPolicy]) -> None:
    plan = translate(dialect, policies, KNOWN, AGENT)
    with patch.object(translating, "Past", lambda _: Past(lambda _mine, _its: True)):
        assert translate(dialect, policies, KNOWN, AGENT).to_json() == plan.to_json()


@ALL
def test_what_is_about_nobody_hangs_on_nothing(dialect: Dialect) -> None:
    open_, closed = (EgressRule(action=action, to=(PEERS[2],)) for action in (Action.ACCEPT, Action.DENY))
    nobody = PolicySpec(Tier.ADMIN, 0, Subject(namespaces=NOBODY), egress=(open_,))
    everybody = PolicySpec(Tier.BASELINE, 0, Subject(namespaces=_selecting()), egress=(closed,))
    first, second = _placed("p", nobody), _placed("q", everybody)
    kept = Translator(dialect, KNOWN, AGENT)
    for step in ([first], [first, second], [first]):
        assert kept.translate(step).to_json() == translate(dialect, step, KNOWN, AGENT).to_json()
