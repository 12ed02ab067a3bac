"""A translator that is kept makes of each set of policies what a fresh one makes, whatever it translated before."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from edict.ids import digest_of
from edict.policy.model import Mode, PolicySpec
from edict_agent.translate import Dialect, Facts, PlacedPolicy, Translator, translate
from edict_agent.translate import _translate as translating
from edict_agent.translate.past import Past
from tests.property.strategies import document, placed_policies, specs

AGENT = "edict-system"
CIDRS = ("10.244.0.0/16", "fd00:1::/32")
KNOWN = Facts(
    plugin_version="1.20.2",
    pod_cidrs=CIDRS,
    node_cidrs=CIDRS,
    options={"cluster-id": "0", "enable-k8s-cluster-network-policy": "true"},
    cluster_name="default",
    egress_peers=("domainNames", "networks", "nodes"),
    namespaces={name: {"a": name, "kubernetes.io/metadata.name": name} for name in ("x", "y")},
)
"""Facts by which most is exact, so that what policies do to each other is what decides."""
dialects = st.sampled_from(Dialect)


@st.composite
def releases(draw: st.DrawFn) -> list[list[PlacedPolicy]]:
    """Draw releases in a row: of each policy there are three documents, and in each release one of them or none."""
    modes = (Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE)
    pool = {name: [_placed(name, draw(specs), mode) for mode in modes] for name in ("p", "q", "r", "s")}
    choice = st.fixed_dictionaries({name: st.sampled_from((*pool[name], None)) for name in pool})
    return [
        [policy for policy in draw(choice).values() if policy is not None]
        for _ in range(draw(st.integers(min_value=2, max_value=5)))
    ]


def _placed(name: str, spec: PolicySpec, mode: Mode) -> PlacedPolicy:
    made = document(name, spec, mode)
    return PlacedPolicy("team", name, digest_of(repr(made).encode()), made)


@given(dialects, releases())
@settings(max_examples=60)
def test_a_kept_translator_plans_as_a_fresh_one(dialect: Dialect, steps: list[list[PlacedPolicy]]) -> None:
    kept = Translator(dialect, KNOWN, AGENT)
    for step in steps:
        assert kept.translate(step).to_json() == translate(dialect, step, KNOWN, AGENT).to_json()


@given(dialects, placed_policies())
def test_what_a_dialect_does_not_heed_changes_nothing(dialect: Dialect, policies: list[PlacedPolicy]) -> None:
    plan = translate(dialect, policies, KNOWN, AGENT)
    with patch.object(translating, "Past", lambda _: Past(lambda _mine, _its: True)):
        assert translate(dialect, policies, KNOWN, AGENT).to_json() == plan.to_json()
